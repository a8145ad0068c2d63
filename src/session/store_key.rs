//! Keys in the session store.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::record::{Record, SessionId};

/// The store key of a session.
pub(super) fn session_store_key(id: SessionId) -> String {
    format!("session:{id}")
}

/// The store key that marks a session as ended.
pub(super) fn ended_store_key(id: SessionId) -> String {
    format!("ended:{id}")
}

/// The store key of the index of a user's sessions, derived from the API's user id, else from the email address; `None`
/// for a user with neither.
pub(super) fn user_index_key(record: &Record) -> Option<String> {
    let user = record.user_json();
    let text = ["id", "_id", "sub", "email"].into_iter().find_map(|field| match user.get(field)? {
        Value::String(text) if !text.is_empty() => Some(format!("{field} \"{text}\"")),
        Value::Number(number) => Some(format!("{field} {number}")),
        _ => None,
    })?;
    Some(format!("person:{}", URL_SAFE_NO_PAD.encode(Sha256::digest(text))))
}
