//! What sealing a session costs: `cargo bench -p vestibule --bench seal`.
//!
//! Prints a table for `docs/sessions.md`: sizes in bytes, times in microseconds, medians on one core.

#![expect(clippy::print_stdout, reason = "its output is the result")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed run")]

use std::{hint::black_box, time::Instant};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vestibule::{
    random::Random,
    secret::Secret,
    session::{Key, Record, Sealer, SessionId},
};

const NAME: &str = "__Host-vestibule";
/// How often each time is taken; the middle one counts.
const SAMPLES: usize = 101;
/// How many are timed together, so that the clock's own cost vanishes.
const BATCH: u32 = 200;
const NOW: i64 = 1_767_268_800;

/// A JWT with a signature of this many random bytes, which is what makes it hard to deflate.
fn jwt<const SIGNATURE: usize>(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = Random::seeded(1).bytes::<SIGNATURE>();
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode(signature))
}

/// As `FeathersJS` issues it: HS256, and no refresh token.
fn feathers() -> Record {
    let claims = json!({
        "iat": NOW, "exp": NOW + 86_400, "aud": "https://yourdomain.com", "iss": "feathers", "sub": "1042",
        "jti": "0b6f3c1e-8f0a-4f53-9c9e-2f8a54d1c7be",
    });
    let token = jwt::<32>(&json!({"alg": "HS256", "typ": "access"}), &claims);
    record(token, None, &json!({"id": 1042, "email": "ada@example.com", "name": "Ada Lovelace"}))
}

/// As Auth0 issues it: RS256 with an RSA key of 2,048 bits, scopes and permissions; and a refresh token.
fn auth0() -> Record {
    let scope = "openid profile email offline_access read:notes write:notes delete:notes read:attachments";
    let claims = json!({
        "iss": "https://vestibule-demo.eu.auth0.com/", "sub": "auth0|65f1c0ffee5ba5eba11c0de7",
        "aud": ["https://api.example.com/notes", "https://vestibule-demo.eu.auth0.com/userinfo"],
        "iat": NOW, "exp": NOW + 86_400, "scope": scope, "azp": "q7Xb2nVh0sKcT9wYpR4mZ1uLdEfGjAo6",
        "permissions": ["read:notes", "write:notes", "delete:notes", "read:attachments"],
        "https://example.com/roles": ["editor", "reader"],
    });
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "kWc0mFh3nQbZr8sYtVx2A"});
    let refresh = format!("v1.{}", URL_SAFE_NO_PAD.encode(Random::seeded(2).bytes::<48>()));
    let user = json!({
        "sub": "auth0|65f1c0ffee5ba5eba11c0de7", "email": "ada@example.com", "name": "Ada Lovelace",
        "picture": "https://s.gravatar.com/avatar/205e460b479e2e5b48aec07710c08d50?s=480&r=pg&d=retro",
    });
    record(jwt::<256>(&header, &claims), Some(refresh), &user)
}

fn record(access: String, refresh: Option<String>, user: &Value) -> Record {
    Record {
        id: SessionId::random(&Random::seeded(3)),
        access_token: Secret::new(access),
        access_expires_at: Some(NOW + 86_400),
        refresh_due_at: Some(NOW + 86_340),
        refresh_token: refresh.map(Secret::new),
        user: user.to_string(),
        created_at: NOW,
        last_seen_at: NOW,
        issued_at: NOW,
        generation: 0,
        persistent: true,
        user_agent: None,
        changes: 0,
    }
}

/// The middle one of many times, in microseconds.
fn median(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let started = Instant::now();
            (0..BATCH).for_each(|_| work());
            started.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[SAMPLES / 2]
}

fn main() {
    let random = Random::system();
    let keys = [Key::random(&random), Key::random(&random)];
    let sealer = Sealer::new(&keys, random.clone());
    let before = Sealer::new(&keys[1..], random);
    println!("| token | JWT | cookie value | seal | open | open with the second key |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (title, record) in
        [("Feathers-like, HS256, no refresh token", feathers()), ("Auth0-like, RS256, with a refresh token", auth0())]
    {
        let value = sealer.seal(NAME, &record).unwrap();
        let rotated = before.seal(NAME, &record).unwrap();
        assert_eq!(sealer.open(NAME, &rotated).as_ref(), Some(&record));
        println!(
            "| {title} | {} B | {} B | {:.1} µs | {:.1} µs | {:.1} µs |",
            record.access_token.expose().len(),
            value.len(),
            median(|| drop(black_box(sealer.seal(NAME, black_box(&record))))),
            median(|| drop(black_box(sealer.open(NAME, black_box(&value))))),
            median(|| drop(black_box(sealer.open(NAME, black_box(&rotated))))),
        );
    }
}
