//! The form that uploads files, for browsers without JavaScript. It does what a server function cannot do: pass
//! files on as they come in, none of them in memory whole.

mod form;

use axum::{
    Router,
    body::Body,
    extract::{Query, Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use serde::Deserialize;
use tower::ServiceExt;
use vestibule::{Vestibule, session::Session};

use self::form::{File, Form};
use super::attachment::UPLOAD;
use crate::{
    api::attachment::{self, ANY_CONTENT},
    page, query, user,
};

/// The route that takes files from a form. It wants [`Vestibule::guard`] around it, and limits for how much comes
/// and how long it may take.
pub fn uploads(vestibule: &Vestibule) -> Router {
    let prefix = vestibule.config().proxy.prefix.trim_end_matches('/').to_owned();
    Router::new().route(UPLOAD, post(receive)).with_state(Api { proxy: vestibule.routes(), prefix })
}

/// The way that calls of the browser take: it adds the session's token, renews it, and streams.
#[derive(Clone)]
struct Api {
    proxy: Router,
    prefix: String,
}

#[derive(Deserialize)]
struct Place {
    note: String,
}

/// Passes each file of the form on, and goes back to the note's page. Of somebody who is not logged in nothing is
/// read.
async fn receive(
    State(api): State<Api>,
    Query(Place { note }): Query<Place>,
    session: Session,
    request: Request,
) -> Response {
    let status = if session.is_logged_in() { api.take(&note, request).await } else { StatusCode::UNAUTHORIZED };
    back(&note, status)
}

impl Api {
    /// Passes the files on until one is refused; answers the last status. A form that breaks off or is malformed
    /// has failed, whatever came before.
    async fn take(&self, note: &str, request: Request) -> StatusCode {
        let (parts, body) = request.into_parts();
        let Some(mut form) = Form::new(&parts.headers, body) else { return StatusCode::BAD_REQUEST };
        let mut status = StatusCode::BAD_REQUEST;
        loop {
            match form.next_file().await {
                Ok(Some(file)) => status = self.pass_on(&parts, note, file).await,
                Ok(None) => return status,
                Err(error) => {
                    tracing::info!(%error, "an upload's form is malformed");
                    return StatusCode::BAD_REQUEST;
                }
            }
            if !status.is_success() {
                form.drain().await;
                return status;
            }
        }
    }

    /// Makes the call that a script would make for this file.
    async fn pass_on(&self, parts: &Parts, note: &str, file: File) -> StatusCode {
        let Ok(url) = format!("{}{}", self.prefix, attachment::upload_path(note, &file.name)).parse() else {
            return StatusCode::BAD_REQUEST;
        };
        let mut call = Request::from_parts(parts.clone(), Body::from_stream(file.content));
        (*call.method_mut(), *call.uri_mut()) = (Method::POST, url);
        call.headers_mut().remove(header::CONTENT_LENGTH);
        let kind = file.kind.unwrap_or(HeaderValue::from_static(ANY_CONTENT));
        call.headers_mut().insert(header::CONTENT_TYPE, kind);
        let answer = self.proxy.clone().oneshot(call).await;
        answer.map_or(StatusCode::INTERNAL_SERVER_ERROR, |answer| answer.status())
    }
}

/// To the note's page: with a word that it is done, or with the status that tells why not.
fn back(note: &str, status: StatusCode) -> Response {
    let page = page::note_path(note);
    let to = match status {
        StatusCode::UNAUTHORIZED => user::login_path(&page, true),
        status if status.is_success() => query::path(&page, &[("done", "file-added")]),
        status => query::path(&page, &[("upload_error", status.as_str())]),
    };
    let no_store = HeaderValue::from_static("no-store");
    let to = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/notes"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to), (header::CACHE_CONTROL, no_store)]).into_response()
}
