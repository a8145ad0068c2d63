//! The token filter: keeps tokens out of what goes to a browser.
//!
//! It recognises tokens rather than remembering them. Withheld are
//!
//! - the session's own access and refresh token (`session_tokens`),
//! - a text at one of the contract's token places, on any path (`json`, `header`),
//! - any JWT (RFC 7519), in JWS or JWE form, but for those that a route lets through (`jwt`, `page_token`).
//!
//! Heads, trailers, bodies with and without a content coding, and WebSocket messages pass through here. The searches are
//! `memmem` over what comes, chunk by chunk; everything that takes more begins at a hit.

mod body;
mod coding;
mod finding;
mod gzip;
mod header;
mod inflater;
mod json;
mod jwt;
mod message;
mod page_token;
mod place;
mod pointer;
mod search;
mod session_tokens;
mod step;

use std::sync::Arc;

pub(super) use self::{
    body::BodyFilter,
    coding::Coding,
    finding::{Finding, Why},
    message::MessageFilter,
    page_token::PageTokens,
    search::Search,
    session_tokens::SessionTokens,
};
use self::{
    place::{Needle, TokenLocations},
    pointer::Pointer,
};
use crate::contract::TokenLocation;
use memchr::memmem::Finder;

/// The token search of one contract, prepared once.
#[derive(Debug)]
pub(crate) struct TokenFilter {
    /// The beginning of each JWT: the base64url of `{"`.
    jwt: Finder<'static>,
    places: TokenLocations,
}

impl TokenFilter {
    /// A filter for the token places of a contract.
    pub(crate) fn new(places: &[TokenLocation]) -> Self {
        Self { jwt: Finder::new(jwt::BEGIN), places: TokenLocations::new(places) }
    }
}

/// The filter's settings for the responses of one route.
#[derive(Debug)]
pub(super) struct Rules {
    filter: Arc<TokenFilter>,
    /// Whether responses are searched.
    pub(super) searches: bool,
    page_tokens: PageTokens,
    /// The route's prefix; empty for the default upstream.
    prefix: String,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(Arc::new(TokenFilter::new(&[])), true, &[], "")
    }
}

impl Rules {
    /// The rules of the route with `prefix`.
    pub(super) fn new(filter: Arc<TokenFilter>, searches: bool, page_tokens: &[String], prefix: &str) -> Self {
        Self { filter, searches, page_tokens: PageTokens::new(page_tokens), prefix: prefix.to_owned() }
    }
}
