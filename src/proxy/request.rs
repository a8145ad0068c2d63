//! The header fields of a call, from what the client sent to what the upstream gets.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Version, header};

use super::{fields::Fields, hop_by_hop, trace};

/// Beginnings of names that a client may not send on, for the reasons of [`is_withheld`].
const WITHHELD_FAMILIES: [&str; 4] = ["proxy-", "x-forwarded-", "x-original-", "x-rewrite-"];
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Fields that a client may not send on, by their lower-case name with `-` for `_`.
///
/// - those of one connection (RFC 9110 §7.6.1), and the settings of an HTTP/2 upgrade
/// - credentials: the upstream gets only the session's
/// - the client's address and the requested host: [`super::forwarded`] sets them
/// - the `X-Original-…` and `X-Rewrite-…` families, which make some servers use another path than the one checked
/// - method overrides, which make a server use another method than the one checked
fn is_withheld(name: &str) -> bool {
    match name {
        "host"
        | "authorization"
        | "cookie"
        | "cookie2"
        | "forwarded"
        | "http2-settings"
        | "x-real-ip"
        | "x-client-ip"
        | "x-cluster-client-ip"
        | "true-client-ip"
        | "cf-connecting-ip"
        | "x-host"
        | "x-http-host-override"
        | "x-http-method"
        | "x-http-method-override"
        | "x-method-override" => true,
        _ => hop_by_hop::is_hop_by_hop(name) || WITHHELD_FAMILIES.iter().any(|family| name.starts_with(family)),
    }
}

/// Fields that a client may send, yet not under an alias with underscores: servers after CGI
/// (RFC 3875 §4.1.18) cannot tell `X_Request_Id` from `X-Request-Id`.
fn has_no_alias(name: &str) -> bool {
    matches!(name, "content-length" | "content-type" | "traceparent" | "via" | "x-request-id")
}

/// In which forms a response may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoded {
    /// As the client takes it.
    Any,
    /// As it can be searched for tokens.
    Searchable,
}

/// Copies what a client may send on, but for the length of the body: that is rewritten, as it is sent.
/// `credential` is the header of the session's credential, when it is not a usual one.
pub(super) fn copy(from: &HeaderMap, credential: Option<&HeaderName>, encoded: Encoded, to: &mut impl Fields) {
    let named = hop_by_hop::named(from);
    let (mut codings, mut has_range) = (false, false);
    for (name, value) in from {
        let stays =
            is_kept_back(name, credential) || (named.contains(name) && !is_own(name)) || name == header::CONTENT_LENGTH;
        if stays {
            continue;
        }
        if encoded == Encoded::Searchable {
            has_range |= name == header::RANGE;
            if name == header::ACCEPT_ENCODING {
                codings = true;
                continue;
            }
            // A compressed message cannot be read without those before it.
            if name == header::SEC_WEBSOCKET_EXTENSIONS {
                continue;
            }
        }
        to.add(name, value);
    }
    if codings {
        add_codings(from, has_range, to);
    }
}

/// Offers those codings of the client that can be decoded here. A part of a compressed body cannot be.
fn add_codings(from: &HeaderMap, has_range: bool, to: &mut impl Fields) {
    if has_range {
        return to.add(&header::ACCEPT_ENCODING, &IDENTITY);
    }
    for value in from.get_all(header::ACCEPT_ENCODING) {
        to.add(&header::ACCEPT_ENCODING, &decodable(value));
    }
}

/// The part of an `Accept-Encoding` (RFC 9110 §12.5.3) that can be decoded here: `gzip` and `br`.
fn decodable(value: &HeaderValue) -> HeaderValue {
    match value.as_bytes() {
        b"gzip, deflate, br, zstd" | b"gzip, deflate, br" => return HeaderValue::from_static("gzip, br"),
        b"gzip, deflate" => return HeaderValue::from_static("gzip"),
        b"gzip" | b"br" | b"identity" | b"" => return value.clone(),
        _ => {}
    }
    let text = value.to_str().unwrap_or_default();
    let kept: Vec<_> = text.split(',').filter_map(|member| decodable_member(member.trim())).collect();
    HeaderValue::try_from(kept.join(", ")).ok().filter(|kept| !kept.is_empty()).unwrap_or(IDENTITY)
}

