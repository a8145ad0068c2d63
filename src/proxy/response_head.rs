//! The head of an upstream's response, as far as the call itself has to be known for it: where its references lead, and
//! whether it brings the session's next token.

use futures_util::future::BoxFuture;
use http::HeaderMap;

use super::{Proxy, forward::ForwardContext, response, upstream_request::UpstreamRequest};

impl Proxy {
    /// Leads references through the proxy, and takes a token out that the API has rolled. Gives what is left to do
    /// about that: rare, and large in memory, so it is boxed.
    pub(super) fn settle(
        &self,
        call: &ForwardContext,
        upstream_request: &UpstreamRequest,
        headers: &mut HeaderMap,
    ) -> Option<BoxFuture<'static, ()>> {
        let (shared, route) = (self.shared(), self.route(call));
        response::relocate(headers, route, upstream_request.asked().as_str(), &shared.routes, &shared.prefix);
        // Only a response to the session's token can replace it. A new login gets a session of its own.
        call.record.as_ref().filter(|_| route.send_token && !call.issues)?;
        let rolled = call.session.take_rotated(headers)?;
        Some(Box::pin(rolled.adopt(call.session.clone())))
    }
}
