//! A client that keeps its tokens, and an answer with all that tests look at.

use std::{net::SocketAddr, sync::Once};

use bytes::Bytes;
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{HeaderMap, USER_AGENT},
};
use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse";

/// Calls the API, as somebody or as nobody.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    pub address: SocketAddr,
    pub access_token: Option<String>,
    pub refresh_token: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            rustls::crypto::ring::default_provider().install_default().unwrap();
        });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, address, access_token: None, refresh_token: String::new() }
    }

    /// A request with this client's access token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("http://{}{path}", self.address));
        match &self.access_token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn sign_up(&self, name: &str, email: &str) {
        let body = json!({"email": email, "password": PASSWORD, "name": name});
        self.post("/users", &body).await.expect(StatusCode::CREATED);
    }

    /// The same client with a new session.
    pub async fn log_in(&self, email: &str) -> Self {
        self.log_in_with(email, "test").await
    }

    /// The same client with a new session, begun by this `User-Agent`.
    pub async fn log_in_with(&self, email: &str, user_agent: &str) -> Self {
        let body = json!({"email": email, "password": PASSWORD});
        let request = self.request(Method::POST, "/auth/login").header(USER_AGENT, user_agent);
        let answer = send(request.json(&body)).await.expect(StatusCode::OK);
        self.with_tokens(&answer.json())
    }

    /// The answer to this client's refresh token.
    pub async fn refresh(&self) -> Answer {
        self.post("/auth/refresh", &json!({"refresh_token": self.refresh_token})).await
    }

    /// The same client with the tokens of a log-in or a refresh.
    pub fn with_tokens(&self, tokens: &Value) -> Self {
        Self {
            access_token: Some(text(&tokens["access_token"])),
            refresh_token: text(&tokens["refresh_token"]),
            ..self.clone()
        }
    }

    /// The same client, of an API that moved.
    pub fn at(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// Writes a note, and gives it.
    pub async fn write_note(&self, title: &str, body: &str) -> Value {
        let answer = self.post("/notes", &json!({"title": title, "body": body})).await;
        answer.expect(StatusCode::CREATED).json()
    }
}

/// Sends a request and reads the answer to its end.
pub async fn send(request: RequestBuilder) -> Answer {
    read(request.send().await.unwrap()).await
}

/// Reads an answer to its end.
pub async fn read(response: Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap() }
}

/// The text of a JSON value that is one.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Answer {
    /// Holds the answer against a status; shows all of it when it is another.
    #[track_caller]
    pub fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header, or the empty text.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Holds the answer against the shape of every failure.
    #[track_caller]
    pub fn expect_problem(self, status: StatusCode) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("cache-control"), "no-store");
        let problem = answer.json();
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["title"], status.canonical_reason().unwrap());
        assert_eq!(problem["status"], status.as_u16());
        assert!(problem["detail"].as_str().unwrap().ends_with('.'), "{problem}");
        let challenge = answer.header("www-authenticate").starts_with("Bearer");
        assert_eq!(challenge, status == StatusCode::UNAUTHORIZED, "{answer:?}");
        problem
    }

    /// Holds the answer against a 422 for these fields, in the order of the alphabet.
    #[track_caller]
    pub fn expect_invalid(self, fields: &[&str]) -> Value {
        let problem = self.expect_problem(StatusCode::UNPROCESSABLE_ENTITY);
        let errors = problem["errors"].as_object().unwrap();
        assert_eq!(errors.keys().collect::<Vec<_>>(), fields, "{problem}");
        problem
    }
}
