//! The contract of an API: how users log in, where its responses hold tokens, how it wants them sent.
//!
//! A contract is data. The presets are TOML files beside this module; a configuration names one, or
//! names one and overrides single fields, or describes everything itself:
//!
//! ```toml
//! [api]
//! contract = "feathers"
//! ```
//!
//! ```toml
//! [api.contract]
//! preset = "feathers"
//! login.path = "/v2/authentication"
//! ```

mod algorithm;
mod call;
mod credential;
mod error;
mod merge;
mod preset;
mod read;
mod token_location;
mod token_path;
mod token_rules;
mod validate;
mod verify;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use algorithm::Algorithm;
pub use call::{Account, Carrier, Encoding, Login, Logout, Method, Refresh, Signup, TokenRoute};
pub use credential::Credential;
pub use error::ContractError;
pub use preset::{NAMES as PRESETS, UnknownPreset};
pub use token_location::{ExpiresAs, InCookie, InHeader, TokenLocation, Tokens, User};
pub use token_path::{Issuer, TokenKind, TokenPath};
pub use token_rules::TokenRules;
pub use verify::Verify;
pub(crate) use verify::{EC, ED, HMAC, RSA};

/// How to talk to one API about logins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "serde_json::Value")]
pub struct Contract {
    /// How a user logs in.
    pub login: Login,
    /// Where the tokens lie in the responses to login and refresh.
    pub tokens: Tokens,
    /// Where the user is described.
    pub user: User,
    /// How the API wants the access token on each call.
    pub credential: Credential,
    /// How the access token is refreshed; absent when the API has no refresh tokens.
    pub refresh: Option<Refresh>,
    /// The call that ends a session at the API; absent when there is none.
    pub logout: Option<Logout>,
    /// How a user signs up; absent when the API has no signup.
    pub sign_up: Option<Signup>,
    /// The account of a user: name, password, sessions; absent when the API has no such calls.
    pub account: Option<Account>,
    /// How the access token's signature is checked; absent when it is not.
    pub verify: Option<Verify>,
    /// Further calls whose responses may hold tokens.
    pub token_routes: Vec<TokenRoute>,
    /// Paths that the proxy never passes on, with all that lies below them: other ways to the API's services, which
    /// would get around the login.
    pub closed: Vec<String>,
    /// Paths below those of tokens, and below [`closed`](Self::closed) ones, that pass nevertheless. Their responses
    /// are searched for tokens like any other.
    pub allow_below: Vec<String>,
}

impl Default for Contract {
    /// The contract of the demo API.
    fn default() -> Self {
        preset::demo()
    }
}

impl Contract {
    /// Checks what the types cannot say. A contract that was read from settings has been.
    ///
    /// # Errors
    /// The first thing that is wrong, with its key.
    pub fn validate(&self) -> Result<(), ContractError> {
        validate::check(self)
    }

    /// The paths that response tokens, and those that are closed or opened besides.
    pub fn token_paths(&self) -> Vec<TokenPath> {
        let of = |path: &str, method: Method, kind| TokenPath::new(path, kind).with_method(method.to_http());
        let mut paths = vec![of(&self.login.path, self.login.method, TokenKind::Login)];
        paths.extend(self.refresh.iter().map(|it| of(&it.path, it.method, TokenKind::Refresh)));
        paths.extend(self.sign_up.iter().map(|it| of(&it.path, it.method, TokenKind::Signup)));
        let routes = self.token_routes.iter().enumerate();
        paths.extend(routes.map(|(index, it)| of(&it.path, it.method, TokenKind::Route(index))));
        paths.extend(self.closed.iter().map(|path| TokenPath::new(path, TokenKind::Closed)));
        paths.extend(self.allow_below.iter().map(|path| TokenPath::new(path, TokenKind::Open)));
        paths
    }

