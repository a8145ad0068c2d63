//! Bodies of requests that this server reads itself: how large they may be, and how long they may take.
//!
//! These are all but those that the proxy passes on, which has limits of its own: forms, server functions, a log-in
//! through the proxy, and files from a form. A body that breaks a rule ends with an error there, and whatever the
//! handler makes of it, the client is answered 408 or 413 and loses its connection.

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

/// The most that a form may send, in bytes.
const MAX_FORM: u64 = 256 << 10;
/// How much more a form with files may send than one file, in bytes. The rest of a form is read after its file was refused,
/// so that the browser shows why.
const UPLOAD_MARGIN: u64 = 64 << 20;

/// By which rules bodies are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How long a body may stand still.
    idle: Duration,
    /// How long a form may take.
    form: Duration,
    /// The most bytes of a form with files.
    upload: u64,
}

/// What one body may be.
#[derive(Clone, Copy)]
struct Bounds {
    idle: Duration,
    whole: Option<Duration>,
    length: u64,
}

impl Rules {
    pub(crate) fn new(server: &ServerSettings, proxy: &ProxyConfig) -> Self {
        let upload = match proxy.max_request_body {
            0 => u64::MAX,
            file => file.saturating_add(UPLOAD_MARGIN),
        };
        Self { idle: server.body_timeout.duration(), form: server.form_timeout.duration(), upload }
    }

    fn of(&self, path: &str) -> Bounds {
        if path == app::UPLOAD {
            return Bounds { idle: self.idle, whole: None, length: self.upload };
        }
        Bounds { idle: self.idle, whole: Some(self.form), length: MAX_FORM }
    }
}

/// Bounds the bodies of all that is below.
pub(crate) async fn layer(State(rules): State<Rules>, request: Request, next: Next) -> Response {
    rules.read(request, |request| next.run(request)).await
}

impl Rules {
    /// Answers a request whose body is read here.
    pub(crate) async fn read<F>(self, request: Request, answer: impl FnOnce(Request) -> F) -> Response
    where
        F: Future<Output = Response>,
    {
        if request.body().is_end_stream() {
            return answer(request).await;
        }
        let (bounds, version) = (self.of(request.uri().path()), request.version());
        if request.body().size_hint().lower() > bounds.length {
            return refusal(Broken::TooLarge, version);
        }
        let broken = Broke::default();
        let told = broken.clone();
        let response = answer(request.map(|body| Body::new(Bounded::new(body, bounds, told)))).await;
        let Some(broken) = broken.get() else { return response };
        let mut refusal = refusal(broken, version);
        // The session may have been renewed meanwhile.
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            refusal.headers_mut().append(header::SET_COOKIE, cookie.clone());
        }
        refusal
    }
}

/// Which rule a body has broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Broken {
    #[error("the request's body did not come in time")]
    Late,
    #[error("the request's body is too large")]
    TooLarge,
}

/// Tells the answer what became of the body.
#[derive(Clone, Default)]
struct Broke(Arc<AtomicU8>);

impl Broke {
    fn set(&self, broken: Broken) {
        self.0.store(1 + broken as u8, Ordering::Relaxed);
    }

    fn get(&self) -> Option<Broken> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Broken::Late),
            _ => Some(Broken::TooLarge),
        }
    }
}

fn refusal(broken: Broken, version: Version) -> Response {
    let (status, sentence) = match broken {
        Broken::Late => (StatusCode::REQUEST_TIMEOUT, "What you sent did not arrive in time. Try again."),
        Broken::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "What you sent is too large. Send less."),
    };
    tracing::info!(status = status.as_u16(), reason = %broken, "gave a request up");
    let mut response = ProblemDetails::new(status, sentence).into_response();
    // The rest of the body is not waited for (RFC 9110 §15.5.9); HTTP/2 resets its stream.
    if version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A body that ends with an error when it breaks a rule.
struct Bounded {
    body: Body,
    idle: Duration,
    end: Option<Instant>,
    /// Until when the next part has to come, while it is waited for.
    due: Option<Instant>,
    alarm: DeadlineTimer,
    left: u64,
    broke: Broke,
}

impl Bounded {
    fn new(body: Body, bounds: Bounds, broke: Broke) -> Self {
        let end = bounds.whole.map(|whole| Instant::now() + whole);
        Self { body, idle: bounds.idle, end, due: None, alarm: DeadlineTimer::default(), left: bounds.length, broke }
    }

