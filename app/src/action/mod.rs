//! The server functions: forms post to them with and without JavaScript.
//!
//! With JavaScript the notes call the API through the proxy instead, so that what works here works
//! for any client of the API.

pub(crate) mod account;
pub(crate) mod attachment;
pub(crate) mod note;
pub(crate) mod password;
pub(crate) mod session;
pub(crate) mod theme;
#[cfg(feature = "ssr")]
mod upload;

#[cfg(feature = "ssr")]
use crate::api::Problem;

/// The page to go back to with the failure: when the session has ended, by way of the log-in page. What
/// was typed goes along.
#[cfg(feature = "ssr")]
fn back(page: &str, problem: &Problem, typed: &[(&str, &str)]) -> String {
    use crate::respond;

    match problem.status {
        401 => respond::back_after_log_in(page, typed),
        _ => respond::back(page, problem, typed),
    }
}

/// Registers the server functions by name, so that nothing depends on what the linker keeps.
#[cfg(feature = "ssr")]
pub fn register() {
    use leptos::server_fn::axum::register_explicit;

    register_explicit::<session::Login>();
    register_explicit::<session::Logout>();
    register_explicit::<session::Signup>();
    register_explicit::<account::Rename>();
    register_explicit::<account::ChangePassword>();
    register_explicit::<account::Devices>();
    register_explicit::<account::EndDevice>();
    register_explicit::<account::EndAll>();
    register_explicit::<note::CreateNote>();
    register_explicit::<note::UpdateNote>();
    register_explicit::<note::DeleteNote>();
    register_explicit::<theme::SetTheme>();
    register_explicit::<attachment::DeleteAttachment>();
}
