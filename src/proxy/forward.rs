//! One call from the request to the response.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    extract::ConnectInfo,
    response::Response,
};
use futures_util::{
    TryFutureExt,
    future::{Either, ready},
};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header, uri::PathAndQuery};
use http_body::Body as _;
use tokio::time::timeout;

use super::{
    Proxy, Target,
    call_limit::{CallPermit, Caller},
    dispatch::{Dispatch, UpstreamResponse},
    error::ProxyError,
    http1,
    pool_return::PoolReturn,
    request, response,
    response_body::{self, BodyOptions},
    route::Route,
    token_filter::{BodyFilter, Finding, SessionTokens},
    trace::X_REQUEST_ID,
    upgrade_header,
    upload::{RequestBody, Rules, UploadState},
    upstream_body::UpstreamBody,
    upstream_request::UpstreamRequest,
};
use crate::{
    secret::Secret,
    session::{Record, RefreshOutcome, Session},
};

/// Up to this length, in bytes, the body of a call is kept to be sent again: over another connection
/// if the call is idempotent, with another token if there may be one.
const MAX_REPLAY: u64 = 64 << 10;

/// The state of a call that is in flight.
pub(super) struct ForwardContext {
    pub(super) route: usize,
    pub(super) id: HeaderValue,
    pub(super) session: Session,
    pub(super) record: Option<Arc<Record>>,
    /// Whether its response may log a user in, see `token_response`.
    pub(super) issues: bool,
}

impl Proxy {
    /// Forwards a call and returns the upstream's response, or an error as
    /// `application/problem+json` (RFC 9457).
    ///
    /// The request's extensions may hold the [`Session`] and the client's address
    /// ([`ConnectInfo`]). On a 401 from the upstream, the session's token is refreshed and the call repeated once;
    /// a 401 for good ends the session.
    pub async fn forward(&self, target: Target, mut request: Request<Body>) -> Response {
        let session = request.extensions_mut().remove().unwrap_or_default();
        let client = request.extensions().get().map(|ConnectInfo(client): &ConnectInfo<SocketAddr>| *client);
        self.forward_for(session, client, target, request).await
    }

    /// The same for a known session and client address.
    ///
    /// Synchronous work happens before the future is created, since a future reserves memory for all its arguments.
    pub(crate) fn forward_for(
        &self,
        session: Session,
        client: Option<SocketAddr>,
        target: Target,
        request: Request<Body>,
    ) -> impl Future<Output = Response> + Send {
        let (mut parts, body) = request.into_parts();
        let upgrade = upgrade_header::requested(&mut parts, &body);
        let mut upstream_request = UpstreamRequest::new(self.shared(), target.path_and_query, client, parts);
        let record = session.record();
        let mut call =
            ForwardContext { route: target.route, id: upstream_request.id.clone(), session, record, issues: false };
        let permit = self.enter(&call, &upstream_request, client);
        async move {
            let answered = match permit {
                Err(busy) => Err(busy),
                Ok(permit) => match upgrade {
                    // Rare, and large in memory: boxed, so that all other calls do not carry it around.
                    Some(client) => Box::pin(self.upgrade(&mut call, &upstream_request, client, permit)).await,
                    None => self.pass_on(&mut call, &mut upstream_request, body, permit).await,
                },
            };
            answered.unwrap_or_else(|failure| {
                let upstream = self.route(&call).authority.as_str();
                failure.respond(&call.id, upstream)
            })
        }
    }

    pub(super) fn enter(
        &self,
        call: &ForwardContext,
        upstream_request: &UpstreamRequest,
        client: Option<SocketAddr>,
    ) -> Result<CallPermit, ProxyError> {
        let shared = self.shared();
        let caller = if let Some(record) = &call.record {
            Caller::Session(record.id)
        } else {
            // The session layer knows it; without one it is worked out here.
            let known = call.session.client();
            let known = known.or_else(|| Some(shared.forwarding.client_address(&upstream_request.fields, client?)));
            known.map_or(Caller::Unknown, |address| Caller::Address(address.into()))
        };
        shared.limits.enter(caller).map_err(ProxyError::CallLimitReached)
    }

