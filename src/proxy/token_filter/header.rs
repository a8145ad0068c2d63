//! Tokens in header and trailer fields.

use http::{HeaderMap, HeaderName, header};

use super::{Rules, Search, SessionTokens, Why};
use crate::token_fingerprint::MIN_FRAGMENT;

/// Whether a field of a response, by its lower-case name, carries a credential: it never reaches a page, whatever its value.
fn is_credential_field(name: &str) -> bool {
    matches!(
        name,
        "access-token"
            | "auth-token"
            | "authentication-info"
            | "authorization"
            | "id-token"
            | "refresh-token"
            | "set-auth-jwt"
            | "set-auth-token"
            | "set-authorization"
            | "x-access-token"
            | "x-amz-security-token"
            | "x-auth"
            | "x-auth-token"
            | "x-authorization"
            | "x-id-token"
            | "x-jwt"
            | "x-jwt-token"
            | "x-new-token"
            | "x-refresh-token"
            | "x-session-token"
            | "x-token"
    )
}

impl Rules {
    /// Searches header or trailer fields, and removes those that carry credentials.
    ///
    /// # Errors
    /// When a field holds a token, with its name.
    pub(in crate::proxy) fn check_fields(
        &self,
        known: &SessionTokens,
        fields: &mut HeaderMap,
    ) -> Result<(), (Why, HeaderName)> {
        let search = Search::new(self, known);
        let mut credentials = Vec::new();
        for (name, value) in &*fields {
            let value = value.as_bytes();
            if self.searches && value.len() >= MIN_FRAGMENT {
                search.find(value, true).map_err(|why| (why, name.clone()))?;
            }
            if self.is_token_place(name, value) {
                return Err((Why::TokenLocation(format!("{name:?}")), name.clone()));
            }
            if is_credential_field(name.as_str()) {
                credentials.push(name.clone());
            }
        }
        for name in credentials {
            fields.remove(name);
        }
        Ok(())
    }

    fn is_token_place(&self, name: &HeaderName, value: &[u8]) -> bool {
        let places = &self.filter.places;
        if name == header::SET_COOKIE && !places.cookies().is_empty() {
            let cookie = value.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
            return places.cookies().iter().any(|it| it.as_bytes() == cookie);
        }
        places.headers().contains(name) && !value.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::HeaderValue;

    use super::*;
    use crate::{
        contract::{InCookie, InHeader, TokenLocation},
        proxy::{TokenFilter, token_filter::session_tokens::tests::known},
    };

    const OWN: &str = "v1/0PQRSTUVWXYZabcdefghijklm+nopq/rs==";

    fn checked(fields: &[(&'static str, &str)]) -> Result<Vec<String>, (Why, HeaderName)> {
        let places = [
            TokenLocation::Header(InHeader { header: "X-Next".into() }),
            TokenLocation::Cookie(InCookie { cookie: "token".into() }),
        ];
        let rules = Rules::new(Arc::new(TokenFilter::new(&places)), true, &[], "");
        let fields = fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value)));
        let mut fields: HeaderMap = fields.map(|(name, value)| (name, value.unwrap())).collect();
        rules.check_fields(&known(OWN, None), &mut fields)?;
        Ok(fields.keys().map(ToString::to_string).collect())
    }

    #[test]
    fn finds_a_token_in_any_field() {
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIyIn0.";
        for (name, value) in [
            ("x-debug", format!("Bearer {OWN}")),
            ("authorization", format!("Bearer {jwt}")),
            ("location", format!("/welcome#access_token={jwt}&x=1")),
            ("link", format!("</x?t={jwt}>; rel=next")),
            ("set-cookie", format!("lang={jwt}; Path=/")),
            ("set-cookie", "token=opaque; Path=/".into()),
            ("x-next", "opaque".into()),
        ] {
            assert_eq!(checked(&[("etag", "\"1\""), (name, &value)]).unwrap_err().1, name, "{value}");
        }
    }

    #[test]
    fn takes_credentials_away_and_leaves_the_rest() {
        let fields = [
            ("etag", "\"eyJ.x\""),
            ("x-auth-token", "8f14e45fceea167a"),
            ("authentication-info", "nextnonce=\"1\""),
            ("x-csrf-token", "8f14e45fceea167a"),
            ("x-page", "/page?cursor=eyJpZCI6MSwiYWxnIjoxfQ"),
            ("x-jws-signature", "eyJhbGciOiJQUzI1NiJ9..c2lnbmF0dXJl"),
        ];
        let mut kept = checked(&fields).unwrap();
        kept.sort_unstable();
        assert_eq!(kept, ["etag", "x-csrf-token", "x-jws-signature", "x-page"]);
    }
}
