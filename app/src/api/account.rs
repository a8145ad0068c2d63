//! The account of the person who is logged in, and where they are logged in.
//!
//! What changes here changes the session as well, so that it goes through server functions on both
//! sides: in the browser too a page asks this site's own server.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Where somebody is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// By which it can be logged out.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    /// When it was last used (RFC 3339), where that is known.
    pub(crate) last_seen_at: Option<String>,
    /// Whether it is the one that asks.
    pub(crate) current: bool,
}

/// The devices, the one used last first.
///
/// # Errors
/// What to tell the person.
#[cfg(not(feature = "ssr"))]
pub(crate) async fn devices() -> Result<Vec<Device>, Problem> {
    use leptos::server_fn::ServerFn;

    let answer = super::browser::get(crate::action::account::Devices::PATH).await?;
    if answer.status == 401 {
        super::browser::follow_session().await;
    }
    answer.success()?.json()
}

#[cfg(feature = "ssr")]
pub(crate) use self::server::*;

#[cfg(feature = "ssr")]
mod server {
    use leptos::logging::warn;
    use serde_json::{Value, json};
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};
    use vestibule::{config::StoreConfig, contract::Account, session::SessionId};

    use super::{Device, Problem};
    use crate::{action::password::Password, api::Request, query::escape, respond, user::User, user_agent};

    /// Changes the name, at the API and in the session.
    pub(crate) async fn rename(name: &str) -> Result<User, Problem> {
        let changed: Value = Request::patch(contract()?.path).json(&json!({ "name": name })).call().await?;
        let (_, session) = respond::visit()?;
        let mut user = session.user().unwrap_or_default();
        user["name"] = changed.get("name").cloned().unwrap_or_else(|| name.into());
        session.set_user(&user);
        Ok(User::from_json(user))
    }

    /// Changes the password, and logs out all other devices: whoever knew the old one is out.
    pub(crate) async fn change_password(current: &Password, new: &Password) -> Result<(), Problem> {
        let fields = json!({ "current_password": current, "password": new });
        Request::patch(contract()?.path).json(&fields).send().await?;
        if let Err(problem) = end_others().await {
            // The password is a new one all the same.
            warn!("the other sessions of a person with a new password go on: {}", problem.detail);
        }
        Ok(())
    }

    async fn end_others() -> Result<(), Problem> {
        let (vestibule, session) = respond::visit()?;
        if vestibule.config().session.store != StoreConfig::Cookie {
            for other in vestibule.sessions_of(&session).await?.iter().filter(|open| !open.current) {
                vestibule.end_session(&session, other.id).await?;
            }
        } else if let Some(list) = contract()?.sessions {
            Request::delete(list).send().await?;
        }
        Ok(())
    }

    /// The devices, the one used last first: as the store of sessions knows them, else as the API does.
    pub(crate) async fn devices() -> Result<Vec<Device>, Problem> {
        let (vestibule, session) = respond::visit()?;
        if vestibule.config().session.store == StoreConfig::Cookie {
            let found: Vec<Listed> = Request::get(list()?).call().await?;
            return Ok(found.into_iter().map(Device::from).collect());
        }
        let open = vestibule.sessions_of(&session).await?;
        let devices = open.into_iter().map(|open| {
            let seen = OffsetDateTime::from_unix_timestamp(open.last_seen_at).ok();
            Device {
                id: open.id.to_string(),
                name: user_agent::device(&open.user_agent.unwrap_or_default()),
                last_seen_at: seen.and_then(|seen| seen.format(&Rfc3339).ok()),
                current: open.current,
            }
        });
        Ok(devices.collect())
    }

    /// Logs a device out.
    pub(crate) async fn end_device(id: &str) -> Result<(), Problem> {
        let (vestibule, session) = respond::visit()?;
        if vestibule.config().session.store == StoreConfig::Cookie {
            return Request::delete(format!("{}/{}", list()?, escape(id))).send().await.map(drop);
        }
        let id = SessionId::parse(id).ok_or_else(|| Problem::of_status(404))?;
        let found = vestibule.end_session(&session, id).await?;
        if found { Ok(()) } else { Err(Problem::of_status(404)) }
    }

    /// Logs all devices out, this one too.
    pub(crate) async fn end_all() -> Result<(), Problem> {
        let (vestibule, session) = respond::visit()?;
        if vestibule.config().session.store == StoreConfig::Cookie {
            Request::delete(list()?).send().await?;
            vestibule.logout(&session).await;
        } else {
            vestibule.logout_everywhere(&session).await?;
        }
        Ok(())
    }

    /// A session as the API lists it.
    #[derive(serde::Deserialize)]
    struct Listed {
        #[serde(deserialize_with = "crate::api::id", alias = "_id")]
        id: String,
        #[serde(default)]
        last_seen_at: Option<String>,
        #[serde(default)]
        user_agent: Option<String>,
        #[serde(default)]
        current: bool,
    }

    impl From<Listed> for Device {
        fn from(listed: Listed) -> Self {
            let name = user_agent::device(&listed.user_agent.unwrap_or_default());
            Self { id: listed.id, name, last_seen_at: listed.last_seen_at, current: listed.current }
        }
    }

    fn contract() -> Result<Account, Problem> {
        let (vestibule, _) = respond::visit()?;
        vestibule.account().cloned().ok_or_else(|| Problem::of_status(404))
    }

    /// The path of the API's list of sessions.
    fn list() -> Result<String, Problem> {
        contract()?.sessions.ok_or_else(|| Problem::of_status(404))
    }
}
