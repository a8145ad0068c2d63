//! The API client: one call for both sides.
//!
//! On the server a call goes straight to the API, with the session's token. In the browser the same
//! call goes to `/api/proxy`, and the token is added there. Pages call the functions of the modules
//! here, one module for each resource of the API, and need not know on which side they run.

pub(crate) mod account;
pub(crate) mod attachment;
#[cfg(not(feature = "ssr"))]
pub(crate) mod browser;
pub(crate) mod note;
mod pairs;
pub(crate) mod problem;
#[cfg(feature = "ssr")]
mod server;
pub(crate) mod session;

use std::fmt;

use serde::{
    Deserializer, Serialize,
    de::{DeserializeOwned, Error, Visitor},
};

pub(crate) use self::problem::Problem;
use crate::json;
#[cfg(not(feature = "ssr"))]
use browser as transport;
#[cfg(feature = "ssr")]
use server as transport;

/// Where the server forwards calls of the browser to the API.
pub(crate) const PROXY: &str = "/api/proxy";

/// A call to the API: `Request::get("/notes/1").call::<Note>().await`.
#[derive(Debug)]
pub(crate) struct Request {
    method: &'static str,
    /// Path and query, from the API's base URL.
    path: String,
    /// A JSON text.
    body: Option<String>,
    if_match: Option<String>,
}

impl Request {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path.into())
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new("POST", path.into())
    }

    pub(crate) fn patch(path: impl Into<String>) -> Self {
        Self::new("PATCH", path.into())
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new("DELETE", path.into())
    }

    fn new(method: &'static str, path: String) -> Self {
        Self { method, path, body: None, if_match: None }
    }

    /// Sends a value as JSON.
    pub(crate) fn json(mut self, value: &impl Serialize) -> Self {
        self.body = json::write(value);
        self
    }

    /// Lets the API refuse with 412 when the resource has changed since it had this `ETag`
    /// (RFC 9110 §13.1.1). Without an `ETag` there is no such check.
    pub(crate) fn if_match(mut self, etag: Option<String>) -> Self {
        self.if_match = etag;
        self
    }

    /// Sends the request, and takes a status other than 2xx for a problem.
    ///
    /// # Errors
    /// What to tell the person. A 401 by which the session has ended leads to the log-in page as well.
    pub(crate) async fn send(self) -> Result<Answer, Problem> {
        let answer = transport::send(self).await?;
        // A session that was begun or renewed a moment ago outlives a 401: to ask for another log-in
        // would lead in a circle.
        if answer.status == 401 && transport::is_still_logged_in().await {
            return Err(Problem::refused());
        }
        answer.success()
    }

    /// Sends the request and reads the answer's JSON.
    ///
    /// # Errors
    /// As [`Request::send`].
    pub(crate) async fn call<T: DeserializeOwned>(self) -> Result<T, Problem> {
        self.send().await?.json()
    }
}

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    /// The version of the resource, where the API tells one.
    pub(crate) etag: Option<String>,
    body: String,
}

impl Answer {
    /// Reads the body.
    ///
    /// # Errors
    /// When it is not the JSON that was asked for.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        json::read(&self.body).ok_or_else(|| Problem::of_status(502))
    }

    fn success(self) -> Result<Self, Problem> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(Problem::of_answer(self.status, &self.body)) }
    }
}

/// Reads an id: a text, or a number as some APIs have it.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Id;
    impl Visitor<'_> for Id {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a whole number")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }
    deserializer.deserialize_any(Id)
}
