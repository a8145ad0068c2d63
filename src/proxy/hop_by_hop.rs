//! Fields that belong to one connection and stop here (RFC 9110 §7.6.1).

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Whether a field, by its lower-case name, belongs to one connection.
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "proxy-connection" | "te" | "transfer-encoding" | "upgrade")
}

/// The fields that are there and that `Connection` names, as far as they are not removed anyway.
pub(super) fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    if !headers.get_all(header::CONNECTION).iter().any(names_more) {
        return Vec::new();
    }
    let values = headers.get_all(header::CONNECTION).iter();
    let members = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut named: Vec<_> = members
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| headers.contains_key(name))
        .collect();
    // The same name may be there thousands of times.
    named.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    named.dedup();
    named
}

/// Most values are one of a few that name no field of their own, or one that is removed anyway.
fn names_more(value: &HeaderValue) -> bool {
    const USUAL: [&[u8]; 5] = [b"keep-alive", b"close", b"upgrade", b"te", b"transfer-encoding"];
    let value = value.as_bytes().trim_ascii();
    !USUAL.iter().any(|usual| value.eq_ignore_ascii_case(usual))
}

/// Whether a comma-separated list field has `token` among its members (RFC 9110 §5.6.1).
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|member| member.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn knows_what_connection_names_in_any_of_its_fields() {
        let headers = headers(&[
            ("connection", "close, X-One"),
            ("connection", "x-two ,,  bad name, x-absent, x-one"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("x-three", "3"),
        ]);
        assert_eq!(named(&headers), ["x-one", "x-two"]);
    }

    #[test]
    fn finds_a_member_of_a_list() {
        let headers = headers(&[("te", "gzip"), ("te", "deflate, Trailers")]);
        assert!(has_token(&headers, &header::TE, b"trailers"));
        assert!(!has_token(&headers, &header::TE, b"trail"));
    }
}
