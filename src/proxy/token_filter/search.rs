//! The search for tokens in a text that comes in pieces.

use super::{
    Rules,
    finding::Why,
    jwt::{self, Jwt, Verdict},
    session_tokens::SessionTokens,
};
use crate::token_fingerprint::begun;

/// How many places in one run of base64 are taken for the beginning of a JWT: a text may be full of them.
const MAX_TRIES: usize = 16;
/// How much of the next piece is copied behind what was held back before it, in bytes, until that is settled.
const WINDOWS: [usize; 3] = [64, 4 << 10, usize::MAX];

/// Looks for the tokens of one session, and for any JWT.
#[derive(Clone, Copy)]
pub(in crate::proxy) struct Search<'a> {
    rules: &'a Rules,
    known: &'a SessionTokens,
}

/// Below this length, in bytes, one rare character is found faster than a word.
const SHORT: usize = 64;

/// A run of base64 in which JWTs may begin.
struct Run {
    end: usize,
    tries: usize,
}

/// Whether a first look is enough, which most header fields and short pieces are over with.
fn has_no_jwt(text: &[u8], last: bool) -> bool {
    let begins = |at: usize| text[..=at].ends_with(jwt::BEGIN);
    (last && text.len() < jwt::MIN_JWT) || (text.len() < SHORT && !memchr::memchr_iter(jwt::BEGIN[2], text).any(begins))
}

impl<'a> Search<'a> {
    pub(in crate::proxy) fn new(rules: &'a Rules, known: &'a SessionTokens) -> Self {
        Self { rules, known }
    }

    /// Searches a text, and says how many bytes at its end may be the beginning of a token; none if it is the `last`.
    ///
    /// # Errors
    /// When there is a token.
    pub(in crate::proxy) fn find(self, text: &[u8], last: bool) -> Result<usize, Why> {
        if self.known.fragments().any(|fragment| fragment.is_in(text)) {
            return Err(Why::Session);
        }
        let open = if has_no_jwt(text, last) { None } else { self.find_jwt(text, last)? };
        if last {
            return Ok(0);
        }
        let fragment = self.known.fragments().map(|fragment| fragment.begun(text)).max().unwrap_or(0);
        Ok(fragment.max(open.unwrap_or_else(|| begun(jwt::BEGIN, text))))
    }

    /// Searches the next piece of a text, of which `held` may be the beginning of a token. Says how many bytes at the
    /// end of both may be one: all of `held` are among them or none.
    ///
    /// # Errors
    /// When there is a token.
    pub(super) fn find_on(self, held: &[u8], piece: &[u8], last: bool) -> Result<usize, Why> {
        if held.is_empty() {
            return self.find(piece, last);
        }
        for window in WINDOWS {
            let taken = piece.len().min(window);
            let joined = [held, &piece[..taken]].concat();
            let whole = taken == piece.len();
            let open = self.find(&joined, last && whole)?;
            if whole {
                return Ok(if open > taken { joined.len() } else { open });
            }
            if open <= taken {
                break;
            }
        }
        self.find(piece, last)
    }

    /// Searches for JWTs, and says how many bytes at the end may be the beginning of one.
    fn find_jwt(self, text: &[u8], last: bool) -> Result<Option<usize>, Why> {
        let mut run = Run { end: 0, tries: 0 };
        for at in self.rules.filter.jwt.find_iter(text) {
            if at >= run.end {
                run = Run { end: at + jwt::run(&text[at..], usize::MAX - 1), tries: 0 };
            }
            // Nothing that ends this way is a header, however far before it begins.
            let ends_well = matches!(text.get(run.end), None | Some(b'.' | b'=' | b'%' | b'\\' | b'&'));
            if run.tries == MAX_TRIES || !ends_well || run.end - at > jwt::MAX_HEADER {
                continue;
            }
            run.tries += 1;
            if self.is_open(&text[at..], run.end - at, last)? {
                return Ok(Some(text.len() - at));
            }
        }
        Ok(None)
    }

    /// Judges what begins as a JWT does: whether more of it has to be seen.
    fn is_open(self, text: &[u8], header: usize, last: bool) -> Result<bool, Why> {
        let own = self.known.begins_like_own(text);
        match Jwt::judge(text, header, last) {
            Verdict::Yes(jwt) => self.judge(&jwt, own == Some(true), last),
            Verdict::No if own == Some(true) => Err(Why::Session),
            Verdict::No => Ok(own.is_none() && !last),
            Verdict::Open => Ok(true),
        }
    }

    fn judge(self, jwt: &Jwt<'_>, like_own: bool, last: bool) -> Result<bool, Why> {
        let page_tokens = &self.rules.page_tokens;
        if page_tokens.pass_some() {
            if !jwt.has_claims() && !last {
                return Ok(true);
            }
            if !self.known.is_of_own_kind(jwt) && page_tokens.pass(&jwt.kind()) {
                return Ok(false);
            }
        }
        if like_own && self.known.is_of_own_kind(jwt) {
            return Err(Why::Session);
        }
        Err(Why::Jwt(Box::new(jwt.kind())))
    }
}
