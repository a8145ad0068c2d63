//! How the API wants the access token on each call.

use bytes::{BufMut, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header, header::InvalidHeaderValue};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::secret::Secret;

/// The form in which an API wants the access token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// `Authorization: Bearer <token>` (RFC 6750 §2.1).
    #[default]
    Bearer,
    /// `Authorization: <token>`, the bare token.
    Bare,
    /// A header of this name with the bare token.
    Header(#[serde(deserialize_with = "read_name", serialize_with = "write_name")] HeaderName),
    /// A cookie of this name (RFC 6265 §4.2).
    Cookie(String),
}

impl Credential {
    /// Puts `token` into `headers`, in place of whatever stood there.
    ///
    /// The value is marked sensitive: it prints as such, and HTTP/2 never puts it into a compression
    /// table (RFC 7541 §7.1.3).
    ///
    /// # Errors
    /// When the token has a character that no header may have.
    pub fn apply(&self, token: &Secret, headers: &mut HeaderMap) -> Result<(), InvalidHeaderValue> {
        headers.insert(self.name().clone(), self.value(token)?);
        Ok(())
    }

    /// The header that the token goes into.
    pub(crate) fn name(&self) -> &HeaderName {
        match self {
            Self::Bearer | Self::Bare => &header::AUTHORIZATION,
            Self::Header(name) => name,
            Self::Cookie(_) => &header::COOKIE,
        }
    }

    /// The value of that header.
    ///
    /// # Errors
    /// When the token has a character that no header may have.
    pub(crate) fn value(&self, token: &Secret) -> Result<HeaderValue, InvalidHeaderValue> {
        let mut value = match self {
            Self::Bearer => token.bearer(|token| joined("Bearer ", "", token))?,
            Self::Bare | Self::Header(_) => HeaderValue::from_str(token.expose())?,
            Self::Cookie(name) => joined(name, "=", token.expose())?,
        };
        value.set_sensitive(true);
        Ok(value)
    }

    /// The header that holds the credential, unless it is one that clients' headers lose anyway.
    pub(crate) fn own_header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header(name) => Some(name),
            Self::Bearer | Self::Bare | Self::Cookie(_) => None,
        }
    }
}

fn read_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    let name = String::deserialize(deserializer)?;
    let wrong = |_| D::Error::custom(format!("`credential.header` is not a valid header name: {name}"));
    HeaderName::try_from(&name).map_err(wrong)
}

fn write_name<S: Serializer>(name: &HeaderName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.as_str())
}

/// One value from parts, in one allocation.
fn joined(first: &str, second: &str, third: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut bytes = BytesMut::with_capacity(first.len() + second.len() + third.len());
    for part in [first, second, third] {
        bytes.put_slice(part.as_bytes());
    }
    HeaderValue::from_maybe_shared(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(credential: &Credential) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Basic one"));
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Basic two"));
        headers.append("auth-token", HeaderValue::from_static("forged"));
        headers.append(header::COOKIE, HeaderValue::from_static("a=b"));
        credential.apply(&Secret::new("t0k.en"), &mut headers).unwrap();
        headers
    }

    #[test]
    fn sets_exactly_one_value_in_each_style() {
        let token = HeaderName::from_static("auth-token");
        for (credential, name, value) in [
            (Credential::Bearer, header::AUTHORIZATION, "Bearer t0k.en"),
            (Credential::Bare, header::AUTHORIZATION, "t0k.en"),
            (Credential::Header(token.clone()), token, "t0k.en"),
            (Credential::Cookie("accessToken".into()), header::COOKIE, "accessToken=t0k.en"),
        ] {
            let headers = applied(&credential);
            let values: Vec<_> = headers.get_all(&name).iter().collect();
            assert_eq!(values, [value], "{credential:?}");
            assert!(values[0].is_sensitive());
            assert!(!format!("{headers:?}").contains("t0k.en"));
        }
    }

    #[test]
    fn refuses_a_token_that_would_start_a_new_header() {
        let mut headers = HeaderMap::new();
        let token = Secret::new("a\r\nx-admin: 1");
        assert!(Credential::Bearer.apply(&token, &mut headers).is_err());
        assert!(headers.is_empty());
    }

    #[test]
    fn is_read_from_settings_and_written_again() {
        for (text, credential) in [
            (r#""bearer""#, Credential::Bearer),
            (r#""bare""#, Credential::Bare),
            (r#"{"header":"x-token"}"#, Credential::Header(HeaderName::from_static("x-token"))),
            (r#"{"cookie":"token"}"#, Credential::Cookie("token".into())),
        ] {
            assert_eq!(serde_json::from_str::<Credential>(text).unwrap(), credential);
            assert_eq!(serde_json::to_string(&credential).unwrap(), text);
        }
        let error = serde_json::from_str::<Credential>(r#"{"header":"a b"}"#).unwrap_err().to_string();
        assert!(error.contains("`credential.header` is not a valid header name: a b"), "{error}");
    }
}
