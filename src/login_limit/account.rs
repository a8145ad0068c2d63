//! Normalizes the spelling of account names.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The normalized name by which attempts at an account are counted.
///
/// APIs and their databases accept several spellings of an account: other case, surrounding whitespace, full-width
/// letters, letters with and without accents. Each would have its own bucket. Two accounts with the same normalized name
/// share their limits, which is harmless.
pub(crate) fn canonical_account(account: &str) -> String {
    // To upper and back to lower case, as some letters have a common form only in upper case.
    let folded = account.nfkd().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkd().filter(|letter| !is_ignored(*letter)).collect()
}

/// Whether collations ignore a character: accents, whitespace and invisible characters.
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
    fn normalizes_every_spelling_of_an_account() {
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
            assert_eq!(canonical_account(spelling), "ada@example.com", "{spelling:?}");
        }
        assert_eq!(canonical_account("STRASSE"), canonical_account("straße"));
        assert_eq!(canonical_account("\u{212a}ai"), "kai", "the Kelvin sign");
        assert_eq!(canonical_account("İda"), "ida");
        assert_ne!(canonical_account("ada@example.com"), canonical_account("ada@example.org"));
    }
}
