//! The HTML document around the app, as the server writes it.

mod files;
mod refusal;
mod social;

use http::request::Parts;
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

pub use self::refusal::refusal;
use self::{
    files::Files,
    social::{DESCRIPTION, Social},
};
use crate::{App, csp, hand_back, route, theme::Theme};

/// The document. Sets the page's headers as well.
#[expect(clippy::needless_pass_by_value, reason = "the Leptos integration gives the options away")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    csp::set_headers(&options);
    let files = Files::of(&options);
    let theme = Theme::current();
    let path = use_context::<Parts>().map(|parts| parts.uri.path().to_owned()).unwrap_or_default();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.attribute()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content=theme.attribute().unwrap_or("light dark")/>
                {theme_color(theme)}
                <meta name="description" content=DESCRIPTION/>
                <Social/>
                // Before the style sheet: a script waits for those above it.
                <script nonce=use_nonce()>{start(&files, &path)}</script>
                <link id="leptos" rel="stylesheet" href=files.css.clone()/>
                <link rel="icon" href="/favicon.ico" sizes="32x32"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                <AutoReload options=options.clone()/>
                <MetaTags/>
            </head>
            <body>
                <App/>
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

/// Loads the browser's half at once, with the code of this page, and hydrates when the page is complete.
/// Then it loads the code of the other pages, for when they are visited. This in place of Leptos'
/// `HydrationScripts`, whose `preload` downloads the WASM module where JavaScript is off as well.
fn start(files: &Files, path: &str) -> String {
    let Files { js, wasm, .. } = files;
    // The answer to a form: the address is that of the form, and the app goes by the page's own. It is
    // percent-encoded, so that it ends no text of a script.
    let address = hand_back::address();
    let path = address.as_deref().map_or(path, |address| address.split('?').next().unwrap_or_default());
    let (now, all) = (files.of_page(route::name(path)), files.of_pages().into_iter().collect::<Vec<_>>());
    let place = address.as_ref().map(|address| format!("history.replaceState(null,'','{address}');"));
    format!(
        "{}{{const load=f=>f.forEach(f=>fetch(f).then(r=>r.blob()).catch(()=>{{}})),page=new Promise(r=>addEventListener('DOMContentLoaded',r)),\
         wasm=fetch('{wasm}');load({now:?});import('{js}').then(async m=>{{\
         await m.default({{module_or_path:wasm}});await page;await m.hydrate();navigator.connection?.saveData||setTimeout(load,2000,{all:?})}})}}",
        place.unwrap_or_default()
    )
}
