//! Light or dark.

#![cfg_attr(feature = "ssr", expect(clippy::unused_async, reason = "a server function is async"))]

use leptos::prelude::*;

use crate::api::Problem;

/// Keeps the person's choice in this browser.
///
/// # Errors
/// None: what is no theme is the system's.
#[server(prefix = "/api", endpoint = "theme")]
pub async fn set_theme(#[server(default)] theme: String, #[server(default)] return_to: String) -> Result<(), Problem> {
    use crate::{respond, theme::Theme};

    respond::add_header(http::header::SET_COOKIE, &Theme::named(&theme).cookie());
    let back = vestibule::return_to::local_path(&return_to).unwrap_or("/");
    respond::finish(Ok(()), back, |_| back.to_owned())
}
