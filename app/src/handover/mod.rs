//! What the server hands over to the browser inside the page, so that nothing is asked twice.
//!
//! Both halves offer the same: `resource` makes [`Data`] that a page waits for and shows, and `value`
//! is what the server knows when the page begins.

#[cfg(not(feature = "ssr"))]
mod browser;
#[cfg(feature = "ssr")]
mod server;

#[cfg(not(feature = "ssr"))]
pub(crate) use self::browser::{Data, resource, value};
#[cfg(feature = "ssr")]
pub(crate) use self::server::{Data, HandOver, HandedOver, resource, value};

/// The id of the element with the piece of this number.
fn element_id(id: usize) -> String {
    format!("handed-over-{id}")
}
