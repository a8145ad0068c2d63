//! Reading and checking of `[proxy]`.

use std::{fmt::Display, str::FromStr};

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

use super::{ProxyConfig, RequiredHeader, RouteConfig};
use crate::config::ConfigError;

impl ProxyConfig {
    /// Checks each value and what they mean together.
    ///
    /// # Errors
    /// The first wrong value, with its key and the mend.
    pub fn validate(&self) -> Result<(), ConfigError> {
        path_prefix(&self.prefix).map_err(|problem| ConfigError::new("proxy.prefix", problem))?;
        for (key, seconds) in [
            ("proxy.connect_timeout", self.connect_timeout),
            ("proxy.first_byte_timeout", self.first_byte_timeout),
            ("proxy.idle_timeout", self.idle_timeout),
        ] {
            if seconds.is_zero() {
                return Err(ConfigError::new(key, "must be more than 0 seconds"));
            }
        }
        for (key, limit) in [
            ("proxy.max_header_count", self.max_header_count),
            ("proxy.max_header_bytes", self.max_header_bytes),
            ("proxy.pool_max_http2", self.pool_max_http2),
        ] {
            if limit == 0 {
                return Err(ConfigError::new(key, "must be more than 0, or no request passes"));
            }
        }
        if HeaderValue::from_str(&self.response_csp).is_err() {
            return Err(ConfigError::new(
                "proxy.response_csp",
                "has a character that no header may have: use visible ASCII",
            ));
        }
        for name in &self.allow_set_cookie {
            cookie_name(name, &self.own_cookie)
                .map_err(|problem| ConfigError::new("proxy.allow_set_cookie", problem))?;
        }
        self.routes.iter().enumerate().try_for_each(|(index, route)| self.validate_route(index, route))
    }

    fn validate_route(&self, index: usize, route: &RouteConfig) -> Result<(), ConfigError> {
        let wrong = |problem: String| {
            let place = format!("number {} (`{}`): {problem}", index + 1, route.prefix);
            Err(ConfigError::new("proxy.routes", place))
        };
        if let Err(problem) = path_prefix(&route.prefix) {
            return wrong(format!("`prefix` {problem}"));
        }
        if self.routes[..index].iter().any(|other| other.prefix == route.prefix) {
            return wrong("the same `prefix` twice: keep one of them".into());
        }
        if let Err(problem) = upstream_url(&route.upstream) {
            return wrong(format!("`upstream` {problem}"));
        }
        let times = [route.connect_timeout, route.first_byte_timeout, route.idle_timeout];
        if times.into_iter().flatten().any(super::Seconds::is_zero) {
            return wrong("time-outs must be more than 0 seconds".into());
        }
        if route.response_csp.as_ref().is_some_and(|csp| HeaderValue::from_str(csp).is_err()) {
            return wrong("`response_csp` has a character that no header may have: use visible ASCII".into());
        }
        for name in route.allow_set_cookie.iter().flatten() {
            if let Err(problem) = cookie_name(name, &self.own_cookie) {
                return wrong(format!("`allow_set_cookie` {problem}"));
            }
        }
        Ok(())
    }
}

/// Whole, plain path segments: what needs no second thought about how it is spelt.
fn path_prefix(prefix: &str) -> Result<(), &'static str> {
    const MEND: &str = "must be a path like `/api/proxy`: a leading slash, no trailing one, and only letters, digits, `-`, `_`, `~` and `.` between";
    let plain = |segment: &str| {
        !segment.is_empty()
            && !segment.bytes().all(|byte| byte == b'.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_~.".contains(&byte))
    };
    match prefix.strip_prefix('/') {
        Some(rest) if rest.split('/').all(plain) => Ok(()),
        _ => Err(MEND),
    }
}

/// An http or https URL with nothing but an origin and a path.
pub(crate) fn upstream_url(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must be an http:// or https:// URL, like https://api.example");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or password: take them out");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not hold a query or fragment: keep the origin and the path");
    }
    Ok(())
}

