//! The headers of a page that only the page can know.

use http::header;
use leptos::{config::LeptosOptions, nonce::use_nonce};

use crate::respond;

/// Sets `Content-Security-Policy` with this page's nonce, and how long the page may be kept.
pub(crate) fn set_headers(options: &LeptosOptions) {
    let nonce = use_nonce().map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    respond::header(header::CONTENT_SECURITY_POLICY, &policy(&nonce, reload_socket(options).as_deref()));
    let logged_in = respond::session().is_some_and(|session| session.is_logged_in());
    // The back button must not bring a private page back after a log-out.
    respond::header(header::CACHE_CONTROL, if logged_in { "no-store" } else { "private, no-cache" });
    respond::header(header::VARY, "Cookie");
}

/// Only what this site serves, and inline scripts with the nonce. No `'unsafe-inline'`.
fn policy(nonce: &str, reload_socket: Option<&str>) -> String {
    let socket = reload_socket.map(|socket| format!(" {socket}")).unwrap_or_default();
    format!(
        "default-src 'self'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'{nonce}; \
         img-src 'self' data: blob:; connect-src 'self'{socket}; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self'"
    )
}

/// Where `cargo leptos watch` tells the page to reload.
fn reload_socket(options: &LeptosOptions) -> Option<String> {
    std::env::var_os("LEPTOS_WATCH")?;
    let port = options.reload_external_port.unwrap_or(options.reload_port);
    Some(format!("ws://127.0.0.1:{port} ws://localhost:{port}"))
}

#[cfg(test)]
mod tests {
    use super::policy;

    #[test]
    fn allows_no_inline_code_without_the_nonce() {
        let policy = policy(" 'nonce-abc'", None);
        assert!(policy.contains("script-src 'self' 'nonce-abc' 'wasm-unsafe-eval';"), "{policy}");
        assert!(policy.contains("connect-src 'self';"), "{policy}");
        assert!(!policy.contains("'unsafe-inline'") && !policy.contains("'unsafe-eval'"), "{policy}");
    }

    #[test]
    fn lets_the_reload_socket_in_while_developing() {
        let policy = policy("", Some("ws://127.0.0.1:3001"));
        assert!(policy.contains("connect-src 'self' ws://127.0.0.1:3001;"), "{policy}");
    }
}
