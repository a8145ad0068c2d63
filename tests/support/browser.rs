//! A client that keeps cookies and says where a request comes from, as a browser does.

use std::collections::BTreeMap;

use reqwest::{
    Client, Method, RequestBuilder, StatusCode,
    header::{COOKIE, HeaderMap, SET_COOKIE},
    redirect::Policy,
};

/// One browser with its cookies.
#[derive(Clone)]
pub struct Browser {
    client: Client,
    origin: String,
    /// Those of the session.
    pub cookies: BTreeMap<String, String>,
    /// The marks of a known browser, which outlive the session.
    pub marks: BTreeMap<String, String>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Browser {
    pub fn new(origin: impl Into<String>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { client, origin: origin.into(), cookies: BTreeMap::new(), marks: BTreeMap::new() }
    }

    /// A request of a page's own script to its own origin.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.origin))
            .header("sec-fetch-site", "same-origin")
            .header("origin", &self.origin);
        let pairs: Vec<_> =
            self.cookies.iter().chain(&self.marks).map(|(name, value)| format!("{name}={value}")).collect();
        if !pairs.is_empty() {
            request = request.header(COOKIE, pairs.join("; "));
        }
        request
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(fields)).await
    }

    /// Sends, and keeps the cookies of the answer.
    pub async fn send(&mut self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        self.keep_cookies(response.headers());
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    /// Keeps and removes cookies as an answer says.
    pub fn keep_cookies(&mut self, headers: &HeaderMap) {
        for value in headers.get_all(SET_COOKIE) {
            let cookie = cookie::Cookie::parse(value.to_str().unwrap().to_owned()).unwrap();
            let kept = if cookie.name().ends_with("-known") { &mut self.marks } else { &mut self.cookies };
            if cookie.max_age().is_some_and(|age| age <= cookie::time::Duration::ZERO) {
                kept.remove(cookie.name());
            } else {
                kept.insert(cookie.name().into(), cookie.value().into());
            }
        }
    }
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The `Set-Cookie` values.
    pub fn set_cookies(&self) -> Vec<String> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap().into()).collect()
    }
}