fn decodable_member(member: &str) -> Option<String> {
    let (coding, weight) = member.split_at(member.find(';').unwrap_or(member.len()));
    let is = |name: &str| coding.trim().eq_ignore_ascii_case(name);
    match () {
        () if ["gzip", "x-gzip", "br", "identity"].into_iter().any(is) => Some(member.to_owned()),
        () if is("*") && !weight.replace([';', ' ', 'q', 'Q', '=', '0', '.'], "").is_empty() => {
            Some(format!("gzip{weight}, br{weight}"))
        }
        () if is("*") && weight.is_empty() => Some("gzip, br".into()),
        () => None,
    }
}

/// Whether this server wrote the field: a client cannot remove it by naming it in `Connection`.
fn is_own(name: &HeaderName) -> bool {
    *name == trace::X_REQUEST_ID || *name == trace::TRACEPARENT
}

/// Whether a client may not send a field on, be it before a body or after it.
fn is_kept_back(name: &HeaderName, credential: Option<&HeaderName>) -> bool {
    must_go(name.as_str()) || credential.is_some_and(|own| is_alias(name.as_str(), own.as_str()))
}

fn must_go(name: &str) -> bool {
    // Most fields are known from a first look at their name.
    if !name.contains('_') {
        return is_withheld(name);
    }
    let plain = name.replace('_', "-");
    is_withheld(&plain) || has_no_alias(&plain)
}

fn is_alias(name: &str, own: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte };
    name.len() == own.len() && name.bytes().map(plain).eq(own.bytes().map(plain))
}

/// Whether the client takes trailers (RFC 9110 §10.1.4).
pub(super) fn takes_trailers(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TE) && hop_by_hop::has_token(headers, &header::TE, b"trailers")
}

/// Tells the upstream that the client takes trailers. The field is only for this connection, so
/// that `Connection` names it (RFC 9110 §10.1.4).
pub(super) fn take_trailers(to: &mut impl Fields) {
    to.add(&header::TE, &HeaderValue::from_static("trailers"));
    to.add(&header::CONNECTION, &HeaderValue::from_static("te"));
}

