//! The head of an upstream's answer, as far as the call itself has to be known for it: where its references lead, and
//! whether it brings the session's next token.

use futures_util::future::BoxFuture;
use http::HeaderMap;

use super::{Proxy, call::Call, draft::Draft, response};

impl Proxy {
    /// Leads references through the proxy, and takes a token out that the API has rolled. Gives what is left to do
    /// about that: rare, and large in memory, so it is boxed.
    pub(super) fn settle(&self, call: &Call, draft: &Draft, headers: &mut HeaderMap) -> Option<BoxFuture<'static, ()>> {
        let (shared, route) = (self.shared(), self.route(call));
        response::relocate(headers, route, draft.asked().as_str(), &shared.routes, &shared.prefix);
        // Only a response to the session's token can replace it. A new log-in gets a session of its own.
        call.record.as_ref().filter(|_| route.send_token && !call.issues)?;
        let rolled = call.session.take_rotated(headers)?;
        Some(Box::pin(rolled.adopt(call.session.clone())))
    }
}
