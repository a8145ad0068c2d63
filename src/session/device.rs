//! The open sessions of one person: "your devices", and logging out everywhere.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    manager::{Sessions, session_name},
    record::{Record, SessionId},
    store::Down,
};

/// One session of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenSession {
    /// Its name, by which it can be ended.
    #[serde(serialize_with = "id")]
    pub id: SessionId,
    /// When the person logged in, in seconds since the epoch.
    pub created_at: i64,
    /// When the person last did something, in seconds since the epoch; up to a minute ago or more.
    pub last_seen_at: i64,
    /// What the browser called itself at the log-in (RFC 9110 §10.1.5): its printable beginning, at most
    /// 256 bytes. `None` with sessions in cookies, or when it said nothing.
    pub user_agent: Option<String>,
    /// Whether it is the session that asks.
    pub current: bool,
}

fn id<S: serde::Serializer>(id: &SessionId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

impl Sessions {
    /// The open sessions of the person whose session `record` is, the latest first. Without a store of
    /// sessions this one alone is known.
    pub(crate) async fn open_sessions(&self, record: &Arc<Record>) -> Result<Vec<OpenSession>, Down> {
        let mut open: Vec<OpenSession> = self
            .records_of(record)
            .await?
            .iter()
            .map(|it| OpenSession {
                id: it.id,
                created_at: it.created_at,
                last_seen_at: it.last_seen_at,
                user_agent: it.user_agent.clone(),
                current: it.id == record.id,
            })
            .collect();
        open.sort_by_key(|it| std::cmp::Reverse((it.last_seen_at, it.created_at)));
        Ok(open)
    }

    /// The records of all open sessions of the person whose session `record` is.
    pub(crate) async fn records_of(&self, record: &Arc<Record>) -> Result<Vec<Arc<Record>>, Down> {
        let (Some(store), true, Some(list)) = (self.store(), self.is_server_side(), person_list(record)) else {
            return Ok(vec![Arc::clone(record)]);
        };
        let mut records = Vec::new();
        for member in store.listed(&list).await? {
            match self.stored(&member).await? {
                // The list is found by what identifies the person, and what it leads to is checked.
                Some(found) if person_list(&found).as_ref() == Some(&list) && self.is_alive(&found) => {
                    records.push(Arc::new(found));
                }
                _ => store.delist(&list, &member).await?,
            }
        }
        Ok(records)
    }

    async fn stored(&self, member: &str) -> Result<Option<Record>, Down> {
        let (Some(store), Some(id)) = (self.store(), SessionId::parse(member)) else { return Ok(None) };
        let name = session_name(id);
        let stored = store.load(&name).await?;
        Ok(stored.and_then(|stored| self.core.sealer.open(&name, &stored.sealed)))
    }
}

/// The name of the list of a person's sessions, made from the API's id for the person, else from the
/// e-mail address; `None` for somebody with neither.
pub(super) fn person_list(record: &Record) -> Option<String> {
    let user = record.user_json();
    let text = ["id", "_id", "sub", "email"].into_iter().find_map(|field| match user.get(field)? {
        Value::String(text) if !text.is_empty() => Some(format!("{field} \"{text}\"")),
        Value::Number(number) => Some(format!("{field} {number}")),
        _ => None,
    })?;
    Some(format!("person:{}", URL_SAFE_NO_PAD.encode(Sha256::digest(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::tests::record;

    #[test]
    fn tells_people_apart() {
        let list = |user: &str| person_list(&Record { user: user.into(), ..record() });
        let ada = list(r#"{"id":1,"email":"ada@example.com"}"#);
        assert!(ada.is_some());
        assert_eq!(ada, list(r#"{"id":1,"email":"new@example.com"}"#), "the address may change");
        assert_ne!(ada, list(r#"{"id":2,"email":"ada@example.com"}"#));
        assert_ne!(ada, list(r#"{"id":"1"}"#), "a text is not a number everywhere");
        assert_eq!(list("{}"), None);
        assert_eq!(list(r#"{"id":null}"#), None);
    }
}