/// Copies a request's trailers, as far as a client may send them on and they may stand after a body: none that says
/// how to read it, or who sends it (RFC 9110 §6.5.1).
pub(super) fn copy_trailers(from: &HeaderMap, credential: Option<&HeaderName>) -> HeaderMap {
    let passes = |name: &HeaderName| {
        !is_kept_back(name, credential)
            && !has_no_alias(name.as_str())
            && ![header::CONTENT_ENCODING, header::CONTENT_RANGE, header::TRAILER, header::EXPECT].contains(name)
    };
    let kept = from.iter().filter(|(name, _)| passes(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Makes sure of a trace, written into `text`. Gives the request id.
pub(super) fn identify(headers: &mut HeaderMap, text: &mut BytesMut) -> HeaderValue {
    trace::trace(headers, text);
    trace::request_id(headers, text)
}

/// The text that this proxy adds to `Via` (RFC 9110 §7.6.3) of a message that came in this version of HTTP.
pub(super) fn via(version: Version) -> HeaderValue {
    HeaderValue::from_static(match version {
        Version::HTTP_2 => "2 vestibule",
        Version::HTTP_10 => "1.0 vestibule",
        _ => "1.1 vestibule",
    })
}

/// Counts the fields and their bytes: whether there are more than may be.
pub(super) fn is_too_large(headers: &HeaderMap, max_count: usize, max_bytes: usize) -> bool {
    let bytes = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
    headers.len() > max_count || headers.iter().map(bytes).sum::<usize>() > max_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(fields: &[&'static str], credential: Option<&'static str>) -> Vec<String> {
        let sent: HeaderMap =
            fields.iter().map(|name| (HeaderName::from_static(name), HeaderValue::from_static("x"))).collect();
        let mut headers = HeaderMap::new();
        copy(&sent, credential.map(HeaderName::from_static).as_ref(), Encoded::Any, &mut headers);
        headers.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn withholds_credentials_and_claims_in_any_spelling() {
        let none: [String; 0] = [];
        for name in [
            "host",
            "authorization",
            "cookie",
            "proxy-authorization",
            "proxy-anything",
            "proxy_authorization",
            "forwarded",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded-prefix",
            "x_forwarded-host",
            "x-real-ip",
            "x_real_ip",
            "te",
            "transfer-encoding",
            "transfer_encoding",
            "content_length",
            "content_type",
            "x_request_id",
            "upgrade",
            "keep-alive",
            "x-original-url",
            "x-original-uri",
            "x-original-method",
            "x-rewrite-url",
            "x_original_url",
            "x-http-method-override",
            "x_http_method_override",
            "x-http-method",
            "x-method-override",
            "http2-settings",
        ] {
            assert_eq!(left(&[name], None), none, "{name}");
        }
        for name in ["auth-token", "auth_token"] {
            assert_eq!(left(&[name], Some("auth-token")), none, "{name}");
        }
    }

    #[test]
    fn passes_everything_else() {
        let fields = [
            "accept",
            "accept-encoding",
            "content-type",
            "range",
            "if-match",
            "origin",
            "referer",
            "via",
            "x-api_key",
            "my_field",
            "traceparent",
            "x-request-id",
            "expect",
            "trailer",
            "auth-token",
            "sec-fetch-site",
        ];
        assert_eq!(left(&fields, None), fields);
    }

    #[test]
    fn keeps_its_own_fields_when_connection_names_them() {
        let mut sent = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, x-request-id, traceparent, accept"),
            ("x-request-id", "1"),
            ("traceparent", "2"),
            ("accept", "3"),
        ] {
            sent.insert(name, HeaderValue::from_static(value));
        }
        let mut headers = HeaderMap::new();
        copy(&sent, None, Encoded::Any, &mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-request-id", "traceparent"]);
    }

    #[test]
    fn offers_what_can_be_searched() {
        for (sent, kept) in [
            ("gzip, deflate, br, zstd", "gzip, br"),
            ("gzip, deflate", "gzip"),
            ("br", "br"),
            ("", ""),
            ("zstd", "identity"),
            ("zstd;q=1, GZIP;q=0.5, identity;q=0", "GZIP;q=0.5, identity;q=0"),
            ("*", "gzip, br"),
            ("*;q=0.5", "gzip;q=0.5, br;q=0.5"),
            ("br;q=1.0, *;q=0.0", "br;q=1.0"),
        ] {
            assert_eq!(decodable(&HeaderValue::from_static(sent)), kept, "{sent}");
        }
        let mut sent = HeaderMap::new();
        for (name, value) in [("accept-encoding", "br"), ("sec-websocket-extensions", "x"), ("range", "bytes=1-")] {
            sent.insert(name, HeaderValue::from_static(value));
        }
        let mut headers = HeaderMap::new();
        copy(&sent, None, Encoded::Searchable, &mut headers);
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [(&header::RANGE, &HeaderValue::from_static("bytes=1-")), (&header::ACCEPT_ENCODING, &IDENTITY)]
        );
    }

    /// It says how the body is sent on, not how it came; and `Connection` could name it.
    #[test]
    fn copies_no_length() {
        assert_eq!(left(&["transfer-encoding", "content-length", "accept"], None), ["accept"]);
    }

    #[test]
    fn copies_only_trailers_that_change_nothing() {
        let mut trailers = HeaderMap::new();
        for name in [
            "x-sum",
            "authorization",
            "cookie",
            "x_forwarded_for",
            "content-length",
            "content-range",
            "trailer",
            "te",
            "via",
            "auth_token",
        ] {
            trailers.append(name, HeaderValue::from_static("1"));
        }
        let own = HeaderName::from_static("auth-token");
        let passed = copy_trailers(&trailers, Some(&own));
        assert_eq!(passed.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-sum"]);
    }

    #[test]
    fn limits_count_and_size() {
        let mut headers = HeaderMap::new();
        headers.append("a", HeaderValue::from_static("123"));
        headers.append("a", HeaderValue::from_static("123"));
        assert!(!is_too_large(&headers, 2, 8));
        assert!(is_too_large(&headers, 1, 8));
        assert!(is_too_large(&headers, 2, 7));
    }
}
