//! Size and time limits of the request bodies that this server reads itself.
//!
//! These are forms, server functions, a login through the proxy, and files from a form; bodies that the proxy forwards
//! have its own limits. A body that exceeds a limit ends with an error. Whatever the handler responds then, the client
//! gets 408 or 413 and its connection is closed.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use vestibule::{config::ProxyConfig, deadline::DeadlineTimer, problem::ProblemDetails};

use crate::settings::ServerSettings;

/// The maximum size of a form, in bytes.
const MAX_FORM: u64 = 256 << 10;
/// How much larger a form with files may be than one file, in bytes. The rest of a form is read after its file was
/// rejected, so that the browser shows the error.
const UPLOAD_MARGIN: u64 = 64 << 20;

/// The limits of request bodies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// How long a body may stall.
    idle: Duration,
    /// How long a form may take.
    form: Duration,
    /// The maximum size of a form with files, in bytes.
    upload: u64,
}

/// The limits of one body.
#[derive(Clone, Copy)]
struct RouteLimits {
    idle: Duration,
    total: Option<Duration>,
    length: u64,
}

impl BodyLimits {
    pub(crate) fn new(server: &ServerSettings, proxy: &ProxyConfig) -> Self {
        let upload = match proxy.max_request_body {
            0 => u64::MAX,
            file => file.saturating_add(UPLOAD_MARGIN),
        };
        Self { idle: server.body_timeout.duration(), form: server.form_timeout.duration(), upload }
    }

    fn for_path(&self, path: &str) -> RouteLimits {
        if path == app::UPLOAD {
            return RouteLimits { idle: self.idle, total: None, length: self.upload };
        }
        RouteLimits { idle: self.idle, total: Some(self.form), length: MAX_FORM }
    }
}

/// The middleware that limits the bodies of all routes below it.
pub(crate) async fn layer(State(limits): State<BodyLimits>, request: Request, next: Next) -> Response {
    limits.apply(request, |request| next.run(request)).await
}

impl BodyLimits {
    /// Calls `handle` with the request's body limited.
    pub(crate) async fn apply<F>(self, request: Request, handle: impl FnOnce(Request) -> F) -> Response
    where
        F: Future<Output = Response>,
    {
        if request.body().is_end_stream() {
            return handle(request).await;
        }
        let (limits, version) = (self.for_path(request.uri().path()), request.version());
        if request.body().size_hint().lower() > limits.length {
            return error_response(LimitError::TooLarge, version);
        }
        let cell = LimitErrorCell::default();
        let body_cell = cell.clone();
        let response = handle(request.map(|body| Body::new(LimitedBody::new(body, limits, body_cell)))).await;
        let Some(error) = cell.get() else { return response };
        let mut error_response = error_response(error, version);
        // The session may have been refreshed meanwhile.
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            error_response.headers_mut().append(header::SET_COOKIE, cookie.clone());
        }
        error_response
    }
}

/// The limit that a body has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum LimitError {
    #[error("the request body did not arrive in time")]
    Timeout,
    #[error("the request body is too large")]
    TooLarge,
}

/// Shares a body's [`LimitError`] with the handler's caller.
#[derive(Clone, Default)]
struct LimitErrorCell(Arc<AtomicU8>);

impl LimitErrorCell {
    fn set(&self, error: LimitError) {
        self.0.store(1 + error as u8, Ordering::Relaxed);
    }

    fn get(&self) -> Option<LimitError> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(LimitError::Timeout),
            _ => Some(LimitError::TooLarge),
        }
    }
}

fn error_response(error: LimitError, version: Version) -> Response {
    let (status, detail) = match error {
        LimitError::Timeout => (StatusCode::REQUEST_TIMEOUT, "The request did not arrive in time. Try again."),
        LimitError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The request is too large. Send less."),
    };
    tracing::info!(status = status.as_u16(), reason = %error, "rejected a request body");
    let mut response = ProblemDetails::new(status, detail).into_response();
    // The connection is closed without reading the rest of the body (RFC 9110 §15.5.9); HTTP/2 resets its stream.
    if version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A body that ends with an error when it exceeds a limit.
struct LimitedBody {
    body: Body,
    idle: Duration,
    /// The deadline of the whole body.
    deadline: Option<Instant>,
    /// The deadline of the next part, while the body waits for it.
    idle_deadline: Option<Instant>,
    timer: DeadlineTimer,
    remaining: u64,
    error: LimitErrorCell,
}

impl LimitedBody {
    fn new(body: Body, limits: RouteLimits, error: LimitErrorCell) -> Self {
        Self {
            body,
            idle: limits.idle,
            deadline: limits.total.map(|total| Instant::now() + total),
            idle_deadline: None,
            timer: DeadlineTimer::default(),
            remaining: limits.length,
            error,
        }
    }

    fn fail(&mut self, error: LimitError) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.error.set(error);
        self.body = Body::empty();
        Poll::Ready(Some(Err(axum::Error::new(error))))
    }

    fn has_timed_out(&mut self, cx: &mut Context<'_>) -> bool {
        let idle = *self.idle_deadline.get_or_insert_with(|| Instant::now() + self.idle);
        let deadline = self.deadline.map_or(idle, |deadline| idle.min(deadline));
        self.timer.poll_expired(deadline, cx)
    }
}