    fn fail(&mut self, broken: Broken) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.broke.set(broken);
        self.body = Body::empty();
        Poll::Ready(Some(Err(axum::Error::new(broken))))
    }

    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let due = *self.due.get_or_insert_with(|| Instant::now() + self.idle);
        let deadline = self.end.map_or(due, |end| due.min(end));
        self.alarm.is_due(deadline, cx)
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(cx) else {
            return if self.is_late(cx) { self.fail(Broken::Late) } else { Poll::Pending };
        };
        self.due = None;
        let length = polled.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len) as u64;
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => return self.fail(Broken::TooLarge),
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
    const RULES: Rules = Rules { idle: LONG, form: LONG, upload: 1 << 20 };

    /// A body of parts that come one per step, and then no more and no end.
    fn slow(parts: usize) -> Body {
        let parts = stream::iter(0..parts).then(move |_| async move {
            tokio::time::sleep(STEP).await;
            Ok::<_, Infallible>(Bytes::from_static(b"x"))
        });
        Body::from_stream(parts.chain(stream::pending()))
    }

    /// The status, from a handler that makes something else of a body that cannot be read.
    async fn read(rules: Rules, path: &str, body: Body) -> (u16, usize) {
        let request = Request::post(path).body(body).unwrap();
        let mut length = 0;
        let answer = rules.read(request, async |request| {
            let mut body = request.into_body().into_data_stream();
            while let Some(chunk) = body.next().await {
                match chunk {
                    Ok(chunk) => length += chunk.len(),
                    Err(_) => return StatusCode::BAD_REQUEST.into_response(),
                }
            }
            StatusCode::OK.into_response()
        });
        (answer.await.status().as_u16(), length)
    }

    #[tokio::test]
    async fn gives_up_a_body_that_stands_still() {
        let rules = Rules { idle: 10 * STEP, ..RULES };
        for path in ["/api/login", app::UPLOAD] {
            assert_eq!(read(rules, path, slow(0)).await, (408, 0), "{path}");
            // Longer than one limit, and never still for so long.
            assert_eq!(read(rules, path, slow(30)).await, (408, 30), "{path}");
        }
    }

    #[tokio::test]
    async fn loses_no_session_with_the_response() {
        let request = Request::post("/api/login").body(slow(0)).unwrap();
        let answer = Rules { idle: STEP, ..RULES }.read(request, async |request| {
            let _ = request.into_body().into_data_stream().next().await;
            [(header::SET_COOKIE, "vestibule=renewed")].into_response()
        });
        let answer = answer.await;
        assert_eq!(answer.status(), 408);
        assert_eq!(answer.headers()[header::SET_COOKIE], "vestibule=renewed");
    }

    #[tokio::test]
    async fn gives_up_a_form_that_comes_in_drops() {
        let rules = Rules { form: 5 * STEP, ..RULES };
        let (status, length) = read(rules, "/api/login", slow(usize::MAX)).await;
        assert_eq!(status, 408);
        assert!(length <= 5, "{length}");
        // Files may take as long as they flow.
        let rules = Rules { idle: 10 * STEP, ..rules };
        assert_eq!(read(rules, app::UPLOAD, slow(20)).await, (408, 20));
    }

    #[tokio::test]
    async fn takes_no_more_than_there_may_be() {
        let sent = |length: u64| Body::from(vec![b'x'; usize::try_from(length).unwrap()]);
        let streamed = |length| Body::from_stream(sent(length).into_data_stream());
        assert_eq!(read(RULES, "/api/login", sent(MAX_FORM)).await.0, 200);
        assert_eq!(read(RULES, "/api/login", streamed(MAX_FORM)).await.0, 200);
        assert_eq!(read(RULES, "/api/login", sent(MAX_FORM + 1)).await, (413, 0));
        assert_eq!(read(RULES, "/api/login", streamed(MAX_FORM + 1)).await.0, 413);
        assert_eq!(read(RULES, app::UPLOAD, streamed(MAX_FORM + 1)).await.0, 200);
        assert_eq!(read(RULES, app::UPLOAD, streamed((1 << 20) + 1)).await.0, 413);
    }
}
