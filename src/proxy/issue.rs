//! A call whose answer may hold tokens: it goes up like any other, and its answer is read whole before anybody sees it.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body::Body as _;
use tokio::time::timeout;

use super::{
    Proxy, Target, call::Call, draft::Draft, exchange::Answer, failure::Failure, incoming::Incoming, lease::Lease,
    limit::Permit, response,
};
use crate::session::Session;

/// The largest body of such a call, in bytes: a form's fields.
const MAX_REQUEST: usize = 1 << 20;
/// The largest body of its answer, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// An answer that may hold tokens. It is for [`Proxy::answer_issued`], which searches it like any other.
pub(crate) struct Issued {
    call: Call,
    draft: Draft,
    permit: Permit,
    head: http::response::Parts,
    body: Bytes,
}

impl Issued {
    pub(crate) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether the body can be looked into (RFC 9110 §8.4).
    pub(crate) fn is_encoded(&self) -> bool {
        let coding = self.head.headers.get(header::CONTENT_ENCODING);
        coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    }

    /// Puts a body without tokens in the place of the one that came. What described that one is no longer true.
    pub(crate) fn replace(&mut self, headers: HeaderMap, body: Bytes) {
        self.head.headers = headers;
        for name in ["etag", "content-md5", "digest", "content-digest", "repr-digest", "content-range"] {
            self.head.headers.remove(name);
        }
        self.head.headers.insert(header::CONTENT_LENGTH, body.len().into());
        self.body = body;
    }
}

impl Proxy {
    /// Sends a call and reads its answer.
    ///
    /// # Errors
    /// What to answer when there is none.
    pub(crate) async fn ask_issuer(
        &self,
        session: Session,
        client: Option<SocketAddr>,
        target: Target,
        request: Request<Body>,
    ) -> Result<Issued, Response> {
        let (mut parts, body) = request.into_parts();
        // The answer is to be one that can be looked into, whole and as it is.
        for name in [header::EXPECT, header::RANGE, header::IF_RANGE, header::UPGRADE] {
            parts.headers.remove(name);
        }
        parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let draft = Draft::new(self.shared(), target.path_and_query, client, parts);
        let record = session.record();
        let call = Call { route: target.route, id: draft.id.clone(), session, record, issues: true };
        let (id, upstream) = (call.id.clone(), self.route(&call).authority.clone());
        self.issue(call, draft, client, body).await.map_err(|failure| failure.respond(&id, upstream.as_str()))
    }

    async fn issue(
        &self,
        mut call: Call,
        mut draft: Draft,
        client: Option<SocketAddr>,
        body: Body,
    ) -> Result<Issued, Failure> {
        let permit = self.enter(&call, &draft, client)?;
        let times = self.route(&call).times;
        let limit = usize::try_from(self.route(&call).max_request_body).map_or(MAX_REQUEST, |it| it.min(MAX_REQUEST));
        if body.size_hint().lower() > limit as u64 {
            return Err(Failure::BodyTooLarge);
        }
        let whole = timeout(times.idle, to_bytes(body, limit)).await.map_err(|_| Failure::ClientStalled)?;
        draft.body = Some(whole.map_err(Failure::RequestBody)?);
        let (_, _, answer, _) = self.exchange(&mut call, &mut draft, Body::empty()).await?;
        let Answer { head, body } = answer;
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::Switched);
        }
        let keep_alive = response::keep_alive(&head.headers);
        let lease = Lease { proxy: Arc::clone(&self.0), route: call.route, keep_alive, flow: None };
        let mut body = body.with_rest_of_request(&lease);
        let whole = timeout(times.idle, body.whole(MAX_ANSWER)).await.map_err(|_| Failure::IdleTimeout)??;
        body.finish(&lease);
        Ok(Issued { call, draft, permit, head, body: whole })
    }

    /// Answers what is left once the tokens are out, searched like any other answer: for the tokens of the session as
    /// it is now, too.
    pub(crate) async fn answer_issued(&self, issued: Issued) -> Response {
        let Issued { mut call, draft, permit, head, body } = issued;
        call.record = call.session.record();
        let answer = Answer { head, body: Incoming::Whole(body) };
        let answered = self.respond(&call, &draft, answer, None, permit).await;
        answered.unwrap_or_else(|failure| failure.respond(&call.id, self.route(&call).authority.as_str()))
    }

    /// Answers that what came cannot be understood. The cause is for the log.
    pub(crate) fn withhold_issued(&self, issued: &Issued, cause: &'static str) -> Response {
        Failure::Issued(cause).respond(&issued.call.id, self.route(&issued.call).authority.as_str())
    }
}
