//! The headers of a page that only the page can know, its Content-Security-Policy first of all.

mod source;

use http::header;
use leptos::{
    config::LeptosOptions,
    nonce::{Nonce, use_nonce},
    prelude::use_context,
};
use serde::{Deserialize, Serialize};
use vestibule::Vestibule;

pub use self::source::{NoSource, Source};
use crate::respond;

/// What pages may use besides what this site serves: `[csp]` of the settings. Nothing, unless it is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Csp {
    /// Pictures.
    #[serde(deserialize_with = "source::list")]
    pub img_src: Vec<Source>,
    /// Audio and video.
    #[serde(deserialize_with = "source::list")]
    pub media_src: Vec<Source>,
    /// Fonts.
    #[serde(deserialize_with = "source::list")]
    pub font_src: Vec<Source>,
    /// Calls, event streams and WebSockets of a page, and where the API redirects them to.
    #[serde(deserialize_with = "source::list")]
    pub connect_src: Vec<Source>,
    /// Pages within a page.
    #[serde(deserialize_with = "source::list")]
    pub frame_src: Vec<Source>,
    /// Where a form may lead, also by the redirect that answers it.
    #[serde(deserialize_with = "source::list")]
    pub form_action: Vec<Source>,
    /// Whose pages may show a page of this site within them.
    #[serde(deserialize_with = "source::list")]
    pub frame_ancestors: Vec<Source>,
}

/// Sets `Content-Security-Policy` with this page's nonce, and how long the page may be kept.
pub(crate) fn set_headers(options: &LeptosOptions) {
    let csp = use_context::<Csp>().unwrap_or_default();
    let origin =
        use_context::<Vestibule>().map(|vestibule| vestibule.config().public_url.origin().ascii_serialization());
    let place = Place {
        origin: origin.unwrap_or_default(),
        package: options.site_pkg_dir.to_string(),
        reload_socket: reload_socket(options),
    };
    let policy = csp.policy(use_nonce().as_ref(), &place);
    respond::header(header::CONTENT_SECURITY_POLICY, &policy);
    let logged_in = respond::session().is_some_and(|session| session.is_logged_in());
    // The back button must not bring a private page back after a log-out.
    respond::header(header::CACHE_CONTROL, if logged_in { "no-store" } else { "private, no-cache" });
    respond::header(header::VARY, "Cookie");
}

/// Where this site is.
struct Place {
    /// What people see in the address bar.
    origin: String,
    /// The folder of the built files.
    package: String,
    /// Where `cargo leptos watch` tells the page to reload.
    reload_socket: Option<String>,
}

impl Csp {
    /// A page's policy. Scripts are what has the page's nonce, and what such a script loads
    /// (`'strict-dynamic'`); style sheets have the nonce, or are imported from among the built files, which a
    /// nonce does not cover. No address is the site's as a whole, as files of the API's users are below it.
    /// HTML becomes a part of the page only by way of the Trusted Types policy `default`, see `shell/start.js`.
    fn policy(&self, nonce: Option<&Nonce>, place: &Place) -> String {
        let Place { origin, package, reload_socket } = place;
        let nonce = nonce.map(|nonce| format!("'nonce-{nonce}' ")).unwrap_or_default();
        let and = |sources: &[Source]| sources.iter().fold(String::new(), |all, source| format!("{all} {source}"));
        let or_none = |sources: &[Source]| if sources.is_empty() { " 'none'".to_owned() } else { and(sources) };
        let socket = reload_socket.as_ref().map(|socket| format!(" {socket}")).unwrap_or_default();
        [
            "default-src 'none'".to_owned(),
            format!("script-src {nonce}'strict-dynamic' 'wasm-unsafe-eval'"),
            format!("style-src {nonce}{origin}/{package}/"),
            format!("img-src 'self' data: blob:{}", and(&self.img_src)),
            format!("media-src 'self'{}", and(&self.media_src)),
            format!("font-src 'self'{}", and(&self.font_src)),
            format!("connect-src 'self'{}{socket}", and(&self.connect_src)),
            format!("manifest-src {origin}/manifest.webmanifest"),
            format!("frame-src{}", or_none(&self.frame_src)),
            "worker-src 'none'; object-src 'none'; base-uri 'none'".to_owned(),
            format!("form-action 'self'{}", and(&self.form_action)),
            format!("frame-ancestors{}", or_none(&self.frame_ancestors)),
            "require-trusted-types-for 'script'; trusted-types default".to_owned(),
        ]
        .join("; ")
    }
}

/// The policy of a page without a script: see [`crate::refusal`].
pub(crate) fn policy_without_script(nonce: &Nonce) -> String {
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
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
    use leptos::nonce::Nonce;

    use super::{Csp, Place};

    fn place(reload_socket: Option<&str>) -> Place {
        let reload_socket = reload_socket.map(str::to_owned);
        Place { origin: "https://app.example".to_owned(), package: "pkg".to_owned(), reload_socket }
    }

    fn policy(csp: &Csp, reload_socket: Option<&str>) -> Vec<String> {
        let policy = csp.policy(Some(&Nonce::from_value("abc")), &place(reload_socket));
        policy.split("; ").map(str::to_owned).collect()
    }

    #[test]
    fn covers_no_code_by_its_address() {
        let policy = policy(&Csp::default(), None);
        assert!(policy.contains(&"script-src 'nonce-abc' 'strict-dynamic' 'wasm-unsafe-eval'".to_owned()));
        assert!(policy.contains(&"style-src 'nonce-abc' https://app.example/pkg/".to_owned()));
        assert!(policy.contains(&"manifest-src https://app.example/manifest.webmanifest".to_owned()));
        for none in ["default", "frame", "worker", "object"] {
            assert!(policy.contains(&format!("{none}-src 'none'")), "{none}: {policy:?}");
        }
        assert!(policy.contains(&"frame-ancestors 'none'".to_owned()));
        assert!(!policy.iter().any(|directive| directive.contains("unsafe-inline") || directive.contains('*')));
    }

    #[test]
    fn has_no_script_without_a_nonce() {
        let policy = Csp::default().policy(None, &place(None));
        assert!(policy.contains("; script-src 'strict-dynamic' 'wasm-unsafe-eval'; "), "{policy}");
    }

    #[test]
    fn takes_more_sources_by_the_settings() {
        let cdn = || vec!["https://cdn.example".parse().unwrap()];
        let frames = vec!["self".parse().unwrap(), "https://portal.example".parse().unwrap()];
        let csp =
            Csp { img_src: cdn(), connect_src: cdn(), form_action: cdn(), frame_ancestors: frames, ..Csp::default() };
        let policy = policy(&csp, Some("ws://127.0.0.1:3001"));
        for directive in [
            "img-src 'self' data: blob: https://cdn.example",
            "connect-src 'self' https://cdn.example ws://127.0.0.1:3001",
            "form-action 'self' https://cdn.example",
            "frame-ancestors 'self' https://portal.example",
            "media-src 'self'",
        ] {
            assert!(policy.contains(&directive.to_owned()), "{directive}: {policy:?}");
        }
    }
}
