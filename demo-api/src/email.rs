//! E-mail addresses: one spelling for each, so that an account is found however it is typed.

use crate::field::{Fields, Text};

const EMAIL: Text = Text { key: "email", noun: "an e-mail address", least: 1, most: 254, line: true };

/// The field `email`, in lower case.
pub fn required(fields: &mut Fields) -> String {
    let email = fields.required(&EMAIL).to_lowercase();
    if !is_address(&email) {
        fields.refuse(EMAIL.key, "Enter an e-mail address like name@example.com.");
    }
    email
}

/// Whether this is an address that mail could go to. Stricter than RFC 5321, which knows quoted
/// and literal forms that no person types; whether it exists, only a mail would tell.
fn is_address(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain))
}

fn is_local(local: &str) -> bool {
    let forbidden =
        |character: char| character.is_whitespace() || character.is_control() || "\"(),:;<>@[\\]".contains(character);
    local.len() <= 64 && local.split('.').all(|part| !part.is_empty() && !part.contains(forbidden))
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|character| character.is_alphanumeric() || character == '-')
    };
    domain.contains('.') && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_people_have() {
        for address in [
            "ada@example.com",
            "ada.lovelace+notes@mail.example.co.uk",
            "o'brien_7@a-b.example",
            "jürgen@müller.example",
        ] {
            assert!(is_address(address), "{address} should be an address");
        }
    }

    #[test]
    fn what_is_no_address() {
        let long_label = format!("ada@{}.com", "a".repeat(64));
        let long_local = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example",
            "ada@@example.com",
            "a da@example.com",
            ".ada@example.com",
            "a..da@example.com",
            "ada@-example.com",
            "ada@example-.com",
            "ada@.com",
            "ada@exam ple.com",
            "ada@example.com.",
            "<ada@example.com>",
            "ada@[127.0.0.1]",
            &long_label,
            &long_local,
        ] {
            assert!(!is_address(text), "{text:?} should be no address");
        }
    }
}
