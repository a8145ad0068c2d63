//! One call from the request to the answer.

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
    answer::{self, Handling},
    draft::Draft,
    exchange::{Answer, Exchange},
    failure::Failure,
    http1,
    incoming::Incoming,
    lease::Lease,
    limit::{Caller, Permit},
    request, response,
    route::Route,
    token_filter::{BodyFilter, Finding, Known},
    trace::X_REQUEST_ID,
    upgrade_header,
    upload::{Flow, RequestBody, Rules},
};
use crate::{
    secret::Secret,
    session::{Record, RefreshOutcome, Session},
};

/// Up to this length, in bytes, the body of a call is kept to be sent again: over another connection
/// if the call is idempotent, with another token if there may be one.
const MAX_REPLAY: u64 = 64 << 10;

/// What is known of a call while it is under way.
pub(super) struct Call {
    pub(super) route: usize,
    pub(super) id: HeaderValue,
    pub(super) session: Session,
    pub(super) record: Option<Arc<Record>>,
    /// Whether its answer may log somebody in, see `issue`.
    pub(super) issues: bool,
}

impl Proxy {
    /// Passes a call on and answers what the upstream answers, or what went wrong as
    /// `application/problem+json` (RFC 9457).
    ///
    /// The request's extensions may hold the [`Session`] and the client's address
    /// ([`ConnectInfo`]). To an upstream's 401 the session's token is renewed and the call made once more;
    /// a 401 for good ends the session.
    pub async fn forward(&self, target: Target, mut request: Request<Body>) -> Response {
        let session = request.extensions_mut().remove().unwrap_or_default();
        let client = request.extensions().get().map(|ConnectInfo(client): &ConnectInfo<SocketAddr>| *client);
        self.forward_for(session, client, target, request).await
    }

    /// The same for a session and a client's address that are at hand.
    ///
    /// What can be done at once is done before there is a future, which keeps room for all that it is given.
    pub(crate) fn forward_for(
        &self,
        session: Session,
        client: Option<SocketAddr>,
        target: Target,
        request: Request<Body>,
    ) -> impl Future<Output = Response> + Send {
        let (mut parts, body) = request.into_parts();
        let upgrade = upgrade_header::requested(&mut parts, &body);
        let mut draft = Draft::new(self.shared(), target.path_and_query, client, parts);
        let record = session.record();
        let mut call = Call { route: target.route, id: draft.id.clone(), session, record, issues: false };
        let permit = self.enter(&call, &draft, client);
        async move {
            let answered = match permit {
                Err(busy) => Err(busy),
                Ok(permit) => match upgrade {
                    // Rare, and large in memory: boxed, so that all other calls do not carry it around.
                    Some(client) => Box::pin(self.upgrade(&mut call, &draft, client, permit)).await,
                    None => self.pass_on(&mut call, &mut draft, body, permit).await,
                },
            };
            answered.unwrap_or_else(|failure| {
                let upstream = self.route(&call).authority.as_str();
                failure.respond(&call.id, upstream)
            })
        }
    }

    pub(super) fn enter(&self, call: &Call, draft: &Draft, client: Option<SocketAddr>) -> Result<Permit, Failure> {
        let shared = self.shared();
        let caller = if let Some(record) = &call.record {
            Caller::Session(record.id)
        } else {
            // The session layer knows it; without one it is worked out here.
            let known = call.session.client();
            let known = known.or_else(|| Some(shared.forwarding.client_address(&draft.fields, client?)));
            known.map_or(Caller::Unknown, |address| Caller::Address(address.into()))
        };
        shared.limits.enter(caller).map_err(Failure::Busy)
    }

