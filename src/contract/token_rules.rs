//! What the proxy has to know of tokens.

use super::{Place, TokenPath};

/// Where tokens come from and where they lie, as [`Contract::token_rules`](crate::contract::Contract::token_rules) says.
#[derive(Clone, Debug, Default)]
pub struct TokenRules {
    /// The paths that answer tokens.
    pub paths: Vec<TokenPath>,
    /// Where tokens lie in answers: what is found there is kept from pages, whatever path answers it.
    pub places: Vec<Place>,
}
