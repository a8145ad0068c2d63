//! What log lines are about: the request that is being answered.
//!
//! It is noted beside the task rather than in a log span: a span is formatted for each request, a line is
//! written for few of them.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, Method, Request, Uri},
    response::Response,
};
use futures_util::FutureExt;
use http_body::{Frame, SizeHint};
use tracing::Level;
use vestibule::{proxy::X_REQUEST_ID, random::Random};

tokio::task_local! {
    static SUBJECT: Arc<Subject>;
}

/// The request that log lines are about.
#[derive(Debug)]
pub(crate) struct Subject {
    id: HeaderValue,
    method: Method,
    uri: Uri,
}

impl Subject {
    /// What a log line is about that is written right now, if it is about a request.
    pub(crate) fn current() -> Option<Arc<Self>> {
        SUBJECT.try_with(Arc::clone).ok()
    }

    /// A subject for tests.
    #[cfg(test)]
    pub(crate) fn of(path: &str) -> Self {
        let uri = Uri::try_from(path).unwrap();
        Self { id: HeaderValue::from_static("id"), method: Method::GET, uri }
    }

    /// A copy that does not keep the buffer in memory into which the request was read.
    fn detached(&self) -> Self {
        let uri = self.path().parse().unwrap_or_default();
        Self { id: self.id.clone(), method: self.method.clone(), uri }
    }

    pub(crate) fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    pub(crate) fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The path without its query: queries hold what people search for and, after a failed log-in
    /// without JavaScript, their e-mail address.
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }
}

/// Gives a request an id, in its log lines and in its answer. A client's own id is replaced: it could be
/// anything.
pub(crate) fn identify<B, F>(
    mut request: Request<B>,
    answer: impl FnOnce(Request<B>) -> F,
) -> impl Future<Output = Response>
where
    F: Future<Output = Response>,
{
    let begin = tracing::enabled!(Level::DEBUG).then(Instant::now);
    let id = new_id();
    request.headers_mut().insert(X_REQUEST_ID, id.clone());
    let subject = Arc::new(Subject { id, method: request.method().clone(), uri: request.uri().clone() });
    // Within the scope already, since some of it is answered, and logged, before the future is polled.
    let answering = SUBJECT.sync_scope(Arc::clone(&subject), || answer(request));
    let answering = SUBJECT.scope(Arc::clone(&subject), answering);
    answering.map(move |response| finish(response, &subject, begin))
}

fn finish(mut response: Response, subject: &Arc<Subject>, begin: Option<Instant>) -> Response {
    response.headers_mut().entry(X_REQUEST_ID).or_insert_with(|| subject.id.clone());
    if let Some(begin) = begin {
        let status = response.status().as_u16();
        SUBJECT.sync_scope(Arc::clone(subject), || tracing::debug!(status, latency = ?begin.elapsed(), "answered"));
    }
    // A body that is there already is sent without a line for the log.
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let subject = Arc::new(subject.detached());
    response.map(|body| Body::new(Streamed { body, subject }))
}

/// A random UUID (RFC 9562 §5.4). The generator is this thread's own: asking the operating system
/// would take a system call for each request.
fn new_id() -> HeaderValue {
    let id = uuid::Builder::from_random_bytes(Random::system().bytes()).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    // Hexadecimal digits and hyphens always make a header.
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)).unwrap_or(HeaderValue::from_static("none"))
}

/// A streamed body whose log lines are about its request.
struct Streamed {
    body: Body,
    subject: Arc<Subject>,
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, subject } = &mut *self;
        SUBJECT.sync_scope(Arc::clone(subject), || Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
