//! What the API behind the app offers: known to every page, on both sides.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::handover;

/// The context that tells what the API offers. No page speaks of what it lacks.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own, and no page asks two of them")]
pub(crate) struct Service {
    /// Whether people can sign up by themselves.
    pub(crate) has_sign_up: bool,
    /// Whether people can change their name and password.
    pub(crate) has_account: bool,
    /// Whether it is known where a person is logged in.
    pub(crate) has_devices: bool,
    /// Whether it tells of changed notes at `/events`, as they change.
    pub(crate) has_events: bool,
    /// Whether a note has files, at `/notes/{id}/attachments`.
    pub(crate) has_attachments: bool,
}

/// What the server's settings say of the API, beyond the contract.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offers {
    /// Whether it sends server-sent events of changed notes at `/events`.
    pub events: bool,
    /// Whether a note has files, at `/notes/{id}/attachments`.
    pub attachments: bool,
}

impl Service {
    /// Fills the context on the server, hands it to the browser inside the page, and provides it to
    /// all pages.
    pub(crate) fn provide() {
        provide_context(handover::value(Self::offered));
    }

    /// The context, within a component.
    pub(crate) fn expect() -> Self {
        expect_context()
    }

    /// Events and attachments as the settings say, the rest as the contract and the store of sessions say.
    /// There are none of these while the list of routes is made at start-up.
    #[cfg(feature = "ssr")]
    fn offered() -> Self {
        use vestibule::{Vestibule, config::StoreConfig};

        let Some(vestibule) = use_context::<Vestibule>() else { return Self::all() };
        let Offers { events, attachments } = use_context().unwrap_or_default();
        let account = vestibule.account();
        let is_listed = account.is_some_and(|account| account.sessions.is_some());
        Self {
            has_sign_up: vestibule.has_signup(),
            has_account: account.is_some(),
            has_devices: is_listed || vestibule.config().session.store != StoreConfig::Cookie,
            has_events: events,
            has_attachments: attachments,
        }
    }

    /// The browser was told by the server.
    #[cfg(not(feature = "ssr"))]
    fn offered() -> Self {
        Self::all()
    }

    pub(crate) fn all() -> Self {
        Self { has_sign_up: true, has_account: true, has_devices: true, has_events: true, has_attachments: true }
    }
}
