//! Recognises a JWT (RFC 7519 §3) by its looks: a base64url header that is JSON and names an algorithm (RFC 7515 §4.1.1,
//! RFC 7516 §4.1.1), a dot, and what follows it.

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

pub(super) use crate::token_fingerprint::{JWT_BEGIN as BEGIN, MAX_JWT_HEADER as MAX_HEADER};

/// No shorter text holds a JWT, in bytes: a header with an algorithm takes 20, and there is something behind it.
pub(super) const MIN_JWT: usize = 24;
/// The longest claims that are looked at, in bytes.
pub(super) const MAX_CLAIMS: usize = 16 << 10;

/// A dot, as JSON, HTML and URLs may have it.
const DOTS: [&[u8]; 9] = [b".", b"%2e", b"%2E", b"\\u002e", b"\\u002E", b"&#46;", b"&#x2e;", b"&#x2E;", b"&period;"];

/// As tokens are encoded in practice: what the last character has too many is ignored.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A text that begins as a JWT does, and goes on behind its first dot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jwt<'t> {
    header: &'t [u8],
    /// The part after the first dot.
    rest: &'t [u8],
}

/// The properties that tell one kind of JWT from another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::proxy) struct Kind {
    pub(super) algorithm: Option<String>,
    pub(super) typ: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) audience: Vec<String>,
}

/// Whether a text begins with a JWT.
#[derive(Debug)]
pub(super) enum Verdict<'t> {
    No,
    /// More of it has to be seen.
    Open,
    Yes(Jwt<'t>),
}

#[derive(Deserialize)]
struct Header {
    alg: Option<Value>,
    typ: Option<Value>,
    enc: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<Value>,
    aud: Option<Value>,
}

/// Up to and with the first dot.
pub(super) fn head(token: &[u8]) -> &[u8] {
    &token[..memchr::memchr(b'.', token).map_or(token.len(), |dot| dot + 1)]
}

