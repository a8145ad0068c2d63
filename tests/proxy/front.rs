//! A server with nothing but the proxy under test.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;
use vestibule::{
    clock::Clock,
    config::ProxyConfig,
    contract::TokenLocation,
    contract::{Credential, TokenKind, TokenPath, TokenRules},
    proxy::{Proxy, Resolved},
    random::Random,
    same_origin::SameOrigin,
    secret::Secret,
    session::{Record, Session, SessionEndNotifier, SessionId},
};

/// What the session's tokens are in every test.
pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.Zm9yLXRlc3RzLWFsb25lLW5vdC1hLXNpZ25hdHVyZQ";
pub const REFRESH: &str = "rt_7f3a9c51e2b84d06a1c95f0e8b7d3246";
/// The origin that people see; the front listens elsewhere, as behind a TLS terminator.
pub const PUBLIC: &str = "https://app.example";
/// The status by which a front answers what it would log in with.
pub const LOG_IN: StatusCode = StatusCode::IM_A_TEAPOT;

/// What a front is made of.
pub struct Setup {
    pub config: ProxyConfig,
    pub credential: Credential,
    /// Where tokens lie by the contract.
    pub places: Vec<TokenLocation>,
    pub record: Option<Record>,
}

/// A running front. Its server ends with the test's runtime.
#[derive(Clone)]
pub struct Front {
    pub address: SocketAddr,
    pub session: Session,
    pub ends: SessionEndNotifier,
    pub proxy: Proxy,
}

/// A logged-in person.
pub fn record() -> Record {
    Record {
        id: SessionId::random(&Random::system()),
        access_token: Secret::new(TOKEN),
        access_expires_at: None,
        refresh_due_at: None,
        refresh_token: Some(Secret::new(REFRESH)),
        user: "{}".into(),
        created_at: 0,
        last_seen_at: 0,
        issued_at: 0,
        generation: 0,
        persistent: true,
        user_agent: None,
        changes: 0,
    }
}

impl Front {
    /// A front for a logged-in person with the defaults.
    pub async fn to(api: &str) -> Self {
        Self::with(api, |_| ()).await
    }

    /// A front with changes to the defaults.
    pub async fn with(api: &str, change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup {
            config: ProxyConfig::default(),
            credential: Credential::Bearer,
            places: vec![
                TokenLocation::Pointer("/access_token".into()),
                TokenLocation::Pointer("/refresh_token".into()),
            ],
            record: Some(record()),
        };
        change(&mut setup);
        let session = Session::default();
        if let Some(record) = setup.record {
            session.replace(record);
        }
        let ends = SessionEndNotifier::default();
        let paths = vec![
            TokenPath::new("/auth/login", TokenKind::Login),
            TokenPath::new("/auth/refresh", TokenKind::Refresh),
            TokenPath::new("/socket.io", TokenKind::Closed),
            TokenPath::new("/auth/login/providers", TokenKind::Open),
        ];
        let tokens = TokenRules { paths, places: setup.places };
        let (api, public) = (api.parse().unwrap(), PUBLIC.parse().unwrap());
        let proxy =
            Proxy::new(&api, &setup.config, setup.credential, &tokens, &public, Clock::system(), ends.clone()).unwrap();
        Self::serve(session, ends, proxy).await
    }

    /// Another server with the same proxy on a pool of its own.
    pub async fn with_own_pool(&self) -> Self {
        Self::serve(self.session.clone(), self.ends.clone(), self.proxy.with_own_pool()).await
    }

    async fn serve(session: Session, ends: SessionEndNotifier, proxy: Proxy) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let front = Self { address: listener.local_addr().unwrap(), session, ends, proxy };
        let router =
            Router::new().fallback(handle).with_state(front.clone()).layer(SameOrigin::new(&PUBLIC.parse().unwrap()));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        front
    }
}

async fn handle(State(front): State<Front>, mut request: Request<Body>) -> Response {
    request.extensions_mut().insert(front.session.clone());
    match front.proxy.resolve(&request) {
        Ok(Resolved::Forward(target)) => front.proxy.forward(target, request).await,
        Ok(Resolved::Login | Resolved::Issue(..)) => LOG_IN.into_response(),
        Err(problem) => problem.into_response(),
    }
}
