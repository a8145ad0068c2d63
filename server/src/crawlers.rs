//! `robots.txt` and the sitemap for search engines.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use vestibule::Vestibule;

/// Responses under `/api` are not pages. Private pages need no entry: users who are not logged in are redirected to the
/// login page.
const DISALLOWED: &str = "/api/";

/// `/robots.txt` (RFC 9309) and `/sitemap.xml`, which must contain absolute URLs.
pub(crate) fn routes(vestibule: &Vestibule) -> Router {
    let origin = vestibule.config().public_url.origin().ascii_serialization();
    let robots = format!("User-agent: *\nDisallow: {DISALLOWED}\nSitemap: {origin}/sitemap.xml\n");
    let sitemap = sitemap(&origin, vestibule.has_signup());
    Router::new()
        .route("/robots.txt", get(async move || text("text/plain; charset=utf-8", robots.clone())))
        .route("/sitemap.xml", get(async move || text("application/xml", sitemap.clone())))
}

fn sitemap(origin: &str, signup: bool) -> String {
    let pages = ["/", "/login"].into_iter().chain(signup.then_some("/signup"));
    let entries = pages.fold(String::new(), |entries, page| entries + "<url><loc>" + origin + page + "</loc></url>");
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>"#
    )
}

fn text(kind: &'static str, body: String) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    (headers, body)
}

#[cfg(test)]
mod tests {
    use super::sitemap;

    #[test]
    fn contains_absolute_urls_of_public_pages() {
        let with = sitemap("https://app.example.com", true);
        assert!(with.contains("<loc>https://app.example.com/signup</loc>"), "{with}");
        let without = sitemap("https://app.example.com", false);
        assert!(
            without.contains("<loc>https://app.example.com/login</loc>") && !without.contains("signup"),
            "{without}"
        );
    }
}
