//! The optional check of the token's signature when it arrives.

use std::time::Duration;

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
    let key = EncodingKey::from_secret(b"open sesame").unwrap();
    let with = |change: Value| {
        let mut claims = claims();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        signed(&key, Algorithm::HS256, None, &claims)
    };
    assert_eq!(log_in(&door, &with(json!({}))).await.0, 200);
    refuses(&door, &jwt(&claims()), "signature").await;
    refuses(
        &door,
        &signed(&EncodingKey::from_secret(b"other").unwrap(), Algorithm::HS256, None, &claims()),
        "signature",
    )
    .await;
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
    let secret = EncodingKey::from_secret(b"secret").unwrap();
    refuses(&door, &signed(&secret, Algorithm::HS256, Some("oct"), &claims()), "no key has its key id").await;

    door.clock.advance(100);
    door.api.on("GET /.well-known/jwks.json", Reply::json(503, &json!({})));
    assert_eq!(log_in(&door, &token(&new, "2")).await.0, 200, "fresh enough");
    door.clock.advance(601);
    let claims = json!({"email": EMAIL, "exp": START + 3600});
    let later = signed(&new, Algorithm::ES256, Some("2"), &claims);
    let before = fetches();
    door.api.on("POST /auth/login", Reply::json(200, &json!({"access_token": later, "user": {"email": EMAIL}})));
    let (journal, guard) = Journal::open();
    for _ in 0..2 {
        let answer = log_in_with(&mut door.browser()).await;
        assert_eq!(answer.status, 200, "yesterday's keys are better than none");
    }
    until(|| journal.text().contains("verify.jwks_url") && journal.text().contains("503")).await;
    drop(guard);
    assert_eq!(fetches(), before + 1, "behind the log-ins, and not again at once");
}

async fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..4_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("in vain");
}

#[tokio::test]
async fn a_silent_key_server_holds_log_ins_for_one_time_limit_together() {
    let set = "GET /keys";
    let door = Door::with(contract(&json!({"jwks_url": "/keys"})), |config| config.api.timeout = 1.0).await;
    let (key, _) = ec_key();
    door.api.on(set, Reply { delay: Duration::from_mins(1), ..published(&[(&key, "1")]) });
    let token = signed(&key, Algorithm::ES256, Some("1"), &claims());
    door.api.on("POST /auth/login", Reply::json(200, &json!({"access_token": token, "user": {"email": EMAIL}})));
    let crowd = (0..6).map(|_| {
        let mut browser = door.browser();
        async move { log_in_with(&mut browser).await.status.as_u16() }
    });
    assert_eq!(futures_util::future::join_all(crowd).await, [504; 6]);
    assert_eq!(log_in_with(&mut door.browser()).await.status, 504, "at once");
    assert_eq!(door.api.seen(set).len(), 1, "one call for all of them");
    door.clock.advance(30);
    door.api.on(set, published(&[(&key, "1")]));
    assert_eq!(log_in_with(&mut door.browser()).await.status, 200);
}

/// The refresh token that was spent for it is worth nothing any more.
#[tokio::test]
async fn the_next_refresh_token_is_kept_whatever_is_wrong_with_the_access_token() {
    let key = EncodingKey::from_secret(b"open sesame").unwrap();
    let good = |name: &str| {
        let claims = json!({"iss": "x", "email": EMAIL, "exp": START + 86_400, "jti": name});
        signed(&key, Algorithm::HS256, None, &claims)
    };
    let answer = |access: Value, refresh: &str| {
        let body = json!({
            "access_token": access, "refresh_token": refresh, "expires_in": 900, "user": {"email": EMAIL},
        });
        Reply::json(200, &body)
    };
    for wrong in [json!(jwt(&claims())), Value::Null, json!(7)] {
        let door = Door::open(contract(&json!({"secret": "open sesame"}))).await;
        door.api.on("POST /auth/login", answer(json!(good("1")), "r1")).on("GET /notes", Reply::json(200, &json!([])));
        let mut ada = door.logged_in().await;
        door.api.on("POST /auth/refresh", answer(wrong, "r2"));
        door.clock.advance(850);
        for _ in 0..3 {
            assert_eq!(ada.get("/api/proxy/notes").await.status, 200, "with the former token");
        }
        assert_eq!(door.api.seen("POST /auth/refresh").len(), 1, "not again at once");
        door.api.on("POST /auth/refresh", answer(json!(good("2")), "r3"));
        door.clock.advance(100);
        assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
        let sent: Vec<_> =
            door.api.seen("POST /auth/refresh").iter().map(|seen| seen.json()["refresh_token"].clone()).collect();
        assert_eq!(sent, ["r1", "r2"]);
        let used = door.api.seen("GET /notes").pop().unwrap();
        assert_eq!(used.header("authorization"), format!("Bearer {}", good("2")));
    }
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
        refuses(&door, &token, cause).await;
        door.clock.advance(30);
    }
}

#[tokio::test]
async fn a_refreshed_token_is_checked_as_well() {
    let door = Door::open(contract(&json!({"secret": "open sesame"}))).await;
    let key = EncodingKey::from_secret(b"open sesame").unwrap();
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
