//! Searches what an API sends over a WebSocket, and says how much of it may go on.

use std::sync::Arc;

use http::{HeaderValue, uri::PathAndQuery};

use super::{
    Inner,
    frame::Frames,
    token_filter::{Finding, MessageFilter, SessionTokens, Why},
};

/// How much may be held back, in bytes, until it is clear that they are not a token.
const MAX_HELD: usize = 64 << 10;

/// Follows the frames that an API sends and searches their content.
pub(super) struct Inspector {
    pub(super) proxy: Arc<Inner>,
    pub(super) route: usize,
    /// The request's path and id, for the log.
    pub(super) asked: PathAndQuery,
    pub(super) id: HeaderValue,
    pub(super) filter: MessageFilter,
    frame: Option<usize>,
    held: Option<Held>,
}

/// The possible beginning of a token.
#[derive(Clone, Copy)]
struct Held {
    /// Where it begins.
    from: usize,
    /// Where the frame begins that it begins in, unless that is on its way already.
    frame: Option<usize>,
}

/// A token has come. The frames before it end here, unless its own is on its way already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Withheld(pub(super) Option<usize>);

impl Inspector {
    pub(super) fn new(
        proxy: Arc<Inner>,
        route: usize,
        asked: PathAndQuery,
        id: HeaderValue,
        known: SessionTokens,
    ) -> Self {
        Self { proxy, route, asked, id, filter: MessageFilter::new(known), frame: None, held: None }
    }

    /// Follows `unsent` from `new` on, up to the first end of a frame if that is wanted. Says how far it came, and how
    /// much of that may go on.
    ///
    /// # Errors
    /// When there is a token.
    pub(super) fn follow(
        &mut self,
        frames: &mut Frames,
        unsent: &[u8],
        new: usize,
        to_boundary: bool,
    ) -> Result<(usize, usize), Withheld> {
        let mut at = new;
        while at < unsent.len() {
            if frames.at_boundary() {
                self.frame = Some(at);
            }
            let part = frames.part(&unsent[at..]);
            let content = if part.is_content { &unsent[at..at + part.length] } else { &[] };
            at += part.length;
            if part.is_message {
                self.look(content, at, part.ends_message)?;
            }
            if to_boundary && frames.at_boundary() {
                break;
            }
        }
        let sent = self.held.map_or(at, |held| held.from);
        if at - sent > MAX_HELD {
            return Err(self.withhold(Why::Undecodable));
        }
        self.move_on(sent);
        Ok((at, sent))
    }

    /// Searches the content that ends at `end`.
    fn look(&mut self, content: &[u8], end: usize, last: bool) -> Result<(), Withheld> {
        let rules = &self.proxy.shared.routes[self.route].rules;
        let open = match self.filter.look(rules, content, last) {
            Ok(open) => open,
            Err(why) => return Err(self.withhold(why)),
        };
        self.held = match self.held {
            _ if open == 0 => None,
            Some(held) if open > content.len() => Some(held),
            _ => Some(Held { from: end - open.min(content.len()), frame: self.frame }),
        };
        Ok(())
    }

    /// Removes the bytes that were sent.
    fn move_on(&mut self, sent: usize) {
        let moved = |frame: Option<usize>| frame.and_then(|frame| frame.checked_sub(sent));
        self.frame = moved(self.frame);
        self.held = self.held.map(|held| Held { from: held.from - sent, frame: moved(held.frame) });
    }

    fn withhold(&self, why: Why) -> Withheld {
        let route = &self.proxy.shared.routes[self.route];
        let finding = Finding::new(&route.rules, why, "a WebSocket message", self.asked.path());
        finding.log(self.id.to_str().unwrap_or_default(), route.authority.as_str(), "closed a WebSocket");
        Withheld(self.held.map_or(self.frame, |held| held.frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::tests::proxy;

    const JWT: &[u8] = b"eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.";

    fn inspector() -> Inspector {
        let proxy = proxy("http://api.internal");
        let (asked, id) = (PathAndQuery::from_static("/live?a=b"), HeaderValue::from_static("1"));
        Inspector::new(Arc::clone(&proxy.0), 0, asked, id, SessionTokens::default())
    }

    fn frame(first: u8, content: &[u8]) -> Vec<u8> {
        [&[first, u8::try_from(content.len()).unwrap()], content].concat()
    }

    /// The part of `bytes` that passes when they come `size` at a time, and whether a Close frame may follow it if there is a token.
    fn passed(bytes: &[u8], size: usize) -> (Vec<u8>, Option<bool>) {
        let (mut inspector, mut frames) = (inspector(), Frames::default());
        let (mut sent, mut unsent) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(size) {
            let new = unsent.len();
            unsent.extend_from_slice(piece);
            match inspector.follow(&mut frames, &unsent, new, false) {
                Ok((end, length)) => {
                    assert_eq!(end, unsent.len());
                    sent.extend(unsent.drain(..length));
                }
                Err(Withheld(frame)) => {
                    sent.extend(unsent.drain(..frame.unwrap_or(0)));
                    return (sent, Some(frame.is_some()));
                }
            }
        }
        assert!(unsent.is_empty());
        (sent, None)
    }

    #[test]
    fn finds_a_token_across_the_frames_of_a_message() {
        let (first, second) = JWT.split_at(9);
        let before = frame(0x81, b"hello");
        let bytes = [&before[..], &frame(0x01, first), &frame(0x89, b"ping"), &frame(0x80, second), &before].concat();
        for size in 1..=bytes.len() {
            let (sent, closed) = passed(&bytes, size);
            assert!(
                closed.is_some() && sent.starts_with(&before) && sent.len() <= before.len() + 2,
                "{size}: {sent:?}"
            );
        }
        assert_eq!(passed(&bytes, bytes.len()), (before, Some(true)));
    }

    #[test]
    fn knows_whether_there_is_room_for_a_close_frame() {
        let content = [b"a long beginning of a message: ", JWT].concat();
        let bytes = frame(0x81, &content);
        assert_eq!(passed(&bytes, bytes.len()), (Vec::new(), Some(true)));
        assert_eq!(passed(&bytes, 20).1, Some(false));
    }

    #[test]
    fn passes_everything_else_and_never_joins_messages() {
        let (first, second) = JWT.split_at(9);
        let bytes = [frame(0x81, first), frame(0x81, second), frame(0x82, b""), frame(0x01, b"eyJ"), frame(0x80, b"")];
        let bytes = bytes.concat();
        for size in 1..=bytes.len() {
            assert_eq!(passed(&bytes, size), (bytes.clone(), None), "{size}");
        }
    }
}
