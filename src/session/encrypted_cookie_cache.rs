//! A cache of encrypted cookie values.
//!
//! When a session's cookie is due to be rewritten, all requests in flight bring the old one, and each of their responses
//! sets the new one. The value is sealed only for the first of them: sealing costs more than the rest of a call.

use std::sync::Arc;

use super::{
    record::{Record, SessionId},
    ttl_cache::TtlCache,
};

/// The last value sealed for each session.
#[derive(Debug)]
pub(crate) struct EncryptedCookieCache(TtlCache<SessionId, (Arc<Record>, Arc<str>)>);

impl EncryptedCookieCache {
    pub(crate) fn new() -> Self {
        Self(TtlCache::new())
    }

    /// The value for `record`, from the cache or by `seal`.
    pub(crate) fn get_or(&self, record: &Arc<Record>, now: i64, seal: impl FnOnce() -> String) -> Arc<str> {
        let known = self.0.get(record.id.spread(), &record.id, now, |(sealed, text)| {
            (Arc::ptr_eq(sealed, record) || sealed == record).then(|| Arc::clone(text))
        });
        known.unwrap_or_else(|| {
            let text: Arc<str> = seal().into();
            self.0.put(record.id.spread(), record.id, now, (Arc::clone(record), Arc::clone(&text)));
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::tests::record;

    #[test]
    fn seals_each_record_once() {
        let cache = EncryptedCookieCache::new();
        let first = Arc::new(record());
        assert_eq!(&*cache.get_or(&first, 0, || "one".into()), "one");
        assert_eq!(&*cache.get_or(&Arc::new(record()), 0, || "two".into()), "one", "the same content");
        let newer = Arc::new(Record { generation: 9, ..record() });
        assert_eq!(&*cache.get_or(&newer, 0, || "two".into()), "two");
        assert_eq!(&*cache.get_or(&first, 0, || "three".into()), "three", "one for each session is kept");
    }
}