    fn pass_on<'a>(
        &'a self,
        call: &'a mut ForwardContext,
        upstream_request: &'a mut UpstreamRequest,
        body: Body,
        permit: CallPermit,
    ) -> impl Future<Output = Result<Response, ProxyError>> + Send + 'a {
        // Joined rather than awaited one after the other: the second takes the room of the first.
        let exchanged = self.exchange(call, upstream_request, body);
        exchanged.and_then(move |(call, upstream_request, answer, upload_state)| {
            self.respond(call, upstream_request, answer, upload_state, permit)
        })
    }

    /// Sends the call and waits for the head of the response.
    pub(super) async fn exchange<'a>(
        &'a self,
        call: &'a mut ForwardContext,
        upstream_request: &'a mut UpstreamRequest,
        body: Body,
    ) -> Result<(&'a ForwardContext, &'a UpstreamRequest, UpstreamResponse, Option<Arc<UploadState>>), ProxyError> {
        let route = self.route(call);
        let upload_state = if body.is_end_stream() {
            None
        } else {
            let renewable = route.send_token && call.session.can_refresh();
            let credential = self.shared().credential.own_header().cloned();
            let rules = Rules { limit: route.max_request_body, credential };
            Box::pin(take_body(upstream_request, body, route, rules, renewable)).await?
        };
        let (streamed, upload_state) = upload_state.unzip();
        let upstream_request = &*upstream_request;
        let exchange = Dispatch {
            shared: self.shared(),
            route,
            tls: self.shared().tls[call.route].as_ref(),
            pool: &self.0.pools[call.route],
            upstream_request,
            upload_state: upload_state.as_ref(),
        };
        let answer = exchange.send(self.token(call), streamed).await?;
        let mut answer = self.accepted(call, exchange, answer).await?;
        if let Some(adopting) = self.settle(call, upstream_request, &mut answer.head.headers) {
            adopting.await;
        }
        Ok((call, upstream_request, answer, upload_state))
    }

    /// A response that is for the client: a 401 only when the session has no newer token.
    fn accepted<'a>(
        &'a self,
        call: &'a mut ForwardContext,
        exchange: Dispatch<'a>,
        answer: UpstreamResponse,
    ) -> impl Future<Output = Result<UpstreamResponse, ProxyError>> + Send + 'a {
        if answer.head.status == StatusCode::UNAUTHORIZED {
            // Rare, and large in memory.
            Either::Left(Box::pin(self.send_refreshed(call, exchange, answer)))
        } else {
            Either::Right(ready(Ok(answer)))
        }
    }

    /// Makes a call that was answered 401 once more, with a newer token if there is one. Else that 401 is
    /// the response.
    async fn send_refreshed(
        &self,
        call: &mut ForwardContext,
        exchange: Dispatch<'_>,
        refused: UpstreamResponse,
    ) -> Result<UpstreamResponse, ProxyError> {
        if !self.refresh(call).await? {
            return Ok(refused);
        }
        if exchange.upstream_request.body.is_none() {
            return Err(ProxyError::Refreshed);
        }
        exchange.send(self.token(call), None).await
    }

    /// The token that goes up with a call, if any.
    pub(super) fn token<'a>(&self, call: &'a ForwardContext) -> Option<&'a Secret> {
        call.record.as_ref().filter(|_| self.route(call).send_token).map(|record| &record.access_token)
    }

    /// Renews the session's token, which the upstream has refused; tells whether there is a newer one.
    ///
    /// # Errors
    /// When it cannot be renewed right now: the 401 would look like a logout then.
    pub(super) async fn refresh(&self, call: &mut ForwardContext) -> Result<bool, ProxyError> {
        let Some(record) = call.record.as_ref().filter(|_| self.route(call).send_token) else { return Ok(false) };
        call.session.await_rotated(&record.access_token).await;
        match call.session.refresh(&record.access_token).await {
            RefreshOutcome::Refreshed => {
                call.record = call.session.record();
                Ok(true)
            }
            RefreshOutcome::Unavailable => Err(ProxyError::Unrenewed),
            RefreshOutcome::Ended | RefreshOutcome::TooRecent => Ok(false),
        }
    }

    /// Turns the upstream's response into the client's.
    ///
    /// Synchronous work happens before the future is created.
    pub(super) fn respond(
        &self,
        call: &ForwardContext,
        upstream_request: &UpstreamRequest,
        answer: UpstreamResponse,
        upload_state: Option<Arc<UploadState>>,
        permit: CallPermit,
    ) -> impl Future<Output = Result<Response, ProxyError>> + Send + use<> {
        let UpstreamResponse { mut head, body } = answer;
        let keep_alive = response::keep_alive(&head.headers);
        let upload_state = upload_state.filter(|_| matches!(body, UpstreamBody::Http2(..)));
        let pool_return = PoolReturn { proxy: Arc::clone(&self.0), route: call.route, keep_alive, upload_state };
        let finished = match head.status {
            StatusCode::SWITCHING_PROTOCOLS => Err(ProxyError::Switched),
            _ => self.finish_head(call, upstream_request.asked(), &mut head),
        };
        let known = match finished {
            Ok(known) => known,
            Err(failure) => return Either::Left(ready(Err(failure))),
        };
        let handling = BodyOptions {
            filter: self.route(call).rules.searches.then(|| BodyFilter::new(known, &head)),
            idle: idle_limit(&head.headers, self.route(call)),
            pool_return,
            permit,
            id: call.id.clone(),
            asked: upstream_request.asked().clone(),
        };
        let answer = response_body::body(body, handling).map_ok(move |body| {
            let mut answer = Response::new(body);
            *answer.status_mut() = head.status;
            *answer.headers_mut() = head.headers;
            answer
        });
        Either::Right(answer)
    }

    /// Turns the upstream's header fields into the client's.
    ///
    /// # Errors
    /// When a field holds a token.
    pub(super) fn finish_head(
        &self,
        call: &ForwardContext,
        asked: &PathAndQuery,
        head: &mut http::response::Parts,
    ) -> Result<SessionTokens, ProxyError> {
        let route = self.route(call);
        let with_token = call.record.is_some() && route.send_token;
        let headers = &mut head.headers;
        response::withhold(headers, route);
        let known = SessionTokens::new(call.record.as_ref().filter(|_| route.rules.searches));
        route
            .rules
            .check_fields(&known, headers)
            .map_err(|(why, name)| ProxyError::Withheld(Finding::in_field(&route.rules, why, &name, asked.path())))?;
        response::protect(headers, route, with_token);
        headers.append(header::VIA, request::via(head.version));
        headers.insert(X_REQUEST_ID, call.id.clone());
        Ok(known)
    }

    pub(super) fn route(&self, call: &ForwardContext) -> &Route {
        &self.shared().routes[call.route]
    }
}