impl HttpBody for LimitedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(cx) else {
            return if self.has_timed_out(cx) { self.fail(LimitError::Timeout) } else { Poll::Pending };
        };
        self.idle_deadline = None;
        let length = polled.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len) as u64;
        match self.remaining.checked_sub(length) {
            Some(remaining) => self.remaining = remaining,
            None => return self.fail(LimitError::TooLarge),
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream::{self, StreamExt};

    use super::*;

    const STEP: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_hours(1);
    const LIMITS: BodyLimits = BodyLimits { idle: LONG, form: LONG, upload: 1 << 20 };

    /// A body of `parts` parts, one per step, that then stalls without an end.
    fn slow(parts: usize) -> Body {
        let parts = stream::iter(0..parts).then(move |_| async move {
            tokio::time::sleep(STEP).await;
            Ok::<_, Infallible>(Bytes::from_static(b"x"))
        });
        Body::from_stream(parts.chain(stream::pending()))
    }

    /// The status and the number of bytes read, with a handler that responds 400 to a body error.
    async fn read(limits: BodyLimits, path: &str, body: Body) -> (u16, usize) {
        let request = Request::post(path).body(body).unwrap();
        let mut length = 0;
        let response = limits.apply(request, async |request| {
            let mut body = request.into_body().into_data_stream();
            while let Some(chunk) = body.next().await {
                match chunk {
                    Ok(chunk) => length += chunk.len(),
                    Err(_) => return StatusCode::BAD_REQUEST.into_response(),
                }
            }
            StatusCode::OK.into_response()
        });
        (response.await.status().as_u16(), length)
    }

    #[tokio::test]
    async fn times_out_a_body_that_stalls() {
        let limits = BodyLimits { idle: 10 * STEP, ..LIMITS };
        for path in ["/api/login", app::UPLOAD] {
            assert_eq!(read(limits, path, slow(0)).await, (408, 0), "{path}");
            // Longer than one limit in all, but never stalled for so long.
            assert_eq!(read(limits, path, slow(30)).await, (408, 30), "{path}");
        }
    }

    #[tokio::test]
    async fn keeps_the_session_cookie_of_the_response() {
        let request = Request::post("/api/login").body(slow(0)).unwrap();
        let response = BodyLimits { idle: STEP, ..LIMITS }.apply(request, async |request| {
            let _ = request.into_body().into_data_stream().next().await;
            [(header::SET_COOKIE, "vestibule=refreshed")].into_response()
        });
        let response = response.await;
        assert_eq!(response.status(), 408);
        assert_eq!(response.headers()[header::SET_COOKIE], "vestibule=refreshed");
    }

    #[tokio::test]
    async fn times_out_a_form_that_trickles() {
        let limits = BodyLimits { form: 5 * STEP, ..LIMITS };
        let (status, length) = read(limits, "/api/login", slow(usize::MAX)).await;
        assert_eq!(status, 408);
        assert!(length <= 5, "{length}");
        // Files may take any time as long as they do not stall.
        let limits = BodyLimits { idle: 10 * STEP, ..limits };
        assert_eq!(read(limits, app::UPLOAD, slow(20)).await, (408, 20));
    }

    #[tokio::test]
    async fn accepts_no_body_over_the_limit() {
        let sent = |length: u64| Body::from(vec![b'x'; usize::try_from(length).unwrap()]);
        let streamed = |length| Body::from_stream(sent(length).into_data_stream());
        assert_eq!(read(LIMITS, "/api/login", sent(MAX_FORM)).await.0, 200);
        assert_eq!(read(LIMITS, "/api/login", streamed(MAX_FORM)).await.0, 200);
        assert_eq!(read(LIMITS, "/api/login", sent(MAX_FORM + 1)).await, (413, 0));
        assert_eq!(read(LIMITS, "/api/login", streamed(MAX_FORM + 1)).await.0, 413);
        assert_eq!(read(LIMITS, app::UPLOAD, streamed(MAX_FORM + 1)).await.0, 200);
        assert_eq!(read(LIMITS, app::UPLOAD, streamed((1 << 20) + 1)).await.0, 413);
    }
}
