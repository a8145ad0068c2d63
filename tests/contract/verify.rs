//! The optional check of the token's signature when it arrives.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use crate::{
    api::{Reply, jwt},
    door::{Door, EMAIL, START, log_in_with},
    journal::Journal,
};

pub fn claims() -> Value {
    json!({"iss": "https://api.example", "aud": ["vestibule"], "email": EMAIL, "exp": START + 900})
}

pub fn signed(key: &EncodingKey, algorithm: Algorithm, id: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: id.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, key).unwrap()
}

fn ec_key() -> (EncodingKey, String) {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    (EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap(), pair.public_key_pem())
}

pub fn contract(verify: &Value) -> Value {
    json!({"preset": "demo", "user": {"keep": ["email"]}, "verify": verify})
}

/// Logs in with a token; answers the status and the cause in the log.
pub async fn log_in(door: &Door, token: &str) -> (u16, String) {
    let body = json!({"access_token": token, "user": {"email": EMAIL}});
    door.api.on("POST /auth/login", Reply::json(200, &body));
    let (journal, guard) = Journal::open();
    let answer = log_in_with(&mut door.browser()).await;
    drop(guard);
    assert_eq!(answer.set_cookies().is_empty(), !answer.status.is_success(), "{answer:?}");
    assert!(!journal.text().contains(token));
    (answer.status.as_u16(), journal.errors().join("\n"))
}

pub async fn refuses(door: &Door, token: &str, cause: &str) {
    let (status, log) = log_in(door, token).await;
    assert_eq!(status, 502, "{cause}");
    assert!(log.contains(cause), "{cause}: {log}");
}

#[tokio::test]
async fn a_shared_secret() {
    let door = Door::open(contract(&json!({
        "secret": "open sesame", "issuer": "https://api.example", "audience": "vestibule",
    })))
    .await;
    let key = EncodingKey::from_secret(b"open sesame");
    let with = |change: Value| {
        let mut claims = claims();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        signed(&key, Algorithm::HS256, None, &claims)
    };
    assert_eq!(log_in(&door, &with(json!({}))).await.0, 200);
    refuses(&door, &jwt(&claims()), "signature").await;
    refuses(&door, &signed(&EncodingKey::from_secret(b"other"), Algorithm::HS256, None, &claims()), "signature").await;
    refuses(&door, &signed(&key, Algorithm::HS512, None, &claims()), "algorithm").await;
    refuses(&door, &with(json!({"iss": "https://evil.example"})), "`iss`").await;
    refuses(&door, &with(json!({"iss": null})), "`iss`").await;
    refuses(&door, &with(json!({"aud": "another"})), "`aud`").await;
    refuses(&door, &with(json!({"nbf": START + 600})), "`nbf`").await;
    refuses(&door, "opaque", "no JWT").await;
}

#[tokio::test]
async fn a_token_without_a_signature_is_never_accepted() {
    let (key, pem) = ec_key();
    drop(key);
    for verify in [json!({"secret": "open sesame"}), json!({"public_key": pem})] {
        let door = Door::open(contract(&verify)).await;
        let own = jwt(&claims());
        let payload = own.split('.').nth(1).unwrap();
        // {"alg":"none"}, in the spellings that once were holes.
        for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJOb25lIn0", "eyJhbGciOiJOT05FIn0"] {
            refuses(&door, &format!("{header}.{payload}."), "no JWT with an algorithm").await;
            refuses(&door, &format!("{header}.{payload}.c2ln"), "no JWT with an algorithm").await;
        }
    }
}

/// A set of published keys.
fn published(keys: &[(&EncodingKey, &str)]) -> Reply {
    let keys: Vec<Value> = keys
        .iter()
        .map(|(key, id)| {
            let mut jwk = Jwk::from_encoding_key(key, Algorithm::ES256).unwrap();
            jwk.common.key_id = Some((*id).into());
            serde_json::to_value(jwk).unwrap()
        })
        .chain([json!({"kty": "unheard-of", "kid": "x"}), json!({"kty": "oct", "kid": "oct", "k": "c2VjcmV0"})])
        .collect();
    Reply::json(200, &json!({"keys": keys}))
}

