//! A small application in front of an API with a contract of the test's own.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use vestibule::{
    Vestibule,
    api_client::{ApiCall, ApiError},
    clock::Clock,
    config::{Config, LoginConfig},
    contract::Contract,
    problem::ProblemDetails,
    random::Random,
    secret::Secret,
    session::{Session, User},
};

use crate::{
    api::Api,
    browser::{Answer, Browser},
};

/// When the tests begin, in seconds since the epoch.
pub const START: i64 = 1_767_268_800;
pub const EMAIL: &str = "ada@example.com";
pub const PASSWORD: &str = "open sesame";

pub struct Door {
    pub api: Api,
    pub clock: Clock,
    origin: String,
}

impl Door {
    /// Opens in front of a new API, which speaks `contract`.
    pub async fn open(contract: Value) -> Self {
        Self::with(contract, |_| {}).await
    }

    pub async fn with(contract: Value, change: impl FnOnce(&mut Config)) -> Self {
        let api = Api::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let mut config = Config::new(origin.parse().unwrap());
        config.api.url = Some(api.url().parse().unwrap());
        config.api.contract = Contract::try_from(contract).unwrap();
        // These tests log in more often than a person would.
        config.login = LoginConfig::unlimited();
        change(&mut config);
        let clock = Clock::manual(START);
        let vestibule = Vestibule::with(config, clock.clone(), Random::seeded(5)).unwrap();
        let pages = Router::new()
            .route("/login", post(log_in))
            .route("/signup", post(sign_up))
            .route("/logout", post(log_out))
            .route("/who", get(who))
            .route("/me", get(me))
            .route("/number", get(number))
            .route("/page", get(page))
            .route("/rename", post(rename))
            .with_state(vestibule.clone());
        let app = vestibule.guard(pages.merge(vestibule.routes()));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { api, clock, origin }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// A browser that has logged in.
    pub async fn logged_in(&self) -> Browser {
        let mut browser = self.browser();
        let answer = log_in_with(&mut browser).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        browser
    }
}

pub async fn log_in_with(browser: &mut Browser) -> Answer {
    let request = browser.request(reqwest::Method::POST, "/login");
    browser.send(request.json(&json!({"email": EMAIL, "password": PASSWORD}))).await
}

async fn log_in(State(vestibule): State<Vestibule>, session: Session, Json(fields): Json<Value>) -> Response {
    let text = |name: &str| fields[name].as_str().unwrap().to_owned();
    answer(vestibule.login(&session, &text("email"), &Secret::new(text("password"))).await)
}

async fn sign_up(
    State(vestibule): State<Vestibule>,
    session: Session,
    Json(fields): Json<Map<String, Value>>,
) -> Response {
    answer(vestibule.signup(&session, fields).await)
}

fn answer(result: Result<Value, ApiError>) -> Response {
    match result {
        Ok(user) => Json(user).into_response(),
        Err(failure) if failure.fields.is_empty() => {
            ProblemDetails::new(failure.status, failure.message).into_response()
        }
        Err(failure) => (failure.status, Json(json!({"errors": failure.fields}))).into_response(),
    }
}

async fn log_out(State(vestibule): State<Vestibule>, session: Session) -> StatusCode {
    vestibule.logout(&session).await;
    StatusCode::NO_CONTENT
}

async fn who(session: Session) -> Json<Value> {
    Json(session.user().unwrap_or_default())
}

#[derive(Deserialize)]
struct Me {
    email: String,
}

async fn me(User(me): User<Me>) -> String {
    me.email
}

/// Takes the user for what it never is.
async fn number(User(number): User<u64>) -> String {
    number.to_string()
}

/// A page that is made of a call to the API; answers that one's fields and body.
async fn page(State(vestibule): State<Vestibule>, session: Session) -> Response {
    match vestibule.call(&session, ApiCall::new(axum::http::Method::GET, "/page")).await {
        Ok(answer) => (answer.status, answer.headers, answer.body).into_response(),
        Err(failure) => answer_failure(failure),
    }
}

/// Takes whatever it is given for the person.
async fn rename(session: Session, Json(user): Json<Value>) -> StatusCode {
    session.set_user(&user);
    StatusCode::NO_CONTENT
}

fn answer_failure(failure: ApiError) -> Response {
    answer(Err(failure))
}
