//! Entity tags and the preconditions made of them (RFC 9110 §8.8.3 and §13.1).

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE},
};

use crate::problem::Problem;

/// A strong entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of a thing that counts its changes.
    pub fn of_version(version: i64) -> Self {
        Self(format!("\"{version}\""))
    }

    /// The tag of a thing that never changes, made of its id.
    pub fn of_id(id: &str) -> Self {
        Self(format!("\"{id}\""))
    }

    /// The header's value.
    pub fn value(&self) -> HeaderValue {
        // Digits, letters and hyphens in quotes are always a header value.
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }

    /// Lets a change through when the client names no version, or this one (§13.1.1).
    ///
    /// # Errors
    ///
    /// 412 when the client names other versions alone.
    pub fn check_if_match(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let holds = match Listed::in_header(headers, &IF_MATCH) {
            Listed::Absent | Listed::Any => true,
            // Strong comparison: a weak tag matches nothing.
            Listed::Tags(tags) => tags.iter().any(|tag| !tag.weak && tag.quoted == self.0),
        };
        if holds { Ok(()) } else { Err(Problem::precondition_failed()) }
    }

    /// Whether the client has this version already (§13.1.2).
    pub fn is_known_to(&self, headers: &HeaderMap) -> bool {
        match Listed::in_header(headers, &IF_NONE_MATCH) {
            Listed::Absent => false,
            Listed::Any => true,
            Listed::Tags(tags) => tags.iter().any(|tag| tag.quoted == self.0),
        }
    }

    /// Whether a `Range` may be served: there is no `If-Range`, or it names this version (§13.1.5).
    pub fn allows_range(&self, headers: &HeaderMap) -> bool {
        headers.get(IF_RANGE).is_none_or(|value| value.as_bytes() == self.0.as_bytes())
    }
}

/// The tags that a precondition lists.
#[derive(Debug, PartialEq, Eq)]
enum Listed {
    Absent,
    Any,
    Tags(Vec<Tag>),
}

#[derive(Debug, PartialEq, Eq)]
struct Tag {
    weak: bool,
    quoted: String,
}

impl Listed {
    fn in_header(headers: &HeaderMap, name: &HeaderName) -> Self {
        let mut lines = headers.get_all(name).iter().peekable();
        if lines.peek().is_none() {
            return Self::Absent;
        }
        let line: Vec<_> = lines.filter_map(|line| line.to_str().ok()).collect();
        let line = line.join(",");
        if line.trim() == "*" { Self::Any } else { Self::Tags(tags(&line)) }
    }
}

/// Splits a list of tags. What is no tag ends the list: it can match nothing.
fn tags(line: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let weak = rest.starts_with("W/");
        let Some(opaque) = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"') else { return tags };
        let Some((tag, after)) = opaque.split_once('"') else { return tags };
        tags.push(Tag { weak, quoted: format!("\"{tag}\"") });
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_str(value).unwrap());
        values.map(|value| (name.clone(), value)).collect()
    }

    #[test]
    fn if_match_compares_strongly() {
        let tag = ETag::of_version(3);
        for (value, holds) in [
            ("\"3\"", true),
            ("\"2\", \"3\"", true),
            ("*", true),
            ("\"2\"", false),
            ("W/\"3\"", false),
            ("3", false),
            ("", false),
            ("\"3", false),
        ] {
            let checked = tag.check_if_match(&headers(&IF_MATCH, &[value]));
            assert_eq!(checked.is_ok(), holds, "If-Match: {value}");
        }
        assert!(tag.check_if_match(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let tag = ETag::of_version(3);
        for (value, known) in [("\"3\"", true), ("W/\"3\"", true), ("\"1\",\"3\"", true), ("*", true), ("\"4\"", false)]
        {
            let headers = headers(&IF_NONE_MATCH, &[value]);
            assert_eq!(tag.is_known_to(&headers), known, "If-None-Match: {value}");
        }
        assert!(!tag.is_known_to(&HeaderMap::new()));
    }

    #[test]
    fn several_lines_are_one_list_and_commas_in_a_tag_stay() {
        let headers = headers(&IF_MATCH, &["\"a,b\"", "\"3\""]);
        assert!(ETag::of_version(3).check_if_match(&headers).is_ok());
        assert!(ETag::of_id("a,b").check_if_match(&headers).is_ok());
        assert!(ETag::of_id("a").check_if_match(&headers).is_err());
    }

    #[test]
    fn if_range_wants_the_very_version() {
        let tag = ETag::of_id("x");
        assert!(tag.allows_range(&HeaderMap::new()));
        assert!(tag.allows_range(&headers(&IF_RANGE, &["\"x\""])));
        assert!(!tag.allows_range(&headers(&IF_RANGE, &["W/\"x\""])));
        assert!(!tag.allows_range(&headers(&IF_RANGE, &["Sun, 06 Nov 1994 08:49:37 GMT"])));
    }
}
