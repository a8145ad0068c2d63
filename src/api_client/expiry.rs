//! When an access token ends, by this server's clock.

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::contract::ExpiresAs;

/// A number of seconds since 1970 above this is one of milliseconds: as seconds it would be the year
/// 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// The end that a response tells, or why its value means nothing.
pub(super) fn told(value: &Value, meaning: ExpiresAs, now: i64) -> Result<i64, String> {
    let number = number(value);
    let end = match meaning {
        ExpiresAs::Seconds => number.map(|seconds| now.saturating_add(seconds)),
        ExpiresAs::Milliseconds => number.map(|milliseconds| now.saturating_add(milliseconds / 1000)),
        ExpiresAs::Date => number
            .map(|number| if number >= MILLISECONDS_FROM { number / 1000 } else { number })
            .or_else(|| Some(OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()?.unix_timestamp())),
    };
    match end {
        Some(end) if end > now => Ok(end),
        Some(_) => Err("lies in the past".into()),
        None => Err(format!("is no {}", name(meaning))),
    }
}

fn name(meaning: ExpiresAs) -> &'static str {
    match meaning {
        ExpiresAs::Seconds => "number of seconds",
        ExpiresAs::Milliseconds => "number of milliseconds",
        ExpiresAs::Date => "date",
    }
}

/// A whole number, written as one or as text.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(whole)).or_else(|| value.as_str()?.trim().parse().ok())
}

/// When a JWT ends by this server's clock.
///
/// The token's lifetime counts from now on when it says when it was issued (`iat`), so that a clock
/// that differs from the API's makes no difference.
pub(super) fn of_claims(claims: &Value, now: i64) -> Option<i64> {
    let number = |name: &str| claims.get(name)?.as_f64().map(whole);
    let end = number("exp")?;
    let issued = number("iat").filter(|issued| *issued < end);
    Some(issued.map_or(end, |issued| now.saturating_add(end - issued)))
}

#[expect(clippy::cast_possible_truncation, reason = "NumericDate may have a fraction (RFC 7519 §2), which is dropped")]
pub(super) fn whole(seconds: f64) -> i64 {
    seconds as i64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_767_268_800;

    #[test]
    fn reads_seconds_milliseconds_and_dates() {
        for (meaning, value) in [
            (ExpiresAs::Seconds, json!(900)),
            (ExpiresAs::Seconds, json!("900")),
            (ExpiresAs::Seconds, json!(900.5)),
            (ExpiresAs::Milliseconds, json!(900_000)),
            (ExpiresAs::Date, json!("2026-01-01T12:15:00Z")),
            (ExpiresAs::Date, json!("2026-01-01T14:15:00.000+02:00")),
            (ExpiresAs::Date, json!(NOW + 900)),
            (ExpiresAs::Date, json!((NOW + 900) * 1000)),
        ] {
            assert_eq!(told(&value, meaning, NOW), Ok(NOW + 900), "{meaning:?} {value}");
        }
    }

    #[test]
    fn says_why_a_value_means_nothing() {
        for (meaning, value, part) in [
            (ExpiresAs::Seconds, json!("2026-01-01T12:15:00Z"), "number of seconds"),
            (ExpiresAs::Seconds, json!(0), "past"),
            (ExpiresAs::Milliseconds, json!({}), "milliseconds"),
            (ExpiresAs::Date, json!("tomorrow"), "date"),
            (ExpiresAs::Date, json!(900), "past"),
        ] {
            assert!(told(&value, meaning, NOW).unwrap_err().contains(part), "{meaning:?} {value}");
        }
    }
}