/// How many bytes of base64url `text` begins with, at most one more than `limit`.
pub(super) fn run(text: &[u8], limit: usize) -> usize {
    text.iter().take(limit + 1).take_while(|byte| is_base64(**byte)).count()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl<'t> Jwt<'t> {
    /// Judges a text that begins with [`BEGIN`] and has `header` bytes of base64url. Nothing follows it if it is the
    /// `last`.
    pub(super) fn judge(text: &'t [u8], header: usize, last: bool) -> Verdict<'t> {
        if header > MAX_HEADER {
            return Verdict::No;
        }
        let (header, after) = text.split_at(header);
        let open = |header| if !last && may_be_a_header(header) { Verdict::Open } else { Verdict::No };
        let after = without_padding(after);
        let Some(rest) = after_dot(after) else {
            let cut = after.is_empty() || DOTS.iter().any(|dot| dot.starts_with(after));
            return if cut { open(header) } else { Verdict::No };
        };
        let Some(parsed) = parse::<Header>(header).filter(|it| it.alg.is_some()) else { return Verdict::No };
        match rest.first() {
            None if last => Verdict::No,
            None => Verdict::Open,
            Some(byte) if is_base64(*byte) => Verdict::Yes(Self { header, rest }),
            // With a key that both sides know, a JWE has none in it (RFC 7516 §7.1). A JWS without content (RFC 7515,
            // appendix F) signs something else, and is not token.
            Some(_) if parsed.enc.is_some() && after_dot(rest).is_some() => Verdict::Yes(Self { header, rest }),
            Some(_) if parsed.enc.is_some() && !last && DOTS.iter().any(|dot| dot.starts_with(rest)) => Verdict::Open,
            Some(_) => Verdict::No,
        }
    }

    /// A text that is a JWT and nothing else.
    pub(super) fn whole(text: &'t [u8]) -> Option<Self> {
        match Self::judge(text, run(text, MAX_HEADER), true) {
            Verdict::Yes(jwt) if text.starts_with(BEGIN) => Some(jwt),
            _ => None,
        }
    }

    /// How long its claims are, in bytes, at most one more than [`MAX_CLAIMS`].
    fn claims_length(&self) -> usize {
        run(self.rest, MAX_CLAIMS)
    }

    /// Whether the end of the claims is there.
    pub(super) fn has_claims(&self) -> bool {
        let length = self.claims_length();
        length < self.rest.len() || length > MAX_CLAIMS
    }

    /// The kind of JWT. A JWE shows only its header.
    pub(super) fn kind(&self) -> Kind {
        let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
        let (algorithm, typ) = parse::<Header>(self.header).map_or((None, None), |it| (text(it.alg), text(it.typ)));
        let claims = parse::<Claims>(&self.rest[..self.claims_length()]);
        let (issuer, audience) = claims.map_or((None, None), |it| (text(it.iss), it.aud));
        let audience = match audience {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.into_iter().filter_map(|it| text(Some(it))).collect(),
            _ => Vec::new(),
        };
        Kind { algorithm, typ, issuer, audience }
    }
}

fn without_padding(text: &[u8]) -> &[u8] {
    let padding = text.iter().take(2).take_while(|byte| **byte == b'=').count();
    &text[padding..]
}

fn after_dot(text: &[u8]) -> Option<&[u8]> {
    DOTS.iter().find_map(|dot| text.strip_prefix(*dot))
}

fn parse<T: for<'de> Deserialize<'de>>(base64: &[u8]) -> Option<T> {
    serde_json::from_slice(&BASE64.decode(base64).ok()?).ok()
}

/// Whether what there is of a header decodes to text: in a run of base64 that means something else, `eyJ` comes by chance.
fn may_be_a_header(base64: &[u8]) -> bool {
    let whole = &base64[..base64.len() / 4 * 4];
    BASE64.decode(whole).is_ok_and(|text| !text.iter().any(u8::is_ascii_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64(text: &str) -> String {
        BASE64.encode(text).trim_end_matches('=').to_owned()
    }

    fn judge(text: &str, last: bool) -> Verdict<'_> {
        Jwt::judge(text.as_bytes(), run(text.as_bytes(), MAX_HEADER), last)
    }

    #[test]
    fn knows_a_jwt_from_what_looks_alike() {
        let header = base64(r#"{"typ":"JWT","alg":"HS256"}"#);
        for dot in DOTS {
            let text = format!("{header}{}eyJzdWIiOiIxIn0", std::str::from_utf8(dot).unwrap());
            assert!(matches!(judge(&text, true), Verdict::Yes(_)), "{text}");
        }
        let encrypted = base64(r#"{"alg":"dir","enc":"A256GCM"}"#);
        assert!(matches!(judge(&format!("{encrypted}..iv.text.tag"), true), Verdict::Yes(_)));
        for text in [
            // No algorithm, no JSON, nothing behind it, a signature of something else.
            format!("{}.eyJzdWIiOiIxIn0.x", base64(r#"{"typ":"JWT"}"#)),
            "eyJhbGciOiJIUzI1NiI.eyJzdWIiOiIxIn0.x".into(),
            format!("{header}.\"}}"),
            format!("{header} eyJ"),
            format!("{header}..c2lnbmF0dXJl"),
        ] {
            assert!(matches!(judge(&text, true), Verdict::No), "{text}");
        }
    }

    #[test]
    fn waits_for_what_decides() {
        let text = format!("{}.e", base64(r#"{"alg":"HS256"}"#));
        for end in BEGIN.len()..text.len() {
            assert!(matches!(judge(&text[..end], false), Verdict::Open), "{end}");
            assert!(matches!(judge(&text[..end], true), Verdict::No), "{end}");
        }
        assert!(matches!(judge(&text, false), Verdict::Yes(_)));
        assert!(matches!(judge("eyJAAAAAAAAAAAAA", false), Verdict::No));
        assert!(matches!(judge(&format!("eyJ{}", "h".repeat(MAX_HEADER)), false), Verdict::No));
    }

    #[test]
    fn tells_kinds_apart() {
        let jwt = |header: &str, claims: &str| format!("{}.{}.c2ln", base64(header), base64(claims));
        let kind = |text: &str| Jwt::whole(text.as_bytes()).unwrap().kind();
        let one = jwt(r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"iss":"api","aud":["a","b"],"sub":"1"}"#);
        assert_eq!(
            kind(&one),
            Kind {
                algorithm: Some("HS256".into()),
                typ: Some("JWT".into()),
                issuer: Some("api".into()),
                audience: vec!["a".into(), "b".into()],
            }
        );
        assert_eq!(
            kind(&one),
            kind(&jwt(r#"{"typ":"JWT","alg":"HS256"}"#, r#"{"sub":"2","aud":["a","b"],"iss":"api"}"#))
        );
        assert_ne!(kind(&one), kind(&jwt(r#"{"typ":"JWT","alg":"HS256"}"#, r#"{"iss":"chat"}"#)));
    }
}
