//! Any cookies that a browser sends give the same session or none, and never a panic.

use axum::http::HeaderValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::{
    cookie::{CookiePolicy, CookieValue, MAX_CHUNKS},
    record::{Record, tests::record},
    sealer::Sealer,
};
use crate::{key::Key, random::Random, secret::Secret};

fn sealer() -> Sealer {
    Sealer::new(&[Key::random(&Random::seeded(1))], Random::seeded(2))
}

fn policy() -> CookiePolicy {
    CookiePolicy::new("vestibule", true, false)
}

fn request(pairs: &[String]) -> Vec<HeaderValue> {
    HeaderValue::from_str(&pairs.join("; ")).into_iter().collect()
}

/// The cookie pairs of a session.
fn pairs(record: &Record) -> Vec<String> {
    let text = sealer().seal(policy().name(), record).unwrap();
    let set = policy().store(&text, None, &[]).unwrap();
    set.iter().map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

fn open(pairs: &[String]) -> Option<Record> {
    match policy().read(&request(pairs)) {
        CookieValue::Complete(text) => {
            std::str::from_utf8(&text).ok().and_then(|text| sealer().open(policy().name(), text))
        }
        CookieValue::Missing | CookieValue::Malformed => None,
    }
}

/// Records of one chunk up to the maximum: the user is text that deflates badly.
fn any_record() -> impl Strategy<Value = Record> {
    let size = prop_oneof![0..200_usize, 2_000..9_000_usize];
    size.prop_flat_map(|size| proptest::collection::vec(0x21..0x7e_u8, size)).prop_map(|user| Record {
        user: String::from_utf8(user).unwrap(),
        refresh_token: Some(Secret::new("r")),
        ..record()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_the_chunks_is_the_same_session(record in any_record(), seed in any::<u64>()) {
        let mut all = pairs(&record);
        let length = all.len();
        prop_assert!(length <= MAX_CHUNKS);
        all.rotate_left(usize::try_from(seed % 97).unwrap() % length);
        prop_assert_eq!(open(&all), Some(record));
    }

    #[test]
    fn one_changed_letter_is_no_session(record in any_record(), place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_.-]") {
        let all = pairs(&record);
        let which = place.index(all.len());
        let (name, value) = all[which].split_once('=').unwrap();
        let at = place.index(value.len());
        prop_assume!(value[at..=at] != letter);
        let mut changed = all.clone();
        changed[which] = format!("{name}={}{letter}{}", &value[..at], &value[at + 1..]);
        prop_assert_eq!(open(&changed), None);
    }

    #[test]
    fn a_missing_or_doubled_chunk_is_no_session(record in any_record(), place in any::<prop::sample::Index>()) {
        let all = pairs(&record);
        let which = place.index(all.len());
        let mut missing = all.clone();
        missing.remove(which);
        prop_assert_eq!(open(&missing), None);
        let mut doubled = all.clone();
        doubled.push(all[which].clone());
        prop_assert_eq!(open(&doubled), None);
    }

    #[test]
    fn swapped_chunks_are_no_session(record in any_record()) {
        let all = pairs(&record);
        prop_assume!(all.len() >= 3);
        let (one, two) = (all[1].split_once('=').unwrap(), all[2].split_once('=').unwrap());
        let mut swapped = all.clone();
        swapped[1] = format!("{}={}", one.0, two.1);
        swapped[2] = format!("{}={}", two.0, one.1);
        prop_assert_eq!(open(&swapped), None);
    }

    #[test]
    fn any_bytes_of_a_known_version_are_no_session(version in 0..4_u8, rest in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = URL_SAFE_NO_PAD.encode([&[version][..], &rest].concat());
        prop_assert_eq!(sealer().open(policy().name(), &text), None);
    }

    #[test]
    fn any_other_text_is_no_session(text in "\\PC{0,300}", chunks in 0..9_usize) {
        let policy = policy();
        let name = policy.name();
        let mut all = vec![format!("{name}={chunks}.{text}"), format!("{name}={text}")];
        prop_assert_eq!(open(&all[1..]), None);
        all.extend((1..chunks).map(|index| format!("{name}.{index}={text}")));
        prop_assert_eq!(open(&all), None);
        prop_assert_eq!(sealer().open(name, &text), None);
    }
}
