//! Any path: it is refused, or it means the same to whoever reads it, and never the paths of tokens.
//!
//! What a path means is worked out here once more, plainly and apart from the proxy's own code.

use std::sync::LazyLock;

use axum::http::{Method, Request};
use vestibule::{
    clock::Clock,
    config::ProxyConfig,
    contract::{Credential, TokenKind, TokenPath, TokenRules},
    proxy::{Proxy, Resolved},
    session::SessionEndNotifier,
};

const PREFIX: &str = "/api/proxy";

static PROXY: LazyLock<Proxy> = LazyLock::new(|| {
    let paths =
        vec![TokenPath::new("/auth/login", TokenKind::Login), TokenPath::new("/auth/refresh", TokenKind::Refresh)];
    Proxy::new(
        &"http://127.0.0.1:4000".parse().unwrap(),
        &ProxyConfig::default(),
        Credential::Bearer,
        &TokenRules { paths, places: Vec::new() },
        &"https://app.example".parse().unwrap(),
        Clock::system(),
        SessionEndNotifier::default(),
    )
    .unwrap()
});

/// Panics when the bytes, as a path below the proxy's, get past it and should not.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for method in [Method::GET, Method::POST] {
        let request =
            Request::builder().method(method.clone()).uri(format!("{PREFIX}{text}")).header("host", "app.example");
        // What is no URI at all never gets here: the HTTP parser refuses it.
        let Ok(request) = request.body(()) else { return };
        let path = request.uri().path().to_owned();
        match PROXY.resolve(&request) {
            Ok(Resolved::Forward(_)) => {
                let layers = layers(path.strip_prefix(PREFIX).unwrap());
                for layer in &layers {
                    assert_harmless(layer, &path);
                }
                assert!(!is_token_path(layers.last().unwrap()), "{method} {path}");
            }
            Ok(Resolved::Issue(..)) => panic!("{method} {path}: no such route"),
            Ok(Resolved::Login) => assert_eq!(method, Method::POST, "{path}"),
            Err(problem) => assert!(problem.status.is_client_error(), "{method} {path}: {problem:?}"),
        }
    }
}

/// The path as it is, and with one layer of encoding after the other undone.
fn layers(path: &str) -> Vec<Vec<u8>> {
    let mut layers = vec![path.as_bytes().to_vec()];
    loop {
        let last = layers.last().unwrap();
        let next = decoded(last);
        if next == *last {
            return layers;
        }
        layers.push(next);
    }
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if let Some(digits) = digits.filter(|_| first == b'%') {
            plain.push(u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            plain.push(first);
            rest = after;
        }
    }
    plain
}

fn assert_harmless(layer: &[u8], path: &str) {
    assert!(!layer.starts_with(b"//"), "an authority: {path}");
    assert!(!layer.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\'), "an odd character: {path}");
    for segment in layer.split(|byte| *byte == b'/') {
        let segment = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        assert!(!matches!(segment.trim_ascii(), b"." | b".."), "a dot segment: {path}");
    }
}

/// Whether a lenient router takes it for the log-in or the refresh, or for what lies below one.
fn is_token_path(plain: &[u8]) -> bool {
    let plain = String::from_utf8_lossy(plain).to_lowercase();
    let segments = plain.split(['?', '#']).next().unwrap_or_default().split('/');
    let segments = segments.map(|segment| segment.split(';').next().unwrap_or_default().trim().trim_end_matches('.'));
    let segments: Vec<&str> = segments.filter(|segment| !segment.is_empty()).collect();
    matches!(segments[..], ["auth", "login" | "refresh" | "login.json" | "refresh.json", ..])
}