    /// The token paths and token locations, for the proxy.
    pub fn token_rules(&self) -> TokenRules {
        let of_routes = self.token_routes.iter().filter_map(|route| route.tokens.as_ref());
        let mut places = Vec::new();
        for Tokens { access_token, refresh_token, rolled, .. } in std::iter::once(&self.tokens).chain(of_routes) {
            for place in std::iter::once(access_token).chain(refresh_token).chain(rolled) {
                if !places.contains(place) {
                    places.push(place.clone());
                }
            }
        }
        TokenRules { paths: self.token_paths(), places }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log in at {} {}", self.login.method.as_str(), self.login.path)?;
        match &self.refresh {
            Some(refresh) => write!(f, ", refresh at {} {}", refresh.method.as_str(), refresh.path),
            None => f.write_str(", no refresh"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn reads_every_preset() {
        for name in PRESETS {
            Contract::try_from(json!(name)).unwrap();
        }
    }

    #[test]
    fn overrides_single_fields_of_a_preset() {
        let contract = Contract::try_from(json!({
            "preset": "feathers",
            "login": {"path": "/v2/authentication"},
        }))
        .unwrap();
        assert_eq!(contract.login.path, "/v2/authentication");
        assert_eq!(contract.login.fields["strategy"], "local");
        assert_eq!(contract.tokens.access_token, TokenLocation::Pointer("/accessToken".into()));
    }

    #[test]
    fn takes_a_part_of_a_preset_away() {
        let contract = Contract::try_from(json!({"preset": "demo", "sign_up": false})).unwrap();
        assert_eq!(contract.sign_up, None);
        assert!(contract.refresh.is_some());
    }

    #[test]
    fn a_choice_is_replaced_whole() {
        let contract = Contract::try_from(json!({
            "preset": "nestjs",
            "credential": {"header": "x-token"},
            "refresh": {"path": "/api/refresh", "send": {"cookie": "refreshToken"}},
        }))
        .unwrap();
        assert_eq!(contract.credential, Credential::Header(http::HeaderName::from_static("x-token")));
        assert_eq!(contract.refresh.unwrap().send, Carrier::Cookie("refreshToken".into()));
    }

    #[test]
    fn names_what_is_wrong() {
        let error = |value: Value| Contract::try_from(value).unwrap_err().to_string();
        assert!(error(json!("fethers")).contains("`fethers`"));
        assert!(error(json!({"preset": "demo", "logn": {}})).contains("logn"));
        assert!(error(json!({"preset": "demo", "login": {"path": "auth"}})).contains("login.path"));
        assert!(error(json!({"login": {"path": "/login"}})).contains("tokens"));
        for (part, named) in [
            (json!({"login": {"method": "GET"}}), "login.method"),
            (json!({"login": {"refused": [200]}}), "login.refused"),
            (json!({"tokens": {"access_token": "token"}}), "tokens.access_token"),
            (json!({"tokens": {"access_token": {"cookies": "a"}}}), "cookie"),
            (json!({"tokens": {"expires_as": "minutes"}}), "minutes"),
            (json!({"credential": {"header": "a b"}}), "credential.header"),
            (json!({"credential": {"cookie": "a;b"}}), "credential.cookie"),
            (json!({"refresh": {"send": {"header": "a b"}}}), "refresh.send"),
            (json!({"tokens": {"access_token": {"header": "a b"}}}), "tokens.access_token"),
            (json!({"tokens": {"refresh_token": {"cookie": "a;b"}}}), "tokens.refresh_token"),
            (json!({"tokens": {"rolled": "/token"}}), "tokens.rolled"),
            (json!({"token_routes": [{"path": "reset"}]}), "token_routes.path"),
            (json!({"token_routes": [{"path": "/auth/login"}]}), "token_routes.path"),
            (json!({"token_routes": [{"path": "/x", "tokens": {"access_token": "t"}}]}), "token_routes.tokens"),
            (json!({"token_routes": [{"path": "/x", "user": {"login": "u"}}]}), "token_routes.user"),
            (json!({"token_routes": [{"path": "/x", "tokn": {}}]}), "tokn"),
            (json!({"closed": ["socket.io"]}), "closed"),
            (json!({"closed": ["/"]}), "closed"),
            (json!({"allow_below": ["/notes"]}), "allow_below"),
            (json!({"allow_below": ["/auth/login/"]}), "allow_below"),
            (json!({"allow_below": ["/auth/loginx"]}), "allow_below"),
            (json!({"verify": {}}), "verify"),
            (json!({"verify": {"secret": "a", "algorithms": ["none"]}}), "none"),
            (json!({"verify": {"secret": "a", "algorithms": ["RS256"]}}), "verify.algorithms"),
            (json!({"verify": {"public_key": "a"}}), "verify.public_key"),
            (json!({"verify": {"jwks_url": "keys"}}), "verify.jwks_url"),
        ] {
            let mut description = part;
            description["preset"] = json!("demo");
            let error = error(description.clone());
            assert!(error.contains(named), "{description}: {error}");
        }
    }

    #[test]
    fn a_list_of_a_preset_is_replaced_whole() {
        let closed = |value: Value| Contract::try_from(value).unwrap().closed;
        assert_eq!(closed(json!("feathers")), ["/socket.io", "/primus"]);
        assert_eq!(closed(json!({"preset": "feathers", "closed": ["/primus"]})), ["/primus"]);
        for opened in [json!([]), json!(false)] {
            assert!(closed(json!({"preset": "feathers", "closed": opened})).is_empty());
        }
    }

    #[test]
    fn the_token_filter_knows_each_place_once() {
        let contract = Contract::try_from(json!({
            "preset": "demo",
            "tokens": {"rolled": {"header": "x-next"}},
            "token_routes": [{"path": "/reset", "tokens": {"access_token": "/jwt", "refresh_token": "/refresh_token"}}],
        }))
        .unwrap();
        let places: Vec<_> = contract.token_rules().places.iter().map(ToString::to_string).collect();
        assert_eq!(places, ["`/access_token`", "`/refresh_token`", "the header `x-next`", "`/jwt`"]);
    }

    #[test]
    fn a_contract_of_code_is_checked_as_well() {
        let mut contract = Contract::default();
        contract.validate().unwrap();
        contract.credential = Credential::Cookie("a b".into());
        assert!(contract.validate().unwrap_err().to_string().contains("credential.cookie"));
    }

    #[test]
    fn is_written_as_it_is_read() {
        let contract = Contract::try_from(json!({
            "preset": "feathers",
            "token_routes": [{"path": "/reset", "method": "PUT", "tokens": {"access_token": "/jwt"}}],
            "allow_below": ["/authentication/providers"],
            "tokens": {"rolled": {"header": "authorization"}},
        }))
        .unwrap();
        let written: Value = toml::from_str(&toml::to_string(&contract).unwrap()).unwrap();
        assert_eq!(Contract::try_from(written).unwrap(), contract);
    }

    #[test]
    fn a_shared_secret_is_never_written_out() {
        let contract = Contract::try_from(json!({"preset": "demo", "verify": {"secret": "open sesame"}})).unwrap();
        assert!(!toml::to_string(&contract).unwrap().contains("sesame"));
        assert!(!format!("{contract:?}").contains("sesame"));
    }
}
