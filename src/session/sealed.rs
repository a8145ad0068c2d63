//! Cookie values that were sealed a moment ago.
//!
//! When a session's cookie is due to be written anew, all requests that are under way bring the old one, and
//! each of their answers takes the new one. It is sealed for the first of them, which takes longer than
//! all else that a call costs.

use std::sync::Arc;

use super::{
    kept::Kept,
    record::{Record, SessionId},
};

/// The last value sealed for each session.
#[derive(Debug)]
pub(crate) struct Sealed(Kept<SessionId, (Arc<Record>, Arc<str>)>);

impl Sealed {
    pub(crate) fn new() -> Self {
        Self(Kept::new())
    }

    /// What holds `record`: from before, or by `seal`.
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
        let sealed = Sealed::new();
        let first = Arc::new(record());
        assert_eq!(&*sealed.get_or(&first, 0, || "one".into()), "one");
        assert_eq!(&*sealed.get_or(&Arc::new(record()), 0, || "two".into()), "one", "the same content");
        let newer = Arc::new(Record { generation: 9, ..record() });
        assert_eq!(&*sealed.get_or(&newer, 0, || "two".into()), "two");
        assert_eq!(&*sealed.get_or(&first, 0, || "three".into()), "three", "one for each session is kept");
    }
}