/// Takes the body into the draft when it is short and may have to be sent again. Else it is streamed: then this
/// gives the stream, and how far it has come.
async fn take_body(
    upstream_request: &mut UpstreamRequest,
    body: Body,
    route: &Route,
    rules: Rules,
    renewable: bool,
) -> Result<Option<(RequestBody, Arc<UploadState>)>, ProxyError> {
    let length = body.size_hint().exact();
    if length.is_some_and(|length| length > route.max_request_body) {
        return Err(ProxyError::BodyTooLarge);
    }
    let held = upstream_request.expects_continue();
    let repeatable = renewable || upstream_request.is_idempotent();
    if !held && repeatable && length.is_some_and(|length| length <= MAX_REPLAY) {
        let limit = usize::try_from(MAX_REPLAY).unwrap_or(usize::MAX);
        let whole = timeout(route.times.idle, to_bytes(body, limit)).await.map_err(|_| ProxyError::ClientStalled)?;
        let whole = whole.map_err(ProxyError::RequestBody)?;
        // As to hyper a stream that was reset has ended, and the length is rewritten from here.
        if length != Some(whole.len() as u64) {
            return Err(ProxyError::Upload(http1::Error::RequestLength));
        }
        upstream_request.body = Some(whole);
        return Ok(None);
    }
    (upstream_request.body, upstream_request.streamed) = (None, length);
    let upload_state = UploadState::new(held);
    Ok(Some((RequestBody::stream(body, rules, Arc::clone(&upload_state)), upload_state)))
}

/// Event streams stand still by nature.
fn idle_limit(headers: &HeaderMap, route: &Route) -> Option<std::time::Duration> {
    let is_stream =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if is_stream { route.times.stream_idle } else { Some(route.times.idle) }
}
