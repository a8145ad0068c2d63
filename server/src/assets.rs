//! The location of the built site, and how its files are served.

use std::path::{Path, PathBuf};

use axum::{
    Router,
    http::{HeaderValue, header},
};
use leptos::config::{LeptosOptions, errors::LeptosConfigError, get_configuration};
use tower::ServiceBuilder;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

/// For files with a hash in their name, whose content never changes (RFC 8246).
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For files without a hash: the browser revalidates its copy each time.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// The Leptos options: from `cargo leptos` during development, otherwise from the files beside the program.
pub(crate) fn options() -> Result<LeptosOptions, LeptosConfigError> {
    let mut options = if std::env::var_os("LEPTOS_OUTPUT_NAME").is_some() {
        get_configuration(None)?.leptos_options
    } else {
        LeptosOptions::builder().output_name("vestibule").build()
    };
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let beside = beside.as_deref().unwrap_or(Path::new("."));
    match std::env::var("LEPTOS_SITE_ROOT") {
        Ok(root) => options.site_root = root.into(),
        Err(_) => options.site_root = site_root(beside).to_string_lossy().into(),
    }
    if std::env::var_os("LEPTOS_HASH_FILES").is_none() {
        options.hash_files = is_hashed(beside, &options);
    }
    Ok(options)
}

/// Whether the site's files have the hashes of the list beside the program in their names. The list may be left over from
/// an earlier build, so one file is checked.
fn is_hashed(beside: &Path, options: &LeptosOptions) -> bool {
    let list = std::fs::read_to_string(beside.join(options.hash_file.as_ref())).unwrap_or_default();
    let script = list.lines().find_map(|line| line.strip_prefix("js:"));
    script.is_some_and(|hash| {
        let name = format!("{}.{}.js", options.output_name, hash.trim());
        Path::new(options.site_root.as_ref()).join(options.site_pkg_dir.as_ref()).join(name).is_file()
    })
}

/// `site/` beside the program, where `cargo xtask build` puts it, or else the repository's build folder.
fn site_root(beside: &Path) -> PathBuf {
    let site = beside.join("site");
    if site.is_dir() { site } else { PathBuf::from("target/site") }
}

/// The hashed JavaScript, WASM and CSS: without a session, and cached by browsers permanently.
pub(crate) fn package(options: &LeptosOptions) -> Router {
    let folder = Path::new(options.site_root.as_ref()).join(options.site_pkg_dir.as_ref());
    let caching = if options.hash_files { IMMUTABLE } else { REVALIDATE };
    let files = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            move |response: &axum::http::Response<_>| response.status().is_success().then(|| caching.clone()),
        ))
        .service(ServeDir::new(folder).precompressed_br().precompressed_gzip());
    Router::new().nest_service(&format!("/{}", options.site_pkg_dir), files)
}

/// The files of `public/`, served at the site's root.
pub(crate) fn public(options: &LeptosOptions) -> ServeDir {
    ServeDir::new(options.site_root.as_ref())
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip()
}
