//! What the API behind the app offers: known to every page, on both sides.

use leptos::prelude::*;

use crate::handover;

/// The context that tells what the API offers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// Whether people can sign up by themselves; without it no page speaks of it.
    pub(crate) has_sign_up: bool,
}

impl Service {
    /// Fills the context on the server, hands it to the browser inside the page, and provides it to
    /// all pages.
    pub(crate) fn provide() {
        let has_sign_up = handover::value(has_sign_up);
        provide_context(Self { has_sign_up });
    }

    /// The context, within a component.
    pub(crate) fn expect() -> Self {
        expect_context()
    }
}

/// As the contract says. There is none while the list of routes is made at start-up.
#[cfg(feature = "ssr")]
fn has_sign_up() -> bool {
    use_context::<vestibule::Vestibule>().is_none_or(|vestibule| vestibule.has_sign_up())
}

/// The browser was told by the server.
#[cfg(not(feature = "ssr"))]
fn has_sign_up() -> bool {
    true
}
