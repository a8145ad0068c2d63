//! From the path that a client asked for to the path that the upstream is asked for, or 400.
//!
//! Nothing is repaired. A path is decoded as often as it can be, only to look at it: the bytes that
//! go up are the bytes that came, and a path that some server could read as another one is refused. So
//! this proxy and the upstream never disagree about which resource is meant.
//!
//! 1. Only characters that RFC 3986 §3.3 allows in a path, and `%` only before two hex digits.
//! 2. No dot segments (RFC 3986 §5.2.4), however encoded, and whatever follows a `;` in them: some
//!    servers cut off `;params` before they resolve dots.
//! 3. No backslash and no control character, however encoded; and what is encoded is UTF-8.
//! 4. No empty first segment (`//host`): some servers read an authority there.

use std::borrow::Cow;

/// Why a path is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPath {
    #[error("The path has a character that no path may have: encode it.")]
    Character,
    #[error("The path has a `%` that is not followed by two hexadecimal digits: write `%25` for it.")]
    Encoding,
    #[error("The path has a `.` or `..` segment: write it without.")]
    DotSegment,
    #[error("The path begins with two slashes: write one.")]
    EmptyStart,
    #[error("The path is encoded several times over: encode it once.")]
    Depth,
}

/// How often a path may be encoded over and over.
const MAX_ROUNDS: usize = 4;

const BAD: u8 = 0;
const PLAIN: u8 = 1;
/// Its meaning differs between servers, so that the path is looked at decoded.
const SUBTLE: u8 = 2;

/// `pchar` and `/` of RFC 3986 §3.3, and `[`, `]` and `|`, which browsers leave as they are
/// (WHATWG URL, path percent-encode set).
static CLASS: [u8; 256] = {
    let mut class = [BAD; 256];
    let plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@/[]|";
    let mut index = 0;
    while index < plain.len() {
        class[plain[index] as usize] = PLAIN;
        index += 1;
    }
    class[b'%' as usize] = SUBTLE;
    class[b';' as usize] = SUBTLE;
    class
};

/// Checks a path, and gives what it comes down to once all encoding is undone: for comparing only.
///
/// # Errors
/// When the path could mean different things to different servers.
pub(super) fn check(path: &str) -> Result<Cow<'_, str>, BadPath> {
    let mut worst = PLAIN;
    for byte in path.bytes() {
        match CLASS[usize::from(byte)] {
            BAD => return Err(BadPath::Character),
            class => worst = worst.max(class),
        }
    }
    check_segments(path.as_bytes())?;
    if worst == PLAIN { Ok(Cow::Borrowed(path)) } else { decoded(path).map(Cow::Owned) }
}

/// The path with all encoding undone, each step of it checked.
fn decoded(path: &str) -> Result<String, BadPath> {
    if !well_encoded(path.as_bytes()) {
        return Err(BadPath::Encoding);
    }
    let mut text = path.as_bytes().to_vec();
    let mut rounds = 0;
    while decode(&mut text) {
        rounds += 1;
        if rounds > MAX_ROUNDS {
            return Err(BadPath::Depth);
        }
        if text.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\') {
            return Err(BadPath::Character);
        }
        check_segments(&text)?;
    }
    // Overlong forms of `.` and `/` are no UTF-8 either (RFC 3629 §3).
    let text = String::from_utf8(text).map_err(|_| BadPath::Character)?;
    if text.chars().any(char::is_control) { Err(BadPath::Character) } else { Ok(text) }
}

fn check_segments(path: &[u8]) -> Result<(), BadPath> {
    if path.starts_with(b"//") {
        return Err(BadPath::EmptyStart);
    }
    for segment in path.split(|byte| *byte == b'/') {
        // Most segments are settled by their first byte.
        if matches!(segment.first(), Some(b'.' | b' ')) && is_dots(segment) {
            return Err(BadPath::DotSegment);
        }
    }
    Ok(())
}

/// `.` or `..`, with blanks around it and parameters behind it, which some servers cut off.
fn is_dots(segment: &[u8]) -> bool {
    let end = segment.iter().position(|byte| *byte == b';').unwrap_or(segment.len());
    matches!(segment[..end].trim_ascii(), b"." | b"..")
}

fn well_encoded(path: &[u8]) -> bool {
    let mut rest = path;
    while let Some(at) = memchr::memchr(b'%', rest) {
        if escape(&rest[at..]).is_none() {
            return false;
        }
        rest = &rest[at + 3..];
    }
    true
}

/// Undoes one level of encoding in place; whether there was any.
fn decode(text: &mut Vec<u8>) -> bool {
    let (mut read, mut write) = (0, 0);
    while read < text.len() {
        if let Some(byte) = escape(&text[read..]) {
            text[write] = byte;
            read += 3;
        } else {
            text[write] = text[read];
            read += 1;
        }
        write += 1;
    }
    text.truncate(write);
    read != write
}

/// The byte that an escape at the start of `text` stands for.
fn escape(text: &[u8]) -> Option<u8> {
    let &[b'%', high, low, ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_plain_paths_without_a_copy() {
        for path in [
            "",
            "/",
            "/notes",
            "/notes/1/",
            "/a//b",
            "/users/@me",
            "/a:b",
            "/.well-known/x",
            "/...",
            "/a..b/..c",
            "/[1]|2",
        ] {
            assert!(matches!(check(path), Ok(Cow::Borrowed(same)) if same == path), "{path}");
        }
    }

    #[test]
    fn decodes_only_to_compare() {
        for (path, plain) in [
            ("/caf%C3%A9", "/café"),
            ("/a%2Fb", "/a/b"),
            ("/a%252Fb", "/a/b"),
            ("/100%25", "/100%"),
            ("/100%25zz", "/100%zz"),
            ("/%41uth", "/Auth"),
            ("/a;v=1", "/a;v=1"),
            ("/a%20b", "/a b"),
            ("/what%3F%23", "/what?#"),
        ] {
            assert_eq!(check(path).as_deref(), Ok(plain), "{path}");
        }
    }

    #[test]
    fn tells_why_it_refuses() {
        for (path, why) in [
            ("/..", BadPath::DotSegment),
            ("/a/./b", BadPath::DotSegment),
            ("/%2e%2E/a", BadPath::DotSegment),
            ("/%252e%252e/a", BadPath::DotSegment),
            ("/a/..%2fb", BadPath::DotSegment),
            ("/a/..;x=1/b", BadPath::DotSegment),
            ("/a/..%20/b", BadPath::DotSegment),
            ("/a/%20../b", BadPath::DotSegment),
            ("/a\\b", BadPath::Character),
            ("/a%5cb", BadPath::Character),
            ("/a%255Cb", BadPath::Character),
            ("/a%00", BadPath::Character),
            ("/a%0d%0ab", BadPath::Character),
            ("/%c0%ae%c0%ae/a", BadPath::Character),
            ("/a%c2%85", BadPath::Character),
            ("/a\"b", BadPath::Character),
            ("/é", BadPath::Character),
            ("/a%", BadPath::Encoding),
            ("/a%2", BadPath::Encoding),
            ("/a%u002e", BadPath::Encoding),
            ("//evil.example", BadPath::EmptyStart),
            ("/%2fevil.example", BadPath::EmptyStart),
            ("/%252fevil.example", BadPath::EmptyStart),
            ("/%25252525252e", BadPath::Depth),
        ] {
            assert_eq!(check(path), Err(why), "{path}");
        }
    }
}
