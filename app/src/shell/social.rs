//! What other sites show when they link to a page (the Open Graph protocol).

use http::request::Parts;
use leptos::{html::meta, prelude::*};
use vestibule::Vestibule;

const TITLE: &str = "Vestibule";
pub(super) const DESCRIPTION: &str =
    "A front door for your REST API: the log-in token stays on the server, and the page never sees it.";

/// The tags. Their addresses must be whole, so they need the origin that people see.
#[component]
pub(super) fn Social() -> impl IntoView {
    let origin =
        use_context::<Vestibule>().map(|vestibule| vestibule.config().public_url.origin().ascii_serialization());
    let path = use_context::<Parts>().map(|parts| parts.uri.path().to_owned());
    // Without a request (while the list of routes is made) there is nothing to say.
    origin.zip(path).map(|(origin, path)| {
        view! {
            {property("og:type", "website".to_owned())}
            {property("og:site_name", TITLE.to_owned())}
            {property("og:title", TITLE.to_owned())}
            {property("og:description", DESCRIPTION.to_owned())}
            {property("og:url", format!("{origin}{path}"))}
            {property("og:image", format!("{origin}/card.png"))}
            {property("og:image:alt", "The browser holds a sealed cookie, Vestibule the token.".to_owned())}
            <meta name="twitter:card" content="summary_large_image"/>
        }
    })
}

/// `property` is no attribute of HTML, but of `RDFa`, which the protocol uses.
fn property(name: &'static str, content: String) -> impl IntoView {
    meta().attr("property", name).content(content)
}
