//! The check of the token's signature with each kind of public key: RSA, EC, Ed25519.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, jwk::Jwk};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use serde_json::{Value, json};
use vestibule::contract::Contract;

use crate::{
    api::Reply,
    door::{Door, START},
    verify::{claims, contract, log_in, refuses, signed},
};

const ISSUER: &str = "https://api.example";
const RSA_ONE: &str = include_str!("keys/rsa-one.pem");
const RSA_ONE_PUBLIC: &str = include_str!("keys/rsa-one.public.pem");
const RSA_ONE_PKCS1: &str = include_str!("keys/rsa-one.pkcs1.pem");
const RSA_TWO: &str = include_str!("keys/rsa-two.pem");
const SET: &str = "GET /.well-known/jwks.json";

/// A kind of key, with two keys of it.
struct Kind {
    algorithm: Algorithm,
    own: EncodingKey,
    other: EncodingKey,
    /// The public half of `own`.
    public: String,
}

fn rsa_key(pem: &str) -> EncodingKey {
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}

fn rsa() -> Kind {
    let public = RSA_ONE_PUBLIC.to_owned();
    Kind { algorithm: Algorithm::RS256, own: rsa_key(RSA_ONE), other: rsa_key(RSA_TWO), public }
}

fn ec() -> Kind {
    let pair = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let key = |pair: &KeyPair| EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let own = pair();
    Kind { algorithm: Algorithm::ES256, own: key(&own), other: key(&pair()), public: own.public_key_pem() }
}

fn ed() -> Kind {
    let pair = || KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let key = |pair: &KeyPair| EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
    let own = pair();
    Kind { algorithm: Algorithm::EdDSA, own: key(&own), other: key(&pair()), public: own.public_key_pem() }
}

impl Kind {
    fn sign(&self, claims: &Value) -> String {
        signed(&self.own, self.algorithm, None, claims)
    }

    /// Tokens that somebody could make, and why each is refused.
    fn forgeries(&self) -> Vec<(String, &'static str)> {
        let good = self.sign(&claims());
        let [head, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut grace = claims();
        grace["email"] = "grace@example.com".into();
        let kin = if self.algorithm == Algorithm::ES256 { "RS256" } else { "ES256" };
        let mut all = vec![
            (signed(&self.other, self.algorithm, None, &claims()), "signature"),
            (format!("{head}.{}.{signature}", part(grace)), "signature"),
            (format!("{head}.{payload}."), "signature"),
            (format!("{}.{payload}.{signature}", part(json!({"alg": kin}))), "algorithm"),
            (format!("{}.{payload}.{signature}", part(json!({"alg": "none"}))), "no JWT with an algorithm"),
            (format!("{}.{payload}.", part(json!({"alg": "none"}))), "no JWT with an algorithm"),
        ];
        // The public key is known to all, and must not serve as a shared secret.
        for secret in [self.public.as_bytes().to_vec(), self.public.trim().into(), der(&self.public)] {
            let key = EncodingKey::from_secret(&secret).unwrap();
            all.push((signed(&key, Algorithm::HS256, None, &claims()), "algorithm"));
        }
        all
    }

    /// Tokens of the API's own that were issued by or for somebody else, or are out of time.
    fn strays(&self) -> Vec<(String, &'static str)> {
        let changes = [
            ("iss", json!("https://evil.example"), "`iss`"),
            ("iss", Value::Null, "`iss`"),
            ("aud", json!(["another"]), "`aud`"),
            ("aud", Value::Null, "`aud`"),
            ("exp", json!(START - 120), "`exp`"),
            ("nbf", json!(START + 120), "`nbf`"),
        ];
        let stray = |(name, value, cause): (&str, Value, &'static str)| {
            let mut claims = claims();
            claims[name] = value;
            (self.sign(&claims), cause)
        };
        changes.into_iter().map(stray).collect()
    }
}

/// What is between the lines of a PEM.
fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(lines).unwrap()
}

async fn takes_its_own_tokens_alone(kind: Kind) {
    let verify = json!({"public_key": kind.public, "issuer": ISSUER, "audience": "vestibule"});
    let door = Door::open(contract(&verify)).await;
    let (status, log) = log_in(&door, &kind.sign(&claims())).await;
    assert_eq!(status, 200, "{log}");
    for (token, cause) in kind.forgeries().into_iter().chain(kind.strays()) {
        refuses(&door, &token, cause).await;
    }
}

#[tokio::test]
async fn an_rsa_key_takes_its_own_tokens_alone() {
    takes_its_own_tokens_alone(rsa()).await;
}

#[tokio::test]
async fn an_ec_key_takes_its_own_tokens_alone() {
    takes_its_own_tokens_alone(ec()).await;
}

#[tokio::test]
async fn an_ed25519_key_takes_its_own_tokens_alone() {
    takes_its_own_tokens_alone(ed()).await;
}

