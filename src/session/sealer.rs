//! Sealing: encrypts a record into text that only the holder of a key can read or create.
//!
//! The text is base64url of `version ‖ salt ‖ nonce ‖ AES-256-GCM(flag ‖ body)`. The body is the record in
//! postcard, deflated when that makes it smaller. The version and the cookie's name are
//! authenticated with it, so that a sealed value is not valid under another name.
//!
//! Salt and nonce are random for each value. The key of a value is derived from the configured key and the salt by
//! HKDF (RFC 5869): under one key, random nonces of 96 bits may be used at most 2^32 times (NIST SP 800-38D §8.3),
//! which busy servers reach within weeks. With the salt, it takes 2^80 values until two share both with a probability
//! of 2^-32.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};
use sha2::Sha256;

use super::record::Record;
use crate::{key::Key, random::Random};

/// The version of the layout. A new layout gets a new number, and both are read for a while.
const VERSION: u8 = 2;
/// The previous layout: no salt, the configured key itself, and only the name is authenticated. Only read, not written.
const VERSION_1: u8 = 1;
const SALT_LENGTH: usize = 12;
const NONCE_LENGTH: usize = 12;
/// The HKDF context of the keys of values (RFC 5869 §3.2).
const PURPOSE: &[u8] = b"vestibule sealed value 2";
const PLAIN: u8 = 0;
const DEFLATED: u8 = 1;
/// Deflate's level: higher ones gain nothing on a few kilobytes.
const LEVEL: u8 = 6;
/// The maximum size of an inflated record, in bytes. Only a holder of the key can create one, so this guards against
/// bugs, not attacks.
const MAX_RECORD: usize = 256 * 1024;

/// Seals with the first key and opens with any.
pub struct Sealer {
    keys: Vec<DerivedKeys>,
    random: Random,
}

/// The keys derived from a configured key.
struct DerivedKeys {
    /// Derives the keys of values.
    origin: Hkdf<Sha256>,
    version_1: Aes256Gcm,
}

impl DerivedKeys {
    fn new(key: &Key) -> Self {
        Self { origin: Hkdf::new(None, key.bytes()), version_1: Aes256Gcm::new(key.bytes().into()) }
    }

    /// The cipher of a value with this salt.
    fn cipher(&self, salt: &[u8; SALT_LENGTH]) -> Option<Aes256Gcm> {
        let mut key = [0; 32];
        self.origin.expand_multi_info(&[PURPOSE, salt], &mut key).ok()?;
        Some(Aes256Gcm::new(&key.into()))
    }
}

impl Sealer {
    /// Creates a sealer. The first key seals, all keys open: put a new key in front, and keep the old one until the last
    /// session sealed with it has ended.
    pub fn new(keys: &[Key], random: Random) -> Self {
        Self { keys: keys.iter().map(DerivedKeys::new).collect(), random }
    }

    /// Seals a record for the cookie `name`. Returns `None` if there is no key or the record cannot be encoded.
    pub fn seal(&self, name: &str, record: &Record) -> Option<String> {
        let salt: [u8; SALT_LENGTH] = self.random.bytes();
        let nonce: [u8; NONCE_LENGTH] = self.random.bytes();
        let (body, aad) = (encode(record)?, bound_to(name));
        let payload = Payload { msg: &body, aad: &aad };
        let sealed = self.keys.first()?.cipher(&salt)?.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&[VERSION][..], &salt, &nonce, &sealed].concat()))
    }

    /// Opens a value of [`Sealer::seal`], of this version or the previous one; `None` for anything else.
    pub fn open(&self, name: &str, text: &str) -> Option<Record> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let body = match bytes.split_first()? {
            (&VERSION, rest) => self.open_salted(name, rest),
            (&VERSION_1, rest) => self.open_version_1(name, rest),
            _ => None,
        }?;
        decode(&body)
    }

    fn open_salted(&self, name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let (salt, rest) = bytes.split_first_chunk()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LENGTH>()?;
        let (nonce, aad) = (Nonce::from(*nonce), bound_to(name));
        let open = |key: &DerivedKeys| key.cipher(salt)?.decrypt(&nonce, Payload { msg: sealed, aad: &aad }).ok();
        self.keys.iter().find_map(open)
    }

    fn open_version_1(&self, name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LENGTH>()?;
        let (nonce, aad) = (Nonce::from(*nonce), name.as_bytes());
        let open = |key: &DerivedKeys| key.version_1.decrypt(&nonce, Payload { msg: sealed, aad }).ok();
        self.keys.iter().find_map(open)
    }
}

