//! The HTML document around the app, as the server writes it.

mod files;
mod refusal;
mod social;

use http::request::Parts;
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

pub use self::refusal::{RefusalPage, refusal};
use self::{
    files::Files,
    social::{DESCRIPTION, Social},
};
use crate::{
    App, csp, hand_back,
    handover::{HandOver, HandedOver},
    route,
    theme::Theme,
};

/// Loads the browser's half at once, with the code of this page, and hydrates when the page is complete.
/// Then it loads the code of the other pages, for when they are visited. This in place of Leptos'
/// `HydrationScripts`, whose `preload` downloads the WASM module where JavaScript is off as well.
///
/// It is the same text in every page: what differs stands in attributes of `<html>`, see [`Start`].
///
/// It also makes the Trusted Types policy through which all HTML goes that becomes a part of the page later:
/// that of Leptos' views and of the drawings, with nothing in it that loads or runs code. The policy makes no
/// script and no address of one, so that the browser refuses those.
const START: &str = include_str!("start.js");

/// The document. Sets the page's headers as well.
#[expect(clippy::needless_pass_by_value, reason = "the Leptos integration gives the options away")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    csp::set_headers(&options);
    provide_context(HandOver::default());
    let files = Files::of(&options);
    let theme = Theme::current();
    let start = Start::of(&files);
    view! {
        <!DOCTYPE html>
        <html
            lang="en"
            data-theme=theme.attribute()
            data-js=files.js.clone()
            data-wasm=files.wasm.clone()
            data-page-files=start.page_files
            data-other-files=start.other_files
            data-address=start.address
        >
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content=theme.attribute().unwrap_or("light dark")/>
                {theme_color(theme)}
                <meta name="description" content=DESCRIPTION/>
                <Social/>
                // Before the style sheet: a script waits for those above it.
                <script nonce=use_nonce()>{START}</script>
                <link id="leptos" rel="stylesheet" href=files.css.clone() nonce=use_nonce()/>
                <link rel="icon" href="/favicon.ico" sizes="32x32"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                <AutoReload options=options.clone()/>
                <MetaTags/>
            </head>
            <body>
                <App/>
                <HandedOver/>
            </body>
        </html>
    }
}

/// The colour of what the browser draws around the page: that of the paper.
fn theme_color(theme: Theme) -> impl IntoView {
    let color = |of: Theme, color: &'static str| {
        let media = (theme == Theme::System).then(|| format!("(prefers-color-scheme: {})", of.name()));
        let shown = theme == Theme::System || theme == of;
        shown.then(|| leptos::html::meta().name("theme-color").content(color).attr("media", media))
    };
    (color(Theme::Light, "#f6f2e9"), color(Theme::Dark, "#11181a"))
}

/// What the script in the page needs to know, for attributes, which the view escapes.
struct Start {
    /// The addresses of the files with the code of this page, with blanks between them.
    page_files: String,
    /// The same of all pages.
    other_files: String,
    /// The page's own path and query where the answer has the address of a form.
    address: Option<String>,
}

impl Start {
    fn of(files: &Files) -> Self {
        let address = hand_back::address();
        let path = use_context::<Parts>().map(|parts| parts.uri.path().to_owned()).unwrap_or_default();
        Self {
            page_files: files.of_page(route::name(&path)).join(" "),
            other_files: files.of_pages().into_iter().map(String::as_str).collect::<Vec<_>>().join(" "),
            address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::START;

    #[test]
    fn the_script_stays_within_its_element() {
        let script = START.to_ascii_lowercase();
        assert!(!script.contains("</script") && !script.contains("<!--") && !script.contains("<script"), "{START}");
    }
}