#[tokio::test]
async fn an_rsa_key_comes_in_either_form_and_with_the_algorithms_that_are_listed() {
    let verify = json!({"public_key": RSA_ONE_PKCS1, "algorithms": ["RS512", "PS256"]});
    let door = Door::open(contract(&verify)).await;
    let key = rsa_key(RSA_ONE);
    for algorithm in [Algorithm::RS512, Algorithm::PS256] {
        let (status, log) = log_in(&door, &signed(&key, algorithm, None, &claims())).await;
        assert_eq!(status, 200, "{algorithm:?}: {log}");
    }
    refuses(&door, &signed(&key, Algorithm::RS256, None, &claims()), "algorithm").await;
    for other in ["HS256", "ES256", "EdDSA", "none"] {
        let verify = json!({"public_key": RSA_ONE_PUBLIC, "algorithms": ["RS256", other]});
        assert!(Contract::try_from(contract(&verify)).is_err(), "{other}");
    }
}

/// A published key.
fn jwk(key: &EncodingKey, algorithm: Algorithm, id: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(id.into());
    serde_json::to_value(jwk).unwrap()
}

fn publish(door: &Door, keys: &[Value]) {
    door.api.on(SET, Reply::json(200, &json!({"keys": keys})));
}

async fn door_with_published_keys() -> Door {
    let verify = json!({"jwks_url": "/.well-known/jwks.json", "issuer": ISSUER, "audience": "vestibule"});
    Door::open(contract(&verify)).await
}

#[tokio::test]
async fn published_rsa_keys_follow_one_another() {
    let door = door_with_published_keys().await;
    let (one, two) = (rsa_key(RSA_ONE), rsa_key(RSA_TWO));
    let token = |key, id| signed(key, Algorithm::RS256, id, &claims());
    let (first, second) = (token(&one, Some("1")), token(&two, Some("2")));
    publish(&door, &[jwk(&one, Algorithm::RS256, "1")]);
    assert_eq!(log_in(&door, &first).await.0, 200);
    refuses(&door, &second, "no key has its key id").await;
    refuses(&door, &token(&two, Some("1")), "signature").await;

    // Both for a while, then the new one alone.
    publish(&door, &[jwk(&one, Algorithm::RS256, "1"), jwk(&two, Algorithm::RS256, "2")]);
    door.clock.advance(31);
    assert_eq!(log_in(&door, &second).await.0, 200);
    assert_eq!(log_in(&door, &first).await.0, 200);
    publish(&door, &[jwk(&two, Algorithm::RS256, "2")]);
    door.clock.advance(600);
    assert_eq!(log_in(&door, &second).await.0, 200);
    refuses(&door, &first, "no key has its key id").await;
    assert_eq!(door.api.seen(SET).len(), 3);

    // A token without a key id may be signed by any of them.
    assert_eq!(log_in(&door, &token(&two, None)).await.0, 200);
    refuses(&door, &token(&one, None), "signature").await;
}

#[tokio::test]
async fn a_published_key_serves_for_what_it_says_alone() {
    let door = door_with_published_keys().await;
    let (rsa, ec, one) = (rsa(), ec(), rsa_key(RSA_ONE));
    let published = jwk(&one, Algorithm::RS256, "rsa");
    let mut encrypts = jwk(&one, Algorithm::RS256, "encrypts");
    encrypts["use"] = "enc".into();
    let mut curve = jwk(&ec.own, Algorithm::ES256, "ec");
    curve.as_object_mut().unwrap().remove("alg");
    publish(&door, &[published.clone(), encrypts, jwk(&one, Algorithm::PS256, "pss"), curve]);
    let signed = |key: &EncodingKey, algorithm, id| signed(key, algorithm, Some(id), &claims());
    assert_eq!(log_in(&door, &signed(&one, Algorithm::RS256, "rsa")).await.0, 200);
    assert_eq!(log_in(&door, &signed(&ec.own, Algorithm::ES256, "ec")).await.0, 200, "says nothing");
    refuses(&door, &signed(&one, Algorithm::RS256, "encrypts"), "no key has its key id").await;
    refuses(&door, &signed(&one, Algorithm::RS256, "pss"), "algorithm").await;
    refuses(&door, &signed(&ec.own, Algorithm::ES256, "rsa"), "algorithm").await;
    refuses(&door, &signed(&one, Algorithm::RS256, "ec"), "algorithm").await;
    for secret in [published["n"].as_str().unwrap().as_bytes(), RSA_ONE_PUBLIC.as_bytes()] {
        let key = EncodingKey::from_secret(secret).unwrap();
        let token = signed(&key, Algorithm::HS256, "rsa");
        refuses(&door, &token, "algorithm").await;
    }
    for (token, cause) in rsa.strays().into_iter().take(4) {
        refuses(&door, &token, cause).await;
    }
}

#[tokio::test]
async fn a_published_ed25519_key() {
    let door = door_with_published_keys().await;
    let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let key = EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key_raw());
    publish(&door, &[json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig", "alg": "EdDSA", "x": x})]);
    let (status, log) = log_in(&door, &signed(&key, Algorithm::EdDSA, Some("ed"), &claims())).await;
    assert_eq!(status, 200, "{log}");
    refuses(&door, &signed(&ed().own, Algorithm::EdDSA, Some("ed"), &claims()), "signature").await;
}
