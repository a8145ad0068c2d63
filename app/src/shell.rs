//! The HTML document around the app, as the server writes it.

use leptos::{config::LeptosOptions, prelude::*};
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::{App, csp};

/// The document. Sets the page's headers as well.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    csp::set_headers(&options);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="theme-color" content="#f6f2e9" media="(prefers-color-scheme: light)"/>
                <meta name="theme-color" content="#11181a" media="(prefers-color-scheme: dark)"/>
                <meta
                    name="description"
                    content="A front door for your REST API: the log-in token stays on the server, and the page never sees it."
                />
                <link rel="icon" href="/favicon.ico" sizes="32x32"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                <HashedStylesheet id="leptos" options=options.clone()/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}
