//! What holds for any input. The same properties are fuzzed: see `fuzz/README.md`.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "property/cookie.rs"]
mod cookie;
#[path = "property/return_to.rs"]
mod return_to;
#[path = "property/target.rs"]
mod target;

use proptest::{collection::vec, prelude::*, sample::select};

/// Pieces of which attacks on paths are made, and harmless ones.
const PIECES: &[&str] = &[
    "/",
    "//",
    ".",
    "..",
    "%2e",
    "%2E",
    "%252e",
    "%c0%ae",
    "%2f",
    "%252F",
    "\\",
    "%5c",
    "%255c",
    ";",
    ";a=b",
    "%3b",
    "?",
    "%3f",
    "#",
    "%23",
    "@",
    ":",
    "%00",
    "%0d%0a",
    "%09",
    " ",
    "%20",
    "%2520",
    "auth",
    "AUTH",
    "login",
    "Login",
    "log%69n",
    "refresh",
    ".json",
    "evil.example",
    "notes",
    "1",
    "é",
    "%C3%A9",
    "%",
    "%zz",
    "[",
    "|",
];
/// Pieces of cookies.
const COOKIE_PIECES: &[&str] = &[
    "vestibule",
    "vestibule.1",
    "vestibule.4",
    "vestibule.5",
    "__Host-vestibule",
    "=",
    ";",
    "; ",
    "\"",
    ".",
    "2.",
    "5.",
    "99999999999999999999.",
    "AAAA",
    "AQ",
    "-_",
    "a=b",
    "\t",
    " ",
];

fn pieces(of: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    vec(select(of), 0..most).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cookie_is_nobodys(text in prop_oneof![pieces(COOKIE_PIECES, 12), "[ -~]{0,200}"]) {
        cookie::holds(text.as_bytes());
    }

    #[test]
    fn any_bytes_as_a_cookie_are_nobodys(data in vec(any::<u8>(), 0..300)) {
        cookie::holds(&data);
    }

    #[test]
    fn any_path_is_refused_or_harmless(text in prop_oneof![pieces(PIECES, 8), "/[!-~]{0,40}"]) {
        target::holds(text.as_bytes());
        target::holds(format!("/{text}").as_bytes());
    }

    #[test]
    fn the_paths_of_tokens_are_never_passed_on(
        lead in pieces(&["/", ";a", "%2f", " ", "."], 3),
        middle in pieces(&["/", "//", ";x", "%2F", "%20", "."], 3),
        end in pieces(&["/", ";", ".json", "%20", ".", "%2e", "?q", "#"], 3),
        which in select(&["auth/login", "AUTH/refresh", "%61uth/l%6Fgin", "auth/%256cogin"][..]),
    ) {
        let (first, second) = which.split_once('/').unwrap();
        target::holds(format!("/{lead}{first}/{middle}{second}{end}").as_bytes());
    }

    #[test]
    fn any_place_to_return_to_is_on_this_site(text in prop_oneof![pieces(PIECES, 8), "/[ -~]{0,40}", "\\PC{0,20}"]) {
        return_to::holds(text.as_bytes());
        return_to::holds(format!("/{text}").as_bytes());
    }
}
