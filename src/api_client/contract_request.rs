//! A call as a contract describes it, before it is sent.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::RequestBuilder;
use serde_json::{Map, Value};

use crate::{
    contract::{Carrier, Encoding, Login, Logout, Method, Refresh, Signup},
    secret::Secret,
};

/// A call of the contract. Its fields may hold a password or a token, so it has no `Debug`.
pub(super) struct ContractRequest {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) encoding: Encoding,
    pub(super) fields: Map<String, Value>,
    pub(super) headers: HeaderMap,
}

impl ContractRequest {
    pub(super) fn log_in(login: &Login, email: &str, password: &Secret) -> Self {
        let mut fields = login.fields.clone();
        fields.insert(login.email_field.clone(), email.into());
        fields.insert(login.password_field.clone(), password.expose().into());
        Self::new(login.method, &login.path, login.encoding, fields)
    }

    pub(super) fn refresh(refresh: &Refresh, token: &Secret) -> Self {
        let mut contract_request = Self::new(refresh.method, &refresh.path, refresh.encoding, refresh.fields.clone());
        contract_request.carry(&refresh.send, token);
        contract_request
    }

    pub(super) fn log_out(logout: &Logout, token: Option<&Secret>) -> Self {
        let mut contract_request = Self::new(logout.method, &logout.path, logout.encoding, logout.fields.clone());
        if let (Some(carrier), Some(token)) = (&logout.send, token) {
            contract_request.carry(carrier, token);
        }
        contract_request
    }

    /// The app's own field names become the API's. A constant field is not for the caller to change.
    pub(super) fn sign_up(sign_up: &Signup, given: Map<String, Value>) -> Self {
        let renamed = given.into_iter().map(|(name, value)| match name.as_str() {
            "email" => (sign_up.email_field.clone(), value),
            "password" => (sign_up.password_field.clone(), value),
            "name" => (sign_up.name_field.clone(), value),
            _ => (name, value),
        });
        let fields = renamed.chain(sign_up.fields.clone()).collect();
        Self::new(sign_up.method, &sign_up.path, sign_up.encoding, fields)
    }

    fn new(method: Method, path: &str, encoding: Encoding, fields: Map<String, Value>) -> Self {
        Self { method, path: path.into(), encoding, fields, headers: HeaderMap::new() }
    }

    /// Puts the refresh token where the API looks for it. One that no header could hold was refused
    /// when it arrived.
    fn carry(&mut self, carrier: &Carrier, token: &Secret) {
        let token = token.expose();
        let (name, value) = match carrier {
            Carrier::Field(name) => {
                self.fields.insert(name.clone(), token.into());
                return;
            }
            Carrier::Header(name) => (HeaderName::try_from(name.as_str()).ok(), HeaderValue::from_str(token)),
            Carrier::Cookie(name) => (Some(header::COOKIE), HeaderValue::from_str(&format!("{name}={token}"))),
            Carrier::Bearer => (Some(header::AUTHORIZATION), HeaderValue::from_str(&format!("Bearer {token}"))),
        };
        if let (Some(name), Ok(mut value)) = (name, value) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
    }

    /// Adds the fields to a request. A GET has no body (RFC 9110 §9.3.1).
    pub(super) fn fill(self, request: RequestBuilder) -> RequestBuilder {
        match (self.method, self.encoding) {
            (Method::Get, _) => request,
            (_, Encoding::Json) => request.json(&self.fields),
            (_, Encoding::Form) => request.form(&form(&self.fields)),
        }
    }
}

/// Form fields are text: numbers and truth values are written as JSON writes them.
pub(super) fn form(fields: &Map<String, Value>) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name.clone(), text.clone()),
            other => (name.clone(), other.to_string()),
        })
        .collect()
}

/// Several cookies in one field, as RFC 6265 §5.4 wants them.
pub(super) fn one_cookie_field(values: &[HeaderValue]) -> Option<HeaderValue> {
    let parts: Vec<&[u8]> = values.iter().map(HeaderValue::as_bytes).collect();
    let mut value = HeaderValue::from_bytes(&parts.join(&b"; "[..])).ok().filter(|value| !value.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::Contract;

    fn refresh(send: &Value) -> ContractRequest {
        let contract =
            Contract::try_from(json!({"preset": "demo", "refresh": {"send": send, "fields": {"a": 1}}})).unwrap();
        ContractRequest::refresh(&contract.refresh.unwrap(), &Secret::new("r"))
    }

    #[test]
    fn a_refresh_token_goes_where_the_api_looks_for_it() {
        let sent = refresh(&json!({"field": "token"}));
        assert_eq!(Value::Object(sent.fields), json!({"a": 1, "token": "r"}));
        assert!(sent.headers.is_empty());
        for (send, name, value) in [
            (json!({"header": "x-refresh"}), "x-refresh", "r"),
            (json!({"cookie": "refreshToken"}), "cookie", "refreshToken=r"),
            (json!("bearer"), "authorization", "Bearer r"),
        ] {
            let sent = refresh(&send);
            assert_eq!(sent.headers[name], value);
            assert!(sent.headers[name].is_sensitive());
            assert_eq!(Value::Object(sent.fields), json!({"a": 1}));
        }
    }

    #[test]
    fn a_sign_up_speaks_the_names_of_the_api() {
        let contract = Contract::try_from(json!({
            "preset": "demo",
            "sign_up": {"email_field": "mail", "name_field": "fullName", "fields": {"role": "user"}},
        }))
        .unwrap();
        let Value::Object(given) = json!({"email": "e", "password": "p", "name": "n", "role": "admin", "city": "c"})
        else {
            unreachable!()
        };
        let sent = ContractRequest::sign_up(&contract.sign_up.unwrap(), given);
        assert_eq!(
            Value::Object(sent.fields),
            json!({"mail": "e", "password": "p", "fullName": "n", "role": "user", "city": "c"})
        );
    }

    #[test]
    fn form_fields_are_text() {
        let Value::Object(fields) = json!({"a": "x y", "b": 1, "c": true}) else { unreachable!() };
        let form = form(&fields);
        assert_eq!(form, [("a".into(), "x y".into()), ("b".into(), "1".into()), ("c".into(), String::from("true"))]);
    }
}