/// The associated data that is authenticated with a value.
fn bound_to(name: &str) -> Vec<u8> {
    [&[VERSION], name.as_bytes()].concat()
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

fn encode(record: &Record) -> Option<Vec<u8>> {
    let plain = postcard::to_allocvec(record).ok()?;
    let deflated = compress_to_vec(&plain, LEVEL);
    let (flag, body) = if deflated.len() < plain.len() { (DEFLATED, deflated) } else { (PLAIN, plain) };
    let mut bytes = Vec::with_capacity(1 + body.len());
    bytes.push(flag);
    bytes.extend_from_slice(&body);
    Some(bytes)
}

fn decode(bytes: &[u8]) -> Option<Record> {
    let (&flag, body) = bytes.split_first()?;
    let mut plain = match flag {
        PLAIN => body.to_vec(),
        DEFLATED => decompress_to_vec_with_limit(body, MAX_RECORD).ok()?,
        _ => return None,
    };
    // A record from before the last two fields were added ends where they would begin: the appended zeros make them
    // empty. In any other record the zeros are surplus bytes, which are not read.
    plain.extend([0, 0]);
    postcard::from_bytes(&plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::tests::record;

    fn keys(seed: u64, count: usize) -> Vec<Key> {
        let random = Random::seeded(seed);
        (0..count).map(|_| Key::random(&random)).collect()
    }

    fn sealer(keys: &[Key]) -> Sealer {
        Sealer::new(keys, Random::seeded(7))
    }

    #[test]
    fn opens_what_it_sealed() {
        let sealer = sealer(&keys(1, 1));
        let text = sealer.seal("vestibule", &record()).unwrap();
        assert_eq!(sealer.open("vestibule", &text), Some(record()));
    }

    #[test]
    fn reads_a_record_from_before_its_last_fields() {
        let record = Record { user_agent: None, changes: 0, ..record() };
        let mut plain = postcard::to_allocvec(&record).unwrap();
        plain.insert(0, PLAIN);
        for _ in 0..2 {
            assert_eq!(plain.pop(), Some(0), "an empty last field");
            assert_eq!(decode(&plain), Some(record.clone()));
        }
    }

    #[test]
    fn hides_the_token() {
        let text = sealer(&keys(1, 1)).seal("vestibule", &record()).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        let token = record().access_token.expose().as_bytes().to_vec();
        assert!(!bytes.windows(8).any(|window| token.windows(8).any(|part| part == window)));
    }

    #[test]
    fn never_seals_the_same_twice() {
        let sealer = sealer(&keys(1, 1));
        assert_ne!(sealer.seal("a", &record()), sealer.seal("a", &record()));
    }

    #[test]
    fn each_value_has_a_key_of_its_own() {
        let derived = DerivedKeys::new(&keys(1, 1)[0]);
        let zeros_under = |salt: u8| {
            let cipher = derived.cipher(&[salt; SALT_LENGTH]).unwrap();
            cipher.encrypt(&Nonce::from([0; NONCE_LENGTH]), &[0; 32][..]).unwrap()
        };
        assert_eq!(zeros_under(1), zeros_under(1));
        assert_ne!(zeros_under(1), zeros_under(2));
        let sealer = sealer(&keys(1, 1));
        let [one, other] = [(); 2].map(|()| URL_SAFE_NO_PAD.decode(sealer.seal("a", &record()).unwrap()).unwrap());
        let drawn = 1..1 + SALT_LENGTH;
        assert_ne!(one[drawn.clone()], other[drawn], "the salt is drawn");
    }

    #[test]
    fn opens_under_an_older_key_and_not_under_a_foreign_one() {
        let old = keys(1, 1);
        let text = sealer(&old).seal("vestibule", &record()).unwrap();
        let rotated = [keys(2, 1), old].concat();
        assert_eq!(sealer(&rotated).open("vestibule", &text), Some(record()));
        assert_eq!(sealer(&keys(3, 2)).open("vestibule", &text), None);
    }

    #[test]
    fn refuses_every_change() {
        let sealer = sealer(&keys(1, 1));
        let text = sealer.seal("vestibule", &record()).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert_eq!(sealer.open("vestibule", &URL_SAFE_NO_PAD.encode(changed)), None, "byte {index}");
        }
        for length in 0..bytes.len() {
            let cut = URL_SAFE_NO_PAD.encode(&bytes[..length]);
            assert_eq!(sealer.open("vestibule", &cut), None, "length {length}");
        }
        assert_eq!(sealer.open("other", &text), None);
        assert_eq!(sealer.open("vestibule", ""), None);
        assert_eq!(sealer.open("vestibule", "not base64 ü"), None);
    }
}
