//! What the API behind the app offers: known to every page, on both sides.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::handover;

/// The context that tells what the API offers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Service {
    /// Whether people can sign up by themselves; without it no page speaks of it.
    pub(crate) has_sign_up: bool,
    /// Whether people can change their name and password.
    pub(crate) has_account: bool,
    /// Whether it is known where a person is logged in.
    pub(crate) has_devices: bool,
}

impl Service {
    /// Fills the context on the server, hands it to the browser inside the page, and provides it to
    /// all pages.
    pub(crate) fn provide() {
        provide_context(handover::value(Self::of_contract));
    }

    /// The context, within a component.
    pub(crate) fn expect() -> Self {
        expect_context()
    }

    /// As the contract and the store of sessions say. There are none while the list of routes is made
    /// at start-up.
    #[cfg(feature = "ssr")]
    fn of_contract() -> Self {
        use vestibule::{Vestibule, config::StoreConfig};

        let Some(vestibule) = use_context::<Vestibule>() else {
            return Self { has_sign_up: true, has_account: true, has_devices: true };
        };
        let account = vestibule.account();
        let is_listed = account.is_some_and(|account| account.sessions.is_some());
        Self {
            has_sign_up: vestibule.has_sign_up(),
            has_account: account.is_some(),
            has_devices: is_listed || vestibule.config().session.store != StoreConfig::Cookie,
        }
    }

    /// The browser was told by the server.
    #[cfg(not(feature = "ssr"))]
    fn of_contract() -> Self {
        Self { has_sign_up: true, has_account: true, has_devices: true }
    }
}
