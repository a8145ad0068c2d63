//! The redirect target after a login: a path of this site, never of another one.

/// Returns the path if it is a safe redirect target, and `None` otherwise.
///
/// A safe target is an absolute path of this origin, with its query. It starts with exactly one `/`, has no backslash
/// (browsers read it as `/`) and no control character (browsers drop some, so that `/\t/evil.example` would become
/// `//evil.example`), and is ASCII (other characters must be percent-encoded, as in any URL). See CWE-601.
///
/// ```
/// use vestibule::return_to::local_path;
/// assert_eq!(local_path("/notes?q=tea"), Some("/notes?q=tea"));
/// assert_eq!(local_path("//evil.example"), None);
/// ```
pub fn local_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix('/')?;
    let plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    // Dot segments are resolved by the browser before the request: `/.//evil.example` becomes
    // `//evil.example` in some of them.
    let dots = path.split(['?', '#']).next().is_some_and(|path| path.split('/').any(is_dot_segment));
    (plain && !rest.starts_with('/') && !dots && path.len() <= MAX_LENGTH).then_some(path)
}

/// The maximum length of a path, in bytes.
const MAX_LENGTH: usize = 2048;

fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn accepts_paths_of_this_site() {
        for path in ["/", "/notes", "/notes?q=a%20b&page=2", "/notes/1#text", "/a/b.c/", "/notes?to=//x"] {
            assert_eq!(local_path(path), Some(path));
        }
    }

    #[test]
    fn refuses_ways_to_another_site() {
        let tries = [
            "",
            "notes",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\\/evil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\n/evil.example",
            " /notes",
            "/ /evil.example",
            "/\u{0}",
            "/\u{7f}",
            "/\u{a0}/evil.example",
            "/./\\evil.example",
            "/.//evil.example",
            "/..//evil.example",
            "/%2e//evil.example",
            "/%2E%2e//evil.example",
            "@evil.example",
            "/notes/../..//evil.example",
            "\u{2f}\u{2f}evil.example",
            "/ü",
        ];
        for path in tries {
            assert_eq!(local_path(path), None, "{path:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(4096))), None);
    }
}