fn cookie_name(name: &str, own: &str) -> Result<(), String> {
    if HeaderName::from_str(name).is_err() {
        return Err(format!("has `{name}`, which is no cookie name"));
    }
    if crate::cookie_name::is_own_cookie(own, name.as_bytes()) {
        return Err(format!("has `{name}`, a name of the session's own cookie: the API may never set it"));
    }
    Ok(())
}

/// A list, or one text with commas as a variable has it.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
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
    let filled = texts.iter().filter(|text| !text.is_empty());
    filled.map(|text| text.parse().map_err(D::Error::custom)).collect()
}

impl TryFrom<String> for RequiredHeader {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no header: write `name: value`");
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self { name: name.trim().parse().map_err(|_| wrong())?, value: value.trim().parse().map_err(|_| wrong())? })
    }
}

impl From<RequiredHeader> for String {
    fn from(header: RequiredHeader) -> Self {
        // Made from a `String`, so that it is text.
        format!("{}: {}", header.name, header.value.to_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(change: impl FnOnce(&mut ProxyConfig)) -> String {
        let mut config = ProxyConfig::default();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    }

    fn route(prefix: &str, upstream: &str) -> RouteConfig {
        RouteConfig::new(prefix, upstream.parse().unwrap())
    }

    #[test]
    fn takes_its_own_defaults_and_reads_them_back() {
        let config = ProxyConfig::default();
        config.validate().unwrap();
        let text = toml::to_string(&config).unwrap();
        let again: ProxyConfig = toml::from_str(&text).unwrap();
        assert_eq!(toml::to_string(&again).unwrap(), text);
    }

    #[test]
    fn reads_lists_from_a_variable() {
        let config: ProxyConfig = toml::from_str(
            "trusted_proxies = '10.0.0.0/8, ::1'\nallow_set_cookie = ['lang']\nrequired_header = 'x-csrf: 1'",
        )
        .unwrap();
        assert_eq!(config.trusted_proxies.len(), 2);
        assert_eq!(config.allow_set_cookie, ["lang"]);
        assert_eq!(String::from(config.required_header.unwrap()), "x-csrf: 1");
    }

    #[test]
    fn refuses_unknown_keys_and_unreadable_values() {
        for text in [
            "colour = 'red'",
            "connect_timeout = -1",
            "trusted_proxies = ['everyone']",
            "required_header = 'x-csrf'",
            "cache_control = 'maybe'",
            "[[routes]]\nprefix = '/a'\nupstream = 'http://a'\ncolour = 'red'",
        ] {
            assert!(toml::from_str::<ProxyConfig>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_the_key_of_a_bad_value() {
        for prefix in ["", "/", "api", "/api/", "/a//b", "/a/../b", "/a b", "/a%20"] {
            assert!(problem(|it| it.prefix = prefix.into()).contains("`proxy.prefix`"), "{prefix}");
        }
        assert!(problem(|it| it.idle_timeout = Seconds::whole(0)).contains("`proxy.idle_timeout`"));
        assert!(problem(|it| it.max_header_count = 0).contains("`proxy.max_header_count`"));
        assert!(problem(|it| it.response_csp = "a\nb".into()).contains("`proxy.response_csp`"));
        for name in ["__Host-vestibule", "vestibule", "vestibule.3", "vestibule-known", "VESTIBULE", "a b"] {
            assert!(
                problem(|it| it.allow_set_cookie = vec![name.into()]).contains("`proxy.allow_set_cookie`"),
                "{name}"
            );
        }
    }

    #[test]
    fn names_the_route_that_is_wrong() {
        for (routes, part) in [
            (vec![route("/a", "http://a"), route("b", "http://b")], "number 2 (`b`): `prefix`"),
            (vec![route("/a", "http://a"), route("/a", "http://b")], "twice"),
            (vec![route("/a", "ftp://a")], "`upstream`"),
            (vec![route("/a", "http://user@a")], "password"),
            (vec![route("/a", "http://a/?q")], "query"),
        ] {
            assert!(problem(|it| it.routes = routes).contains(part), "{part}");
        }
    }

    use super::super::Seconds;
}
