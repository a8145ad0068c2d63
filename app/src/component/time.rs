//! Points in time, in words.

use std::{fmt::Write, ops::Range};

use leptos::prelude::*;

use super::{effect, part};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A point in time (RFC 3339, in UTC): `22 Nov 2026, 05:53 UTC`, and in the browser's own time zone
/// once JavaScript runs.
#[component]
pub(crate) fn Time(at: String) -> impl IntoView {
    let text = RwSignal::new(in_utc(&at).unwrap_or_else(|| at.clone()));
    let iso = at.clone();
    effect(move || {
        if let Some(local) = in_local_time(&at) {
            text.set(local);
        }
    });
    view! { <time datetime=iso>{part(move || text.get())}</time> }
}

fn in_utc(at: &str) -> Option<String> {
    let number = |range: Range<usize>| at.get(range)?.parse::<u32>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let mut text = words(year, month.checked_sub(1)?, day, number(11..13)?, number(14..16)?)?;
    text.push_str(" UTC");
    at.ends_with('Z').then_some(text)
}

fn in_local_time(at: &str) -> Option<String> {
    let date = js_sys::Date::new(&at.into());
    words(date.get_full_year(), date.get_month(), date.get_date(), date.get_hours(), date.get_minutes())
}

/// Months count from 0.
fn words(year: u32, month: u32, day: u32, hour: u32, minute: u32) -> Option<String> {
    let month = MONTHS.get(usize::try_from(month).ok()?)?;
    let mut text = String::new();
    write!(text, "{day} {month} {year}, {hour:02}:{minute:02}").ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::in_utc;

    #[test]
    fn reads_what_apis_write() {
        assert_eq!(in_utc("2026-11-02T05:03:12.345Z").as_deref(), Some("2 Nov 2026, 05:03 UTC"));
        assert_eq!(in_utc("2026-12-31T23:59:00Z").as_deref(), Some("31 Dec 2026, 23:59 UTC"));
    }

    #[test]
    fn leaves_what_it_cannot_read() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T00:00:00+02:00"] {
            assert_eq!(in_utc(text), None, "{text}");
        }
    }
}
