//! The forms of a note's files, for browsers without JavaScript.

use leptos::prelude::*;

use crate::api::Problem;
#[cfg(feature = "ssr")]
pub use receive::uploads;

/// Where the form posts files to. The query names the note.
pub(crate) const UPLOAD: &str = "/api/form/attachments/upload";

/// Deletes a file.
///
/// # Errors
/// Why the API refused.
#[server(prefix = "/api", endpoint = "form/attachments/delete")]
pub async fn delete_attachment(#[server(default)] note: String, #[server(default)] id: String) -> Result<(), Problem> {
    use crate::{api::attachment, page, query, respond};

    let page = page::note_path(&note);
    let outcome = attachment::remove(&note, &id).await;
    let done = query::path(&page, &[("done", "file-deleted")]);
    respond::finish(outcome, &done, |problem| super::back(&page, problem, &[]))
}

/// What a server function cannot do: pass files on as they come in, none of them in memory whole.
#[cfg(feature = "ssr")]
mod receive {
    use axum::{
        Router,
        body::Body,
        extract::{Query, Request, State},
        response::{IntoResponse, Response},
        routing::post,
    };
    use http::{HeaderValue, Method, StatusCode, header, request::Parts};
    use multer::{Field, Multipart};
    use serde::Deserialize;
    use tower::ServiceExt;
    use vestibule::Vestibule;

    use crate::{
        api::attachment::{self, ANY_CONTENT},
        page, query, user,
    };

    /// How much is still read of a form that was refused, in bytes. A browser shows no answer to a
    /// request that it could not send.
    const PATIENCE: usize = 64 << 20;

    /// The route that takes files from a form. It wants [`Vestibule::guard`] around it.
    pub fn uploads(vestibule: &Vestibule) -> Router {
        let api =
            Api { proxy: vestibule.routes(), prefix: vestibule.config().proxy.prefix.trim_end_matches('/').to_owned() };
        Router::new().route(super::UPLOAD, post(receive)).with_state(api)
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

    /// Passes each file of the form on, and goes back to the note's page.
    async fn receive(State(api): State<Api>, Query(Place { note }): Query<Place>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let Ok(boundary) = multer::parse_boundary(kind) else { return back(&note, StatusCode::BAD_REQUEST) };
        let mut form = Multipart::new(body.into_data_stream(), boundary);
        let mut status = StatusCode::BAD_REQUEST;
        while let Ok(Some(field)) = form.next_field().await {
            let Some(name) = field.file_name().filter(|name| !name.is_empty()).map(str::to_owned) else { continue };
            status = api.pass_on(&parts, &note, &name, field).await;
            if !status.is_success() {
                drain(form).await;
                break;
            }
        }
        back(&note, status)
    }

    impl Api {
        /// Makes the call that a script would make for this file.
        async fn pass_on(&self, parts: &Parts, note: &str, name: &str, field: Field<'static>) -> StatusCode {
            let kind = field.content_type().and_then(|kind| HeaderValue::from_str(kind.as_ref()).ok());
            let Ok(url) = format!("{}{}", self.prefix, attachment::upload_path(note, name)).parse() else {
                return StatusCode::BAD_REQUEST;
            };
            let mut call = Request::from_parts(parts.clone(), Body::from_stream(field));
            (*call.method_mut(), *call.uri_mut()) = (Method::POST, url);
            call.headers_mut().remove(header::CONTENT_LENGTH);
            let kind = kind.unwrap_or(HeaderValue::from_static(ANY_CONTENT));
            call.headers_mut().insert(header::CONTENT_TYPE, kind);
            let answer = self.proxy.clone().oneshot(call).await;
            answer.map_or(StatusCode::INTERNAL_SERVER_ERROR, |answer| answer.status())
        }
    }

    async fn drain(mut form: Multipart<'static>) {
        let mut read = 0;
        while let Ok(Some(mut field)) = form.next_field().await {
            while let Ok(Some(chunk)) = field.chunk().await {
                read += chunk.len();
                if read > PATIENCE {
                    return;
                }
            }
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
}
