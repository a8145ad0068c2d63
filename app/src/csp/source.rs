//! A source of a Content-Security-Policy, as the settings have it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// Schemes that stand for all there is under them.
const SCHEMES: [&str; 5] = ["https:", "wss:", "data:", "blob:", "mediastream:"];
/// How the address of a source may begin.
const BEGINNINGS: [&str; 4] = ["https://", "http://", "wss://", "ws://"];

/// A host, an address or a scheme (CSP Level 3, 2.3.1), or `self`. No other keyword, and nothing that would
/// end the directive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source(String);

/// The text is no source.
#[derive(Debug)]
pub struct NoSource(String);

impl fmt::Display for NoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(f, "`{text}` is no source: write a host like https://cdn.example or https://*.cdn.example, ")?;
        write!(f, "a scheme like https: or blob:, or self")
    }
}

impl FromStr for Source {
    type Err = NoSource;

    fn from_str(text: &str) -> Result<Self, NoSource> {
        if text == "self" || SCHEMES.contains(&text) || is_host(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(NoSource(text.to_owned()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 == "self" { "'self'" } else { &self.0 })
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A list, or one text with commas as a variable has it.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Source>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    let texts = match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
        OneOrMany::Many(texts) => texts,
    };
    texts.iter().filter(|text| !text.is_empty()).map(|text| text.parse().map_err(D::Error::custom)).collect()
}

/// A host, with or without a scheme in front, a port and a path behind.
fn is_host(text: &str) -> bool {
    let rest = BEGINNINGS.iter().find_map(|beginning| text.strip_prefix(beginning)).unwrap_or(text);
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "*"));
    let host = host.strip_prefix("*.").unwrap_or(host);
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_port = port == "*" || !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_path_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&()+=:@".contains(&byte);
    host.split('.').all(is_label) && is_port && path.bytes().all(is_path_byte)
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn takes_hosts_and_schemes() {
        for text in [
            "https://cdn.example",
            "https://*.cdn.example:8443/files/",
            "wss://live.example",
            "http://127.0.0.1:*",
            "bucket.s3.eu-west-1.amazonaws.com",
            "https:",
            "blob:",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        assert_eq!("self".parse::<Source>().unwrap().to_string(), "'self'");
    }

    #[test]
    fn takes_nothing_that_means_more() {
        for text in [
            "",
            "*",
            "https://*",
            "https://",
            "'self'",
            "'unsafe-inline'",
            "unsafe-inline'",
            "'nonce-x'",
            "javascript:",
            "http:",
            "https://a.example;script-src *",
            "https://a.example script-src",
            "https://a.example,b.example",
            "https://a.example/x;y",
            "https://a.example/'x'",
            "https://a..example",
            "https://a.example:",
            "https://a.example:80x",
            "https://user@a.example",
            "https://a.example\r\nx: y",
            "https://ä.example",
            "ftp://a.example",
        ] {
            assert!(text.parse::<Source>().is_err(), "{text}");
        }
    }
}
