//! Refuses to serve the API's responses as code of this origin.
//!
//! A file that a user uploaded to the API may claim to be a script. As a page of its own it runs in a
//! sandbox, but a sandbox covers only documents: as the `src` of a script element, a style sheet, a worker or a
//! manifest it would be this origin's own. A browser says what it wants a file for in
//! `Sec-Fetch-Dest` ([Fetch Metadata]). The destinations that show or hand over data pass; all others are
//! refused, those that browsers do not have yet among them. A service worker's script has a field of its own
//! besides, also in browsers without the other (Service Workers, 3.1).
//!
//! [Fetch Metadata]: https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, Request, StatusCode};

use crate::{problem::ProblemDetails, same_origin::SEC_FETCH_DEST};

const SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");

/// Checks one request to the proxy; logs a refusal and returns its response.
pub(crate) fn refuse<B>(request: &Request<B>) -> Option<Response> {
    if is_data(request.headers()) {
        return None;
    }
    let destination = request.headers().get(SEC_FETCH_DEST);
    tracing::info!(method = %request.method(), path = request.uri().path(), ?destination, "refused to serve code");
    let sentence = "What the API answers is not served as a script, style sheet, worker or manifest. Fetch it as data.";
    Some(ProblemDetails::new(StatusCode::FORBIDDEN, sentence).into_response())
}

fn is_data(headers: &HeaderMap) -> bool {
    headers.get_all(SEC_FETCH_DEST).iter().all(|destination| shows_data(destination.as_bytes()))
        && !headers.contains_key(SERVICE_WORKER)
}

/// Destinations of the Fetch standard (2.2.5) that run nothing in the page which asks.
fn shows_data(destination: &[u8]) -> bool {
    matches!(
        destination,
        b"empty"
            | b"document"
            | b"image"
            | b"iframe"
            | b"frame"
            | b"audio"
            | b"video"
            | b"track"
            | b"font"
            | b"embed"
            | b"object"
            | b"report"
            | b"websocket"
    )
}

#[cfg(test)]
mod tests {
    use super::refuse;
    use http::Request;

    fn is_refused(fields: &[(&str, &str)]) -> bool {
        let mut request = Request::get("/api/proxy/files/1");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        refuse(&request.body(()).unwrap()).is_some_and(|response| response.status() == 403)
    }

    #[test]
    fn serves_data() {
        assert!(!is_refused(&[]));
        for destination in ["empty", "document", "iframe", "image", "video", "font", "object", "websocket"] {
            assert!(!is_refused(&[("sec-fetch-dest", destination)]), "{destination}");
        }
    }

    #[test]
    fn serves_no_code() {
        let known = ["script", "style", "worker", "sharedworker", "serviceworker", "manifest"];
        let rare = ["audioworklet", "paintworklet", "xslt", "json", "text", "speculationrules", "of-tomorrow", ""];
        for destination in known.into_iter().chain(rare) {
            assert!(is_refused(&[("sec-fetch-dest", destination)]), "{destination}");
            assert!(is_refused(&[("sec-fetch-dest", "empty"), ("sec-fetch-dest", destination)]), "{destination}");
        }
        assert!(is_refused(&[("service-worker", "script")]));
        assert!(is_refused(&[("service-worker", "script"), ("sec-fetch-dest", "empty")]));
    }
}
