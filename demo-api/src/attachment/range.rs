//! Which bytes a `Range` header asks for (RFC 9110 §14.1.2).

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Everything.
    Whole,
    /// From the first to the last byte, both counted from 0 and both included.
    Part {
        /// At most `last`.
        first: u64,
        /// Less than the size.
        last: u64,
    },
    /// Nothing of what is there: 416.
    Unsatisfiable,
}

/// Reads a `Range` for something of `size` bytes. What is malformed, of another unit, or asks for
/// several ranges is passed over, as §14.2 allows: the client gets everything.
pub fn select(range: Option<&str>, size: u64) -> Selection {
    let Some((first, last)) = range.and_then(positions) else {
        return Selection::Whole;
    };
    let end = size.saturating_sub(1);
    let (first, last) = match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => (first, end),
        (Some(first), Some(last)) if first <= last => (first, last.min(end)),
        // The last so many bytes.
        (None, Some(length)) if first.is_empty() => (if length == 0 { size } else { size.saturating_sub(length) }, end),
        _ => return Selection::Whole,
    };
    if first < size { Selection::Part { first, last } } else { Selection::Unsatisfiable }
}

/// What stands before and after the hyphen of a single range of bytes.
fn positions(range: &str) -> Option<(&str, &str)> {
    let (unit, set) = range.split_once('=')?;
    if unit.trim().eq_ignore_ascii_case("bytes") { set.trim().split_once('-') } else { None }
}

fn number(text: &str) -> Option<u64> {
    // `parse` would take a plus sign.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number beyond 64 bits is beyond every size.
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{
        Selection::{Part, Unsatisfiable, Whole},
        *,
    };

    #[test]
    fn ranges_of_ten_bytes() {
        for (range, selection) in [
            ("bytes=0-0", Part { first: 0, last: 0 }),
            ("bytes=2-5", Part { first: 2, last: 5 }),
            ("Bytes=2-5", Part { first: 2, last: 5 }),
            ("bytes=2-", Part { first: 2, last: 9 }),
            ("bytes=2-99", Part { first: 2, last: 9 }),
            ("bytes=9-99999999999999999999", Part { first: 9, last: 9 }),
            ("bytes=-3", Part { first: 7, last: 9 }),
            ("bytes=-99", Part { first: 0, last: 9 }),
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-20", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=5-2", Whole),
            ("bytes=-", Whole),
            ("bytes=", Whole),
            ("bytes", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=1-2,4-5", Whole),
            ("lines=1-2", Whole),
            ("", Whole),
        ] {
            assert_eq!(select(Some(range), 10), selection, "Range: {range}");
        }
        assert_eq!(select(None, 10), Whole);
    }

    #[test]
    fn nothing_has_no_range() {
        assert_eq!(select(Some("bytes=0-"), 0), Unsatisfiable);
        assert_eq!(select(Some("bytes=-1"), 0), Unsatisfiable);
        assert_eq!(select(None, 0), Whole);
    }
}