    fn pass_on<'a>(
        &'a self,
        call: &'a mut Call,
        draft: &'a mut Draft,
        body: Body,
        permit: Permit,
    ) -> impl Future<Output = Result<Response, Failure>> + Send + 'a {
        // Joined rather than awaited one after the other: the second takes the room of the first.
        let exchanged = self.exchange(call, draft, body);
        exchanged.and_then(move |(call, draft, answer, flow)| self.respond(call, draft, answer, flow, permit))
    }

    /// Sends the call and waits for the head of the answer.
    pub(super) async fn exchange<'a>(
        &'a self,
        call: &'a mut Call,
        draft: &'a mut Draft,
        body: Body,
    ) -> Result<(&'a Call, &'a Draft, Answer, Option<Arc<Flow>>), Failure> {
        let route = self.route(call);
        let flow = if body.is_end_stream() {
            None
        } else {
            let renewable = route.send_token && call.session.can_refresh();
            let credential = self.shared().credential.own_header().cloned();
            let rules = Rules { limit: route.max_request_body, credential };
            Box::pin(take_body(draft, body, route, rules, renewable)).await?
        };
        let (streamed, flow) = flow.unzip();
        let draft = &*draft;
        let exchange = Exchange {
            shared: self.shared(),
            route,
            tls: self.shared().tls[call.route].as_ref(),
            pool: &self.0.pools[call.route],
            draft,
            flow: flow.as_ref(),
        };
        let answer = exchange.send(self.token(call), streamed).await?;
        let mut answer = self.accepted(call, exchange, answer).await?;
        if let Some(adopting) = self.settle(call, draft, &mut answer.head.headers) {
            adopting.await;
        }
        Ok((call, draft, answer, flow))
    }

    /// An answer that is for the client: a 401 only when the session has no newer token.
    fn accepted<'a>(
        &'a self,
        call: &'a mut Call,
        exchange: Exchange<'a>,
        answer: Answer,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send + 'a {
        if answer.head.status == StatusCode::UNAUTHORIZED {
            // Rare, and large in memory.
            Either::Left(Box::pin(self.send_renewed(call, exchange, answer)))
        } else {
            Either::Right(ready(Ok(answer)))
        }
    }

    /// Makes a call that was answered 401 once more, with a newer token if there is one. Else that 401 is
    /// the answer.
    async fn send_renewed(&self, call: &mut Call, exchange: Exchange<'_>, refused: Answer) -> Result<Answer, Failure> {
        if !self.refresh(call).await? {
            return Ok(refused);
        }
        if exchange.draft.body.is_none() {
            return Err(Failure::Renewed);
        }
        exchange.send(self.token(call), None).await
    }

    /// The token that goes up with a call, if any.
    pub(super) fn token<'a>(&self, call: &'a Call) -> Option<&'a Secret> {
        call.record.as_ref().filter(|_| self.route(call).send_token).map(|record| &record.access_token)
    }

    /// Renews the session's token, which the upstream has refused; tells whether there is a newer one.
    ///
    /// # Errors
    /// When it cannot be renewed right now: the 401 would look like a log-out then.
    pub(super) async fn refresh(&self, call: &mut Call) -> Result<bool, Failure> {
        let Some(record) = call.record.as_ref().filter(|_| self.route(call).send_token) else { return Ok(false) };
        call.session.await_rotated(&record.access_token).await;
        match call.session.refresh(&record.access_token).await {
            RefreshOutcome::Refreshed => {
                call.record = call.session.record();
                Ok(true)
            }
            RefreshOutcome::Unavailable => Err(Failure::Unrenewed),
            RefreshOutcome::Ended | RefreshOutcome::TooRecent => Ok(false),
        }
    }

    /// Makes the client's answer of the upstream's.
    ///
    /// What can be done at once is done before there is a future.
    pub(super) fn respond(
        &self,
        call: &Call,
        draft: &Draft,
        answer: Answer,
        flow: Option<Arc<Flow>>,
        permit: Permit,
    ) -> impl Future<Output = Result<Response, Failure>> + Send + use<> {
        let Answer { mut head, body } = answer;
        let keep_alive = response::keep_alive(&head.headers);
        let flow = flow.filter(|_| matches!(body, Incoming::Http2(..)));
        let lease = Lease { proxy: Arc::clone(&self.0), route: call.route, keep_alive, flow };
        let finished = match head.status {
            StatusCode::SWITCHING_PROTOCOLS => Err(Failure::Switched),
            _ => self.finish_head(call, draft.asked(), &mut head),
        };
        let known = match finished {
            Ok(known) => known,
            Err(failure) => return Either::Left(ready(Err(failure))),
        };
        let handling = Handling {
            filter: self.route(call).rules.searches.then(|| BodyFilter::new(known, &head)),
            idle: idle_limit(&head.headers, self.route(call)),
            lease,
            permit,
            id: call.id.clone(),
            asked: draft.asked().clone(),
        };
        let answer = answer::body(body, handling).map_ok(move |body| {
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
        call: &Call,
        asked: &PathAndQuery,
        head: &mut http::response::Parts,
    ) -> Result<Known, Failure> {
        let route = self.route(call);
        let with_token = call.record.is_some() && route.send_token;
        let headers = &mut head.headers;
        response::withhold(headers, route);
        let known = Known::new(call.record.as_ref().filter(|_| route.rules.searches));
        route
            .rules
            .check_fields(&known, headers)
            .map_err(|(why, name)| Failure::Withheld(Finding::in_field(&route.rules, why, &name, asked.path())))?;
        response::protect(headers, route, with_token);
        headers.append(header::VIA, request::via(head.version));
        headers.insert(X_REQUEST_ID, call.id.clone());
        Ok(known)
    }

    pub(super) fn route(&self, call: &Call) -> &Route {
        &self.shared().routes[call.route]
    }
}

/// Takes the body into the draft when it is short and may have to be sent again. Else it is streamed: then this
/// gives the stream, and how far it has come.
async fn take_body(
    draft: &mut Draft,
    body: Body,
    route: &Route,
    rules: Rules,
    renewable: bool,
) -> Result<Option<(RequestBody, Arc<Flow>)>, Failure> {
    let length = body.size_hint().exact();
    if length.is_some_and(|length| length > route.max_request_body) {
        return Err(Failure::BodyTooLarge);
    }
    let held = draft.expects_continue();
    let repeatable = renewable || draft.is_idempotent();
    if !held && repeatable && length.is_some_and(|length| length <= MAX_REPLAY) {
        let limit = usize::try_from(MAX_REPLAY).unwrap_or(usize::MAX);
        let whole = timeout(route.times.idle, to_bytes(body, limit)).await.map_err(|_| Failure::ClientStalled)?;
        let whole = whole.map_err(Failure::RequestBody)?;
        // As to hyper a stream that was reset has ended, and the length is written anew from here.
        if length != Some(whole.len() as u64) {
            return Err(Failure::Upload(http1::Error::RequestLength));
        }
        draft.body = Some(whole);
        return Ok(None);
    }
    (draft.body, draft.streamed) = (None, length);
    let flow = Flow::new(held);
    Ok(Some((RequestBody::stream(body, rules, Arc::clone(&flow)), flow)))
}

/// Event streams stand still by nature.
fn idle_limit(headers: &HeaderMap, route: &Route) -> Option<std::time::Duration> {
    let is_stream =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if is_stream { route.times.stream_idle } else { Some(route.times.idle) }
}
