//! The request that log lines belong to.
//!
//! It is kept in a task local rather than in a log span: a span is formatted for every request, and only few requests
//! write a log line.

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
    static CONTEXT: Arc<RequestContext>;
}

/// The request that log lines belong to.
#[derive(Debug)]
pub(crate) struct RequestContext {
    id: HeaderValue,
    method: Method,
    uri: Uri,
}

impl RequestContext {
    /// The request that is being handled right now, if any.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CONTEXT.try_with(Arc::clone).ok()
    }

    #[cfg(test)]
    pub(crate) fn for_test(path: &str) -> Self {
        let uri = Uri::try_from(path).unwrap();
        Self { id: HeaderValue::from_static("id"), method: Method::GET, uri }
    }

    /// A copy that does not keep the request's read buffer in memory.
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

    /// The path without its query: queries contain users' search terms and, after a failed login without
    /// JavaScript, their email address.
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }
}

/// Gives a request an id, for its log lines and its response. An id sent by the client is replaced: it could be
/// anything.
pub(crate) fn with_request_id<B, F>(
    mut request: Request<B>,
    handle: impl FnOnce(Request<B>) -> F,
) -> impl Future<Output = Response>
where
    F: Future<Output = Response>,
{
    let begin = tracing::enabled!(Level::DEBUG).then(Instant::now);
    let id = new_id();
    request.headers_mut().insert(X_REQUEST_ID, id.clone());
    let context = Arc::new(RequestContext { id, method: request.method().clone(), uri: request.uri().clone() });
    // Already within the scope, since `handle` may log before its future is polled.
    let response = CONTEXT.sync_scope(Arc::clone(&context), || handle(request));
    let response = CONTEXT.scope(Arc::clone(&context), response);
    response.map(move |response| finish(response, &context, begin))
}

fn finish(mut response: Response, context: &Arc<RequestContext>, begin: Option<Instant>) -> Response {
    response.headers_mut().entry(X_REQUEST_ID).or_insert_with(|| context.id.clone());
    if let Some(begin) = begin {
        let status = response.status().as_u16();
        CONTEXT.sync_scope(Arc::clone(context), || tracing::debug!(status, latency = ?begin.elapsed(), "responded"));
    }
    // A body that is complete already is sent without logging.
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let context = Arc::new(context.detached());
    response.map(|body| Body::new(ContextBody { body, context }))
}

/// A random UUID (RFC 9562 §5.4). The generator is this thread's own: asking the operating system
/// would take a system call per request.
fn new_id() -> HeaderValue {
    let id = uuid::Builder::from_random_bytes(Random::system().bytes()).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    // Hexadecimal digits and hyphens are always a valid header value.
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)).unwrap_or(HeaderValue::from_static("none"))
}

/// A streamed body whose log lines belong to its request.
struct ContextBody {
    body: Body,
    context: Arc<RequestContext>,
}

impl HttpBody for ContextBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, context } = &mut *self;
        CONTEXT.sync_scope(Arc::clone(context), || Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
