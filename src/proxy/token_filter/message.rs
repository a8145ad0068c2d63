//! Tokens in the messages of a WebSocket (RFC 6455 §5.4).

use super::{Rules, Search, SessionTokens, Why};

/// Searches the messages that an API sends, across the frames of each.
pub(in crate::proxy) struct MessageFilter {
    known: SessionTokens,
    /// The end of what has come of a message, when a token may begin there.
    tail: Vec<u8>,
}

impl MessageFilter {
    pub(in crate::proxy) fn new(known: SessionTokens) -> Self {
        Self { known, tail: Vec::new() }
    }

    /// Searches the next piece of a message, which may be its `last`. Says how many bytes at its end, those of the
    /// pieces before it among them, may be the beginning of a token.
    ///
    /// # Errors
    /// When there is a token.
    pub(in crate::proxy) fn look(&mut self, rules: &Rules, piece: &[u8], last: bool) -> Result<usize, Why> {
        let open = Search::new(rules, &self.known).find_on(&self.tail, piece, last)?;
        if open <= piece.len() {
            self.tail.clear();
        }
        self.tail.extend_from_slice(&piece[piece.len() - open.min(piece.len())..]);
        Ok(open)
    }
}
