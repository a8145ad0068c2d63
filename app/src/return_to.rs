//! Where a person goes after logging in: a path of this site, never another one.

/// The path when it is safe to go to, else the notes.
pub(crate) fn or_notes(path: &str) -> &str {
    #[cfg(feature = "ssr")]
    let local = vestibule::return_to::local_path(path);
    #[cfg(not(feature = "ssr"))]
    let local = local_path(path);
    local.unwrap_or("/notes")
}

/// The rule of `vestibule::return_to::local_path`, which a browser does not have: no `//`, no
/// backslash, nothing to be dropped or decoded, and no dot segments.
#[cfg(any(test, not(feature = "ssr")))]
fn local_path(path: &str) -> Option<&str> {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let before_query = path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let dots = before_query.contains("/.") || before_query.contains("%2e");
    (plain && !dots && path.starts_with('/') && !path.starts_with("//")).then_some(path)
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::local_path;

    #[test]
    fn keeps_the_rule_of_the_library() {
        let paths = [
            "/",
            "/notes",
            "/notes?q=a%20b&page=2",
            "/notes?to=//x/../y",
            "",
            "notes",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/.//evil.example",
            "/%2E%2e//evil.example",
            "/notes/../..//evil.example",
            "/ü",
        ];
        for path in paths {
            assert_eq!(local_path(path), vestibule::return_to::local_path(path), "{path:?}");
        }
    }
}
