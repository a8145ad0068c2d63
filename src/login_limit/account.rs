//! One spelling for all spellings of an account's name.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The name by which attempts at an account are counted.
///
/// APIs and their databases take more than one spelling for the same account: other case, blanks around, full-width
/// letters, letters with and without accents. Each would be a bucket of its own. Two accounts that come to have the
/// same name here share their limits, which harms nobody.
pub(crate) fn canonical(account: &str) -> String {
    // There and back, as some letters have one form in the other case only.
    let folded = account.nfkd().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkd().filter(|letter| !is_ignored(*letter)).collect()
}

/// What collations pass over: accents, blanks, and what cannot be seen.
fn is_ignored(letter: char) -> bool {
    is_combining_mark(letter)
        || letter.is_whitespace()
        || letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_every_spelling_for_one_account() {
        for spelling in [
            "ada@example.com",
            "Ada@Example.COM",
            "  ada@example.com\t",
            "\u{a0}ada@example.com\u{3000}",
            "ａｄａ@example.com",
            "ada＠example.com",
            "ádà@example.com",
            "a\u{301}da@example.com",
            "ada\u{200b}@exam\u{ad}ple.com",
            "ADA@EXAMPLE.COM\u{feff}",
            "ⓐda@example.com",
        ] {
            assert_eq!(canonical(spelling), "ada@example.com", "{spelling:?}");
        }
        assert_eq!(canonical("STRASSE"), canonical("straße"));
        assert_eq!(canonical("\u{212a}ai"), "kai", "the Kelvin sign");
        assert_eq!(canonical("İda"), "ida");
        assert_ne!(canonical("ada@example.com"), canonical("ada@example.org"));
    }
}
