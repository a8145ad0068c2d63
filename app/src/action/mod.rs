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
