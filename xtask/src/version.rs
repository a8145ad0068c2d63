//! Versions: as tools print them, and as `Cargo.lock` fixes them.

use std::fmt;

/// `major.minor.patch`; what a tool leaves out is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Version {
    /// Reads the first version in what a tool answers to `--version`:
    /// `wasm-bindgen 0.2.130`, `wasm-opt version 132 (version_132)`, `v20.20.2`.
    pub fn parse(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| Self::parse_word(word.strip_prefix('v').unwrap_or(word)))
    }

    fn parse_word(word: &str) -> Option<Self> {
        let mut numbers = word.splitn(3, '.').map(|part| {
            let digits = part.find(|character: char| !character.is_ascii_digit()).unwrap_or(part.len());
            part[..digits].parse::<u32>().ok()
        });
        let major = numbers.next()??;
        let mut next = || numbers.next().flatten().unwrap_or(0);
        Some(Self(major, next(), next()))
    }
}

/// The version of `package` in the text of a `Cargo.lock`.
pub fn locked(lock: &str, package: &str) -> Option<Version> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    Version::parse(version.trim_end_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_print_versions_in_many_ways() {
        let cases = [
            ("wasm-bindgen 0.2.130", Version(0, 2, 130)),
            ("wasm-bindgen 0.2.130 (abc0123de)\n", Version(0, 2, 130)),
            ("wasm-opt version 132 (version_132)", Version(132, 0, 0)),
            ("v20.20.2\n", Version(20, 20, 2)),
            ("cargo-leptos 0.3.10-rc.1", Version(0, 3, 10)),
        ];
        for (text, expected) in cases {
            assert_eq!(Version::parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn text_without_a_version_has_none() {
        assert_eq!(Version::parse("command not found"), None);
        assert_eq!(Version::parse(""), None);
    }

    #[test]
    fn versions_order_by_number() {
        assert!(Version(0, 3, 9) < Version(0, 3, 10));
        assert!(Version(116, 0, 0) > Version(108, 0, 0));
    }

    #[test]
    fn the_lock_file_is_searched_for_the_exact_name() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.60\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"x\"\n";
        assert_eq!(locked(lock, "wasm-bindgen"), Some(Version(0, 2, 130)));
        assert_eq!(locked(lock, "leptos"), None);
    }
}
