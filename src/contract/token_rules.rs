//! Token paths and token locations, for the proxy.

use super::{TokenLocation, TokenPath};

/// Where tokens come from and where they lie, as [`Contract::token_rules`](crate::contract::Contract::token_rules) says.
#[derive(Clone, Debug, Default)]
pub struct TokenRules {
    /// The paths that response tokens.
    pub paths: Vec<TokenPath>,
    /// Where tokens lie in responses: what is found there is kept from pages, on any path.
    pub places: Vec<TokenLocation>,
}
