//! Sealed values that older versions wrote. They must still open, so that an update logs no user out.

use super::{
    record::{Record, SessionId},
    sealer::Sealer,
    session_token::SessionToken,
    store_key::user_index_key,
};
use crate::{key::Key, random::Random, secret::Secret};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NAME: &str = "__Host-vestibule";

/// Short: it is sealed as it is.
fn short() -> Record {
    Record {
        id: SessionId::from([0xa5; 16]),
        access_token: Secret::new("a"),
        access_expires_at: None,
        refresh_due_at: None,
        refresh_token: None,
        user: "{}".into(),
        created_at: 1_767_268_800,
        last_seen_at: 1_767_268_860,
        issued_at: 1_767_268_801,
        generation: 0,
        persistent: false,
        user_agent: None,
        changes: 0,
    }
}

/// With all fields: it is deflated.
fn long() -> Record {
    Record {
        id: SessionId::from(*b"0123456789abcdef"),
        access_token: Secret::new("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"),
        access_expires_at: Some(1_767_270_000),
        refresh_due_at: Some(1_767_269_940),
        refresh_token: Some(Secret::new("refresh-1-refresh-1-refresh-1-refresh-1")),
        user: r#"{"id":1,"email":"ada@example.com","name":"Ada Lovelace, Ada Lovelace, Ada Lovelace"}"#.into(),
        generation: 300,
        persistent: true,
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".into()),
        ..short()
    }
}

fn sealer() -> Sealer {
    Sealer::new(&[Key::parse(KEY).unwrap()], Random::seeded(1))
}

/// Version 1: [`short`] and [`long`].
const SHORT_1: &str = "AWEYMNNkGmj5SmkNzEaMOFcBdobMGpMWJtUIJyvILprOcmqxHp9vP-op4OutFoOIRq_qrS1S-N4";
const LONG_1: &str = concat!(
    "AWEYMNNkGmj5SmkNzEaqDI5eheDqrypdrGOmHk4_1nIe7vorU3cGt6KleYf_kDblD58Np7QT48g1C0kJcE2-QfINNpDukosjtfv8",
    "R42k3jputocEszg1zVI1M3zpkb4XSwiE1HF7ksbgdBZlbYxQ2KIyw1EAAAStoSJbslE9RdQRa05ePut-utyFQjAjxG-ZMtVJOqTB",
    "N5IGrAHNwXoi20Lr7XVDCZviERDl29Zaf9qz2b6cFeVzPcDaPavko9vi7Qosgey9G8AROfQZjNC2XbrGcuSMo-meFYiKULVRrqHf",
    "mgPI4H74x6W7rNZqqW7nPv4RuvQQv_noLrnzG47CBEGchganVblzUEehk8sxZlVoM3WBJqU",
);

/// Version 2: [`short`] and [`long`].
const SHORT_2: &str = "AmEYMNNkGmj5SmkNzCXR9LDayUgyWsGPbRphVnZrWP5pYi14WWs0IyyPJM0jwWJsum3us3xkqVEqn0FF3jsG8DDZtWs";
const LONG_2: &str = concat!(
    "AmEYMNNkGmj5SmkNzCXR9LDayUgyWsGPbRpHYq80q5hP15Qz092aGkl43CXzXfL294WHO5GZnIBseTv_rnng7ZwiXu7KjMd60vwQ",
    "h2a-cZB6Xd-9MjlcZ_WeTn5Lk8NVLQEM_pxJD3niERZKi9gIKcXlRvDGvu0SXY76RWc8zojOMqp5Yd_yPe5DV_5dpZwS1g-k0d6T",
    "9lXRQ3cJfUV8o1T6mLd-UurGe9WXc8SM_rb0upXUhjRwypbQpCHSgvsbtb-i-4n7WJfNo1ckDpRrVY04BTWUn9OZO9N5AUGvZQ9i",
    "TSLmo1DAVG7fl3-rR5IuICfQzDPWBqOcgRj1SRZSsPxyu-9z5a-lv5aMAcSfED0kfndrtYmB5ZT5O1SKZUTgzVw",
);

/// [`short`] and [`long`] in postcard.
const SHORT_POSTCARD: &str = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a50161000000027b7d8087b3950df887b3950d8287b3950d000000";
const LONG_POSTCARD: &str = concat!(
    "303132333435363738396162636465664365794a68624763694f694a49557a49314e694a392e65794a7a645749694f694978",
    "496e302e63326c6e626d463064584a6c4c57396d4c58526f5a5331306232746c626701e099b3950d01e898b3950d01277265",
    "66726573682d312d726566726573682d312d726566726573682d312d726566726573682d31547b226964223a312c22656d61",
    "696c223a22616461406578616d706c652e636f6d222c226e616d65223a22416461204c6f76656c6163652c20416461204c6f",
    "76656c6163652c20416461204c6f76656c616365227d8087b3950df887b3950d8287b3950dac020101464d6f7a696c6c612f",
    "352e3020285831313b204c696e7578207838365f36343b2072763a3134352e3029204765636b6f2f32303130303130312046",
    "697265666f782f3134352e30",
);

#[test]
fn a_cookie_of_each_version_opens() {
    for (short_text, long_text) in [(SHORT_1, LONG_1), (SHORT_2, LONG_2)] {
        assert_eq!(sealer().open(NAME, short_text), Some(short()));
        assert_eq!(sealer().open(NAME, long_text), Some(long()));
        assert_eq!(sealer().open("vestibule", long_text), None, "under its own name only");
    }
}

#[test]
fn a_record_is_written_as_ever_with_later_fields_behind() {
    for (record, written) in [(short(), SHORT_POSTCARD), (long(), LONG_POSTCARD)] {
        let bytes = postcard::to_allocvec(&record).unwrap();
        let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!(hex, format!("{written}00"));
    }
}

#[test]
fn what_a_store_is_asked_for_stays_the_same() {
    let token = SessionToken::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
    assert_eq!(token.id().to_string(), "630dcd2966c4336691125448bbb25b4f");
    let list = "person:zT1OtIX9aV9H5WKvbGksEhVE7vJNavdACSgUeeVgfKE";
    assert_eq!(user_index_key(&long()).as_deref(), Some(list));
}
