//! The body of a response on its way to the client.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{BoxError, body::Body as AxumBody};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, uri::PathAndQuery};
use http_body::{Body, Frame, SizeHint};

use super::{
    call_limit::CallPermit,
    error::{ProxyError, causes},
    idle::IdleTimer,
    pool_return::PoolReturn,
    response,
    token_filter::{BodyFilter, Finding, SessionTokens},
    upstream_body::UpstreamBody,
};

/// Up to this length, in bytes, a response with a known length is read whole before its head goes
/// out, so that a token in it is answered 502.
const MAX_AHEAD: u64 = 64 << 10;
/// Where a token is found, as the log says.
const BODY: &str = "the body";

/// The body of a response as it comes from the upstream, without tokens.
pub(super) struct ResponseBody {
    /// Bytes that were read before the head went out, and are checked.
    ahead: Bytes,
    upstream_body: Option<UpstreamBody>,
    /// Bytes that were checked together with the part before them.
    next: Bytes,
    /// Boxed, as few responses have any.
    trailers: Option<Box<HeaderMap>>,
    filter: Option<BodyFilter>,
    idle: Option<IdleTimer>,
    pool_return: PoolReturn,
    permit: Option<CallPermit>,
    id: HeaderValue,
    asked: PathAndQuery,
    /// Why the body ends here, when that is still to be told.
    broken: Option<Box<Broken>>,
}

/// The settings of a response body.
pub(super) struct BodyOptions {
    /// Searches the body, when it is to be searched.
    pub(super) filter: Option<BodyFilter>,
    /// How long it may stand still.
    pub(super) idle: Option<Duration>,
    pub(super) pool_return: PoolReturn,
    pub(super) permit: CallPermit,
    pub(super) id: HeaderValue,
    /// The path and query of the upstream request.
    pub(super) asked: PathAndQuery,
}

/// Makes the response's body: in memory when it is short and there already, streamed otherwise.
///
/// # Errors
/// When the beginning of it holds a token, or a short one does not come.
pub(super) fn body(
    upstream_body: UpstreamBody,
    handling: BodyOptions,
) -> impl Future<Output = Result<AxumBody, ProxyError>> + Send {
    let BodyOptions { filter, idle, pool_return, permit, id, asked } = handling;
    let idle = idle.map(IdleTimer::new);
    let upstream_body = upstream_body.with_rest_of_request(&pool_return);
    let mut body = ResponseBody {
        ahead: Bytes::new(),
        next: Bytes::new(),
        upstream_body: Some(upstream_body),
        trailers: None,
        filter,
        idle,
        pool_return,
        permit: Some(permit),
        id,
        asked,
        broken: None,
    };
    // A block rather than an `async fn`, which would keep room for what it is given beside the body.
    async move {
        if body.ended() {
            return Ok(AxumBody::empty());
        }
        if body.filter.is_some() && body.size_hint().exact().is_some_and(|length| length <= MAX_AHEAD) {
            return body.whole().await.map(AxumBody::from);
        }
        body.begin().await?;
        if body.is_end_stream() {
            return Ok(AxumBody::from(body.ahead));
        }
        let proxy = Arc::clone(&body.pool_return.proxy);
        Ok(proxy.unread.limit(AxumBody::new(body)))
    }
}

