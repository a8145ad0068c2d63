//! The user object, in which there is never a token: it is for pages.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{
    contract::{Contract, TokenLocation},
    secret::Secret,
};

/// A shorter token would be found by chance within a longer text, in bytes.
const MIN_TOKEN: usize = 12;

/// Takes every token out of a user object, with its key: what holds one of `secrets`, what is a JWT, and whatever lies
/// where the contract has tokens. Gives the JSON pointers of what it took.
pub(crate) fn strip(user: &mut Value, secrets: &[&Secret], contract: Option<&Contract>) -> Vec<String> {
    let mut taken = Vec::new();
    for pointer in contract.into_iter().flat_map(places) {
        taken.extend(remove(user, &pointer).then_some(pointer));
    }
    if user.as_str().is_some_and(|text| is_token(text, secrets)) {
        *user = Value::Null;
        taken.push(String::new());
    }
    strip_below(user, secrets, "", &mut taken);
    taken
}

/// Takes a field or an item out of a JSON value; tells whether it was there.
pub(crate) fn remove(value: &mut Value, pointer: &str) -> bool {
    if pointer.is_empty() {
        let was_there = !value.is_null();
        *value = Value::Null;
        return was_there;
    }
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let name = name.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(fields)) => fields.remove(&name).is_some(),
        Some(Value::Array(items)) => {
            let index = name.parse().ok().filter(|index| *index < items.len());
            index.map(|index: usize| items.remove(index)).is_some()
        }
        _ => false,
    }
}

/// Where the contract's tokens would lie within the user object.
fn places(contract: &Contract) -> Vec<String> {
    let tokens = &contract.tokens;
    let pointers = std::iter::once(&tokens.access_token).chain(&tokens.refresh_token).filter_map(|place| match place {
        TokenLocation::Pointer(pointer) => Some(pointer),
        TokenLocation::Cookie(_) | TokenLocation::Header(_) => None,
    });
    let starts = [contract.user.login.as_ref(), Some(&contract.user.pointer)];
    let below = |pointer: &String| {
        let rest = |start: &String| pointer.strip_prefix(start.as_str()).filter(|rest| rest.starts_with('/'));
        starts.into_iter().flatten().filter_map(rest).map(str::to_owned).collect::<Vec<_>>()
    };
    pointers.flat_map(below).collect()
}

fn strip_below(value: &mut Value, secrets: &[&Secret], at: &str, taken: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.retain(|name, value| {
            // A token may also be a field's name.
            let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            if is_token(name, secrets) {
                taken.push(format!("{at}/[redacted]"));
                return false;
            }
            keep(value, secrets, pointer, taken)
        }),
        Value::Array(items) => {
            let mut index = 0_usize;
            items.retain_mut(|value| {
                let pointer = format!("{at}/{index}");
                index += 1;
                keep(value, secrets, pointer, taken)
            });
        }
        _ => {}
    }
}

fn keep(value: &mut Value, secrets: &[&Secret], pointer: String, taken: &mut Vec<String>) -> bool {
    if value.as_str().is_some_and(|text| is_token(text, secrets)) {
        taken.push(pointer);
        return false;
    }
    strip_below(value, secrets, &pointer, taken);
    true
}

fn is_token(text: &str, secrets: &[&Secret]) -> bool {
    let holds = |secret: &&Secret| {
        let token = secret.expose();
        text == token || (token.len() >= MIN_TOKEN && text.contains(token))
    };
    secrets.iter().any(holds) || is_jwt(text)
}

/// Whether a text is a JWT, signed or encrypted (RFC 7519 §3), perhaps after the name of its scheme.
fn is_jwt(text: &str) -> bool {
    let text = text.trim().rsplit(' ').next().unwrap_or_default();
    let parts: Vec<&str> = text.split('.').collect();
    let is_encoded = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte));
    if !matches!(parts.len(), 3 | 5) || !parts.iter().all(is_encoded) {
        return false;
    }
    let header = URL_SAFE_NO_PAD.decode(parts[0].trim_end_matches('=')).ok();
    let header = header.and_then(|header| serde_json::from_slice::<Value>(&header).ok());
    header.is_some_and(|header| header.get("alg").is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";

    fn stripped(mut user: Value) -> (Value, Vec<String>) {
        let (access, refresh) = (Secret::new("opaque-access-token"), Secret::new("short"));
        let taken = strip(&mut user, &[&access, &refresh], None);
        (user, taken)
    }

    #[test]
    fn takes_every_token_out_with_its_key() {
        let (user, taken) = stripped(json!({
            "email": "ada@example.com",
            "token": "opaque-access-token",
            "refresh": "short",
            "links": {"me": "https://api.example/me?token=opaque-access-token", "home": "/"},
            "devices": [{"jwt": JWT, "name": "phone"}, format!("Bearer {JWT}"), "x"],
            "a/b": {JWT: 1},
        }));
        assert_eq!(
            user,
            json!({
                "email": "ada@example.com", "links": {"home": "/"}, "devices": [{"name": "phone"}, "x"], "a/b": {},
            })
        );
        for pointer in ["/token", "/refresh", "/links/me", "/devices/0/jwt", "/devices/1", "/a~1b/[redacted]"] {
            assert!(taken.iter().any(|it| it == pointer), "{pointer}: {taken:?}");
        }
        assert_eq!(taken.len(), 6);
        assert_eq!(stripped(json!(JWT)), (Value::Null, vec![String::new()]));
    }

    #[test]
    fn leaves_the_rest() {
        let user = json!({
            "name": "A short story", "version": "1.2.3", "site": "www.example.com", "id": 7, "mail": "a.b.c", "none": null,
            "file": "eyJh.b.c",
        });
        assert_eq!(stripped(user.clone()), (user, vec![]));
    }

    #[test]
    fn knows_where_the_contract_has_its_tokens() {
        let contract = Contract::try_from(json!({
            "login": {"path": "/login"}, "tokens": {"access_token": "/user/token", "refresh_token": "/refresh"},
            "user": {"login": "/user", "pointer": ""},
        }))
        .unwrap();
        let mut user = json!({"token": "another one", "refresh": "as well", "email": "ada@example.com"});
        assert_eq!(strip(&mut user, &[], Some(&contract)), ["/token", "/refresh"]);
        assert_eq!(user, json!({"email": "ada@example.com"}));
    }

    #[test]
    fn removes_what_a_pointer_names() {
        let mut value = json!({"a": {"b/c": 1, "d": [1, 2]}});
        for (pointer, found) in [("/a/b~1c", true), ("/a/d/0", true), ("/a/d/7", false), ("/x/y", false), ("a", false)]
        {
            assert_eq!(remove(&mut value, pointer), found, "{pointer}");
        }
        assert_eq!(value, json!({"a": {"d": [2]}}));
    }
}
