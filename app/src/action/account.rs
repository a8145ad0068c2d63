//! The account, and the devices on which the person is logged in.

use leptos::{prelude::*, server_fn::codec::GetUrl};

#[cfg(feature = "ssr")]
use super::back;
use super::password::Password;
use crate::{
    api::{Problem, account::Device},
    user::User,
};

/// Changes what the person is called.
///
/// # Errors
/// Why the API refused.
#[server(prefix = "/api", endpoint = "form/account/name")]
pub async fn rename(#[server(default)] name: String) -> Result<User, Problem> {
    use crate::{api::account, respond};

    let outcome = account::rename(&name).await;
    respond::finish(outcome, "/account?done=renamed", |problem| {
        back("/account", problem, &[("form", "name"), ("name", &name)])
    })
}

/// Changes the password.
///
/// # Errors
/// Why the API refused, with a sentence for each wrong field.
#[server(prefix = "/api", endpoint = "form/account/password")]
pub async fn change_password(
    #[server(default)] current_password: Password,
    #[server(default)] password: Password,
) -> Result<(), Problem> {
    use crate::{api::account, respond};

    let outcome = account::change_password(&current_password, &password).await;
    respond::finish(outcome, "/account?done=password", |problem| back("/account", problem, &[("form", "password")]))
}

/// Lists the devices on which the person is logged in.
///
/// # Errors
/// Why the store or the API refused.
#[server(prefix = "/api", endpoint = "account/devices", input = GetUrl)]
pub async fn devices() -> Result<Vec<Device>, Problem> {
    use crate::{api::account, respond};

    respond::finish(account::devices().await, "/account", |_| "/account".to_owned())
}

/// Logs one device out.
///
/// # Errors
/// Why the store or the API refused.
#[server(prefix = "/api", endpoint = "form/account/devices/end")]
pub async fn end_device(#[server(default)] id: String) -> Result<(), Problem> {
    use crate::{api::account, respond};

    let outcome = account::end_device(&id).await;
    respond::finish(outcome, "/account?done=device", |problem| back("/account", problem, &[("form", "devices")]))
}

/// Logs all devices out, this one too.
///
/// # Errors
/// Why the store or the API refused.
#[server(prefix = "/api", endpoint = "form/account/devices/end-all")]
pub async fn end_all() -> Result<(), Problem> {
    use crate::{api::account, respond};

    let outcome = account::end_all().await;
    respond::finish(outcome, "/?done=everywhere", |problem| back("/account", problem, &[("form", "devices")]))
}
