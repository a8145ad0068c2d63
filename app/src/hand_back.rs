//! Hands a form back with all that was typed, where there is no JavaScript and the text is too long for
//! a URL: the answer to the form is the page itself.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http::{Method, StatusCode, Uri, header, request::Parts};
use leptos::prelude::use_context;
use tower::ServiceExt;

/// A form that is to be handed back, as the server function leaves it for the layer.
#[derive(Clone, Default)]
struct Slot(Arc<Mutex<Option<Answer>>>);

/// A page as the answer to a form.
pub(crate) struct Answer {
    /// Path and query of the page; a failure is in the query.
    pub(crate) page: String,
    pub(crate) status: u16,
    /// Names and texts.
    pub(crate) typed: Vec<(String, String)>,
}

/// What was typed, for the page that shows it again.
#[derive(Clone)]
struct Typed(Arc<Vec<(String, String)>>);

/// Adds it to the pages: `router` has them and the server functions.
pub fn hand_back(router: Router) -> Router {
    router.clone().layer(from_fn_with_state(router, answer))
}

async fn answer(State(pages): State<Router>, mut request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let slot = Slot::default();
    request.extensions_mut().insert(slot.clone());
    let (mut parts, body) = request.into_parts();
    let answer = next.run(Request::from_parts(parts.clone(), body)).await;
    let Some(left) = slot.take() else { return answer };
    let (Ok(uri), Ok(status)) = (left.page.parse::<Uri>(), StatusCode::from_u16(left.status)) else {
        return answer;
    };
    (parts.method, parts.uri) = (Method::GET, uri);
    for of_the_form in [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::TRANSFER_ENCODING] {
        parts.headers.remove(of_the_form);
    }
    parts.extensions.insert(Typed(Arc::new(left.typed)));
    let shown = pages.oneshot(Request::from_parts(parts, Body::empty())).await;
    let mut shown = shown.unwrap_or_else(|never| match never {});
    // Where the page has failed as well, that is what has happened.
    if shown.status() == StatusCode::OK {
        *shown.status_mut() = status;
    }
    shown
}

/// Leaves an answer for the layer, where there is one.
pub(crate) fn leave(answer: Answer) {
    let slot = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Slot>().cloned());
    if let Some(slot) = slot {
        *slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }
}

/// What was typed into the form that this page shows again.
pub(crate) fn typed() -> Vec<(String, String)> {
    let parts = use_context::<Parts>();
    let typed = parts.as_ref().and_then(|parts| parts.extensions.get::<Typed>());
    typed.map(|typed| typed.0.to_vec()).unwrap_or_default()
}

/// The text of one field of it.
pub(crate) fn typed_as(name: &str) -> String {
    let mut typed = typed().into_iter();
    typed.find(|(key, _)| key == name).map(|(_, text)| text).unwrap_or_default()
}

/// The address that the page has by rights, when it is the answer to a form.
pub(crate) fn address() -> Option<String> {
    let parts = use_context::<Parts>()?;
    parts.extensions.get::<Typed>()?;
    parts.uri.path_and_query().map(ToString::to_string)
}

impl Slot {
    fn take(&self) -> Option<Answer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
