//! The shortest forwarder one would write with axum and reqwest: cookie in, `Authorization` out, and
//! no rule of safety whatsoever.
//!
//! `bare LISTEN API_URL`

use std::{env, error::Error, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
    routing::any,
    serve::ListenerExt,
};
use reqwest::Client;

const PREFIX: &str = "/api/proxy";

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Clone)]
struct Api {
    url: Arc<str>,
    client: Client,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [listen, url] = arguments.as_slice() else { return Err("usage: bare LISTEN API_URL".into()) };
    let api = Api { url: url.as_str().into(), client: Client::builder().tcp_nodelay(true).build()? };
    let router = Router::new().route(&format!("{PREFIX}/{{*path}}"), any(forward)).with_state(api);
    let listener = tokio::net::TcpListener::bind(listen).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}

async fn forward(State(api): State<Api>, request: Request) -> Result<Response, StatusCode> {
    let (mut parts, body) = request.into_parts();
    let token = session(&parts.headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let url = format!("{}{}", api.url, target.strip_prefix(PREFIX).unwrap_or(target));
    let has_body =
        parts.headers.contains_key(header::CONTENT_LENGTH) || parts.headers.contains_key(header::TRANSFER_ENCODING);
    parts.headers.remove(header::HOST);
    parts.headers.remove(header::COOKIE);
    let mut call = api.client.request(parts.method, url).headers(parts.headers).bearer_auth(token);
    if has_body {
        call = call.body(reqwest::Body::wrap_stream(body.into_data_stream()));
    }
    let mut answer = call.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    std::mem::swap(response.headers_mut(), answer.headers_mut());
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    *response.body_mut() = Body::from_stream(answer.bytes_stream());
    Ok(response)
}

fn session(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|pair| pair.strip_prefix("session=")).map(str::to_owned)
}