impl ResponseBody {
    /// Reads all of a short body.
    async fn whole(&mut self) -> Result<Bytes, ProxyError> {
        let length = self.size_hint().exact();
        let mut first = Bytes::new();
        let mut more = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|cx| self.poll_checked(cx)).await {
            let Ok(data) = frame.map_err(Broken::into_failure)?.into_data() else { continue };
            if first.is_empty() {
                first = data;
            } else {
                more.extend_from_slice(&data);
            }
        }
        if length.is_some_and(|length| length != (first.len() + more.len()) as u64) {
            return Err(ProxyError::BrokenOff);
        }
        if more.is_empty() {
            return Ok(first);
        }
        let mut all = BytesMut::with_capacity(first.len() + more.len());
        all.extend_from_slice(&first);
        all.extend_from_slice(&more);
        Ok(all.freeze())
    }

    /// Reads what is there without waiting: mostly the response's first chunk came with its head.
    async fn begin(&mut self) -> Result<(), ProxyError> {
        let polled = std::future::poll_fn(|cx| Poll::Ready(self.poll_checked(cx))).await;
        match polled {
            Poll::Ready(Some(frame)) => match frame.map_err(Broken::into_failure)?.into_data() {
                Ok(data) => self.ahead = data,
                Err(frame) => self.trailers = frame.into_trailers().ok().map(Box::new),
            },
            Poll::Ready(None) | Poll::Pending => {}
        }
        Ok(())
    }

    /// Gives the connection back when the body has ended.
    fn ended(&mut self) -> bool {
        let ended = self.upstream_body.as_ref().is_none_or(UpstreamBody::is_end_stream);
        if ended {
            self.finish();
        }
        ended
    }

    fn finish(&mut self) {
        self.idle = None;
        self.permit = None;
        if let Some(upstream_body) = self.upstream_body.take() {
            upstream_body.finish(&self.pool_return);
            self.pool_return.end();
        }
    }

    fn poll_checked(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            if !self.next.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.next)))));
            }
            let Some(upstream_body) = &mut self.upstream_body else {
                return Poll::Ready(self.rest().transpose());
            };
            match upstream_body.poll_frame(cx) {
                Poll::Pending => {
                    let stalled = self.idle.as_mut().is_some_and(|idle| idle.poll_stalled(cx));
                    return if stalled { Poll::Ready(Some(Err(Broken::Stalled))) } else { Poll::Pending };
                }
                Poll::Ready(None) => self.finish(),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Broken::Upstream(error)))),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(frame) = self.check(frame).transpose() {
                        return Poll::Ready(Some(frame));
                    }
                }
            }
        }
    }

    /// The part of a frame that may go out, if any yet.
    fn check(&mut self, frame: Frame<Bytes>) -> Result<Option<Frame<Bytes>>, Broken> {
        if let Some(idle) = &mut self.idle {
            idle.touch();
        }
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => return self.keep_trailers(frame).map(|()| None),
        };
        let last = self.upstream_body.as_ref().is_none_or(UpstreamBody::is_end_stream);
        let Self { filter, pool_return, asked, .. } = self;
        let (before, data) = match filter {
            Some(filter) => {
                let rules = &pool_return.route().rules;
                let checked = filter.check_chunk(rules, data, last);
                checked.map_err(|why| Broken::Withheld(Finding::new(rules, why, BODY, asked.path())))?
            }
            None => (Bytes::new(), data),
        };
        if last {
            self.finish();
        }
        if before.is_empty() {
            return Ok((!data.is_empty()).then(|| Frame::data(data)));
        }
        self.next = data;
        Ok(Some(Frame::data(before)))
    }

    /// Trailers wait for what is still held back. They obey the rules of the head.
    fn keep_trailers(&mut self, frame: Frame<Bytes>) -> Result<(), Broken> {
        let Ok(mut trailers) = frame.into_trailers() else { return Ok(()) };
        let route = self.pool_return.route();
        response::withhold_from_trailers(&mut trailers, route);
        let checked = match &self.filter {
            Some(filter) => filter.check_trailers(&route.rules, &mut trailers),
            None => route.rules.check_fields(&SessionTokens::default(), &mut trailers),
        };
        checked
            .map_err(|(why, name)| Broken::Withheld(Finding::in_field(&route.rules, why, &name, self.asked.path())))?;
        self.trailers = (!trailers.is_empty()).then(|| Box::new(trailers));
        self.finish();
        Ok(())
    }

    /// The last bytes, after the upstream's last frame.
    fn rest(&mut self) -> Result<Option<Frame<Bytes>>, Broken> {
        let Self { filter, pool_return, asked, trailers, .. } = self;
        if let Some(filter) = filter.as_mut().filter(|filter| filter.held() > 0) {
            let rules = &pool_return.route().rules;
            let held = filter.finish(rules);
            let held = held.map_err(|why| Broken::Withheld(Finding::new(rules, why, BODY, asked.path())))?;
            return Ok(Some(Frame::data(held)));
        }
        Ok(trailers.take().map(|trailers| Frame::trailers(*trailers)))
    }
}

/// Why a response's body ends before its end.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Withheld(Box<Finding>),
    #[error("the upstream's answer stopped half-way")]
    Stalled,
    #[error("the upstream's answer broke off")]
    Upstream(#[source] ProxyError),
}

impl Broken {
    fn into_failure(self) -> ProxyError {
        match self {
            Self::Withheld(finding) => ProxyError::Withheld(finding),
            Self::Stalled => ProxyError::IdleTimeout,
            Self::Upstream(failure) => failure,
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.ahead.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.ahead)))));
        }
        if let Some(broken) = self.broken.take() {
            return Poll::Ready(Some(Err(broken.into())));
        }
        match self.poll_checked(cx) {
            Poll::Ready(Some(Err(broken))) => {
                self.log(&broken);
                // Dropping what is left closes the upstream's connection.
                (self.upstream_body, self.filter, self.trailers) = (None, None, None);
                self.pool_return.end();
                self.broken = Some(Box::new(broken));
                // Later, as the server throws away then what it has not written yet: the head, and all before this.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            other => other.map_err(BoxError::from),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && self.nothing_more()
    }

    fn size_hint(&self) -> SizeHint {
        let Some(upstream_body) = &self.upstream_body else {
            return SizeHint::with_exact(self.here());
        };
        let here = self.here();
        upstream_body.size_hint().exact().map_or_else(SizeHint::default, |length| SizeHint::with_exact(length + here))
    }
}

impl ResponseBody {
    fn nothing_more(&self) -> bool {
        let ended = self.broken.is_none() && self.upstream_body.as_ref().is_none_or(UpstreamBody::is_end_stream);
        ended && self.next.is_empty() && self.held_length() == 0 && self.trailers.is_none()
    }

    /// How many bytes are here already and have not gone out.
    fn here(&self) -> u64 {
        (self.ahead.len() + self.next.len() + self.held_length()) as u64
    }

    fn held_length(&self) -> usize {
        self.filter.as_ref().map_or(0, BodyFilter::held)
    }

    fn log(&self, broken: &Broken) {
        let request_id = self.id.to_str().unwrap_or_default();
        match broken {
            Broken::Withheld(finding) => {
                finding.log(request_id, self.pool_return.route().authority.as_str(), "cut an answer");
            }
            Broken::Stalled | Broken::Upstream(_) => {
                let cause = causes(broken);
                tracing::warn!(request_id, error = %broken, cause, "an answer broke off");
            }
        }
    }
}
