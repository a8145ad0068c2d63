//! A small application with the guard around it, a stub API behind it, and a clock that stands still.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::net::TcpListener;
use vestibule::{
    Vestibule, clock::Clock, config::Config, error::Problem, random::Random, secret::Secret, session::Session,
};

use crate::support::{
    browser::Browser,
    stub::{PASSWORD, Stub},
};

/// When the tests begin, in seconds since the epoch.
pub const START: i64 = 1_767_268_800;

pub struct Hall {
    pub stub: Stub,
    pub clock: Clock,
    pub origin: String,
}

impl Hall {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// Opens with a changed configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let stub = Stub::start().await;
        stub.memory().expires_in = Some(900);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let mut config = Config::new(origin.parse().unwrap());
        config.api.url = Some(stub.url().parse().unwrap());
        change(&mut config);
        let clock = Clock::manual(START);
        let vestibule = Vestibule::with(config, clock.clone(), Random::seeded(9)).unwrap();
        let pages = Router::new()
            .route("/login/{email}", post(log_in))
            .route("/logout", post(log_out))
            .route("/who", get(who))
            .with_state(vestibule.clone());
        let app = vestibule.guard(pages.merge(vestibule.routes()));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { stub, clock, origin }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// A browser with somebody logged in.
    pub async fn logged_in(&self, email: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.post_form(&format!("/login/{email}"), &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        browser
    }
}

async fn log_in(
    State(vestibule): State<Vestibule>,
    axum::extract::Path(email): axum::extract::Path<String>,
    session: Session,
) -> Response {
    match vestibule.log_in(&session, &email, &Secret::new(PASSWORD)).await {
        Ok(user) => axum::Json(user).into_response(),
        Err(failure) => Problem::new(failure.status, failure.message).into_response(),
    }
}

async fn log_out(State(vestibule): State<Vestibule>, session: Session) -> StatusCode {
    vestibule.log_out(&session).await;
    StatusCode::NO_CONTENT
}

async fn who(session: Session) -> String {
    session.user().map_or_else(|| "nobody".into(), |user| user["email"].as_str().unwrap().into())
}
