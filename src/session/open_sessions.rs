//! The open sessions of one user: "your devices", and logging out everywhere.

use std::sync::Arc;

use serde::Serialize;

use super::{
    manager::SessionManager,
    record::{Record, SessionId},
    store::StoreUnavailable,
    store_key::{session_store_key, user_index_key},
};

/// One open session of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenSession {
    /// The id by which the session can be ended.
    #[serde(serialize_with = "id")]
    pub id: SessionId,
    /// When the user logged in, in seconds since the epoch.
    pub created_at: i64,
    /// When the user was last active, in seconds since the epoch; accurate to about a minute.
    pub last_seen_at: i64,
    /// The `User-Agent` of the browser at the login (RFC 9110 §10.1.5): its printable beginning, at most 256 bytes.
    /// `None` with sessions in cookies, or if the browser sent none.
    pub user_agent: Option<String>,
    /// Whether it is the session of this request.
    pub current: bool,
}

fn id<S: serde::Serializer>(id: &SessionId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

impl SessionManager {
    /// The open sessions of the user of `record`, the latest first. With sessions in cookies, only this one is known.
    pub(crate) async fn open_sessions(&self, record: &Arc<Record>) -> Result<Vec<OpenSession>, StoreUnavailable> {
        let mut open: Vec<OpenSession> = self
            .open_records(record)
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

    /// The records of all open sessions of the user of `record`.
    pub(crate) async fn open_records(&self, record: &Arc<Record>) -> Result<Vec<Arc<Record>>, StoreUnavailable> {
        let (Some(store), true, Some(index)) = (self.store(), self.is_server_side(), user_index_key(record)) else {
            return Ok(vec![Arc::clone(record)]);
        };
        let mut records = Vec::new();
        for member in store.index_members(&index).await? {
            match self.load_member(&member).await? {
                // The index is only a hint: check that the record belongs to the user.
                Some(found) if user_index_key(&found).as_ref() == Some(&index) && self.is_alive(&found) => {
                    records.push(Arc::new(found));
                }
                _ => store.index_remove(&index, &member).await?,
            }
        }
        Ok(records)
    }

    async fn load_member(&self, member: &str) -> Result<Option<Record>, StoreUnavailable> {
        let (Some(store), Some(id)) = (self.store(), SessionId::parse(member)) else { return Ok(None) };
        let name = session_store_key(id);
        let stored = store.load(&name).await?;
        Ok(stored.and_then(|stored| self.shared.sealer.open(&name, &stored.sealed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::tests::record;

    #[test]
    fn distinguishes_users() {
        let list = |user: &str| user_index_key(&Record { user: user.into(), ..record() });
        let ada = list(r#"{"id":1,"email":"ada@example.com"}"#);
        assert!(ada.is_some());
        assert_eq!(ada, list(r#"{"id":1,"email":"new@example.com"}"#), "the address may change");
        assert_ne!(ada, list(r#"{"id":2,"email":"ada@example.com"}"#));
        assert_ne!(ada, list(r#"{"id":"1"}"#), "a text is not a number everywhere");
        assert_eq!(list("{}"), None);
        assert_eq!(list(r#"{"id":null}"#), None);
    }
}