#[tokio::test]
async fn published_keys_are_kept_and_a_new_one_is_found() {
    let door = Door::open(contract(&json!({"jwks_url": "/.well-known/jwks.json"}))).await;
    let ((old, _), (new, _)) = (ec_key(), ec_key());
    let token = |key, id| signed(key, Algorithm::ES256, Some(id), &claims());
    let fetches = || door.api.seen("GET /.well-known/jwks.json").len();

    door.api.on("GET /.well-known/jwks.json", published(&[(&old, "1")]));
    assert_eq!(log_in(&door, &token(&old, "1")).await.0, 200);
    assert_eq!(log_in(&door, &token(&old, "1")).await.0, 200);
    assert_eq!(fetches(), 1, "kept");

    refuses(&door, &token(&new, "2"), "no key has its key id").await;
    assert_eq!(fetches(), 1, "not asked again at once");
    door.clock.advance(31);
    door.api.on("GET /.well-known/jwks.json", published(&[(&old, "1"), (&new, "2")]));
    assert_eq!(log_in(&door, &token(&new, "2")).await.0, 200, "rotated");
    assert_eq!(log_in(&door, &token(&old, "1")).await.0, 200);
    assert_eq!(fetches(), 2);
    refuses(&door, &token(&old, "2"), "signature").await;
    let secret = EncodingKey::from_secret(b"secret");
    refuses(&door, &signed(&secret, Algorithm::HS256, Some("oct"), &claims()), "no key has its key id").await;

    door.clock.advance(100);
    door.api.on("GET /.well-known/jwks.json", Reply::json(503, &json!({})));
    assert_eq!(log_in(&door, &token(&new, "2")).await.0, 200, "fresh enough");
    door.clock.advance(601);
    let claims = json!({"email": EMAIL, "exp": START + 3600});
    let later = signed(&new, Algorithm::ES256, Some("2"), &claims);
    let (status, log) = log_in(&door, &later).await;
    assert_eq!(status, 200, "yesterday's keys are better than none");
    assert!(log.contains("verify.jwks_url") && log.contains("503"), "{log}");
}

#[tokio::test]
async fn without_published_keys_nobody_logs_in() {
    let door = Door::open(contract(&json!({"jwks_url": "/keys"}))).await;
    let token = signed(&ec_key().0, Algorithm::ES256, Some("1"), &claims());
    for (reply, cause) in [
        (Reply::json(404, &json!({})), "unexpected status 404"),
        (Reply::text(200, "text/html", "<p>"), "no JSON"),
        (Reply::json(200, &json!({"keys": []})), "none that can be used"),
    ] {
        door.api.on("GET /keys", reply);
        refuses(&door, &token, cause).await;
    }
}

#[tokio::test]
async fn a_refreshed_token_is_checked_as_well() {
    let door = Door::open(contract(&json!({"secret": "open sesame"}))).await;
    let key = EncodingKey::from_secret(b"open sesame");
    let body = json!({
        "access_token": signed(&key, Algorithm::HS256, None, &claims()), "refresh_token": "r", "expires_in": 900,
        "user": {"email": EMAIL},
    });
    door.api.on("POST /auth/login", Reply::json(200, &body));
    let mut ada = door.logged_in().await;
    let forged = json!({"access_token": jwt(&claims()), "expires_in": 900});
    door.api.on("POST /auth/refresh", Reply::json(200, &forged)).on("GET /notes", Reply::json(200, &json!([])));
    door.clock.advance(850);
    let (journal, guard) = Journal::open();
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    drop(guard);
    assert!(journal.text().contains("signature"), "{}", journal.text());
    let sent = door.api.seen("GET /notes").remove(0);
    assert_eq!(sent.header("authorization"), format!("Bearer {}", body["access_token"].as_str().unwrap()));
}
