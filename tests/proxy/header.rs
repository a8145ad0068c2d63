//! Which fields pass, which stop, which are made.

use axum::{body::Body, http::StatusCode};
use http::HeaderName;
use vestibule::contract::Credential;

use crate::{
    client::{get, request, send},
    front::{Front, PUBLIC, TOKEN},
    stub::{Seen, Stub, with},
};

/// What the upstream sees of a GET with these fields.
async fn seen(fields: &[(&str, &str)], change: impl FnOnce(&mut crate::front::Setup)) -> Seen {
    let stub = Stub::start().await;
    let front = Front::with(&stub.url(), change).await;
    let mut builder = request("GET", "/api/proxy/notes");
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    let answer = send(front.address, builder.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    stub.one()
}

/// What the client sees of an answer with these fields.
async fn answered(
    fields: &'static [(&'static str, &'static str)],
    change: impl FnOnce(&mut crate::front::Setup),
) -> crate::client::Answer {
    let stub = Stub::answering(|_| with(fields, "x")).await;
    let front = Front::with(&stub.url(), change).await;
    send(front.address, get("/api/proxy/notes")).await
}

#[tokio::test]
async fn sends_exactly_one_credential_and_none_of_the_clients() {
    let forged = [
        ("authorization", "Bearer forged"),
        ("authorization", "Basic forged"),
        ("cookie", "__Host-vestibule=sealed"),
        ("cookie", "session=forged"),
        ("proxy-authorization", "Basic forged"),
        ("proxy_authorization", "Basic forged"),
        ("auth-token", "forged"),
        ("auth_token", "forged"),
    ];
    let bearer = format!("Bearer {TOKEN}");
    let cookie = format!("accessToken={TOKEN}");
    for (credential, name, value) in [
        (Credential::Bearer, "authorization", bearer.as_str()),
        (Credential::Bare, "authorization", TOKEN),
        (Credential::Header(HeaderName::from_static("auth-token")), "auth-token", TOKEN),
        (Credential::Cookie("accessToken".into()), "cookie", cookie.as_str()),
    ] {
        let own_header = matches!(credential, Credential::Header(_));
        let seen = seen(&forged, |setup| setup.credential = credential).await;
        assert_eq!(seen.all(name), [value]);
        let forged: Vec<_> =
            seen.headers.iter().filter(|(_, value)| value.to_str().unwrap().contains("forged")).collect();
        assert!(forged.iter().all(|(name, _)| !own_header && name.as_str().starts_with("auth")), "{forged:?}");
        assert!(!seen.headers.values().any(|value| value.to_str().unwrap().contains("sealed")));
    }
}

#[tokio::test]
async fn sends_no_credential_without_a_session() {
    let seen = seen(&[("authorization", "Bearer forged"), ("cookie", "a=b")], |setup| setup.record = None).await;
    assert!(seen.all("authorization").is_empty() && seen.all("cookie").is_empty());
}

#[tokio::test]
async fn stops_fields_of_one_connection_both_ways() {
    let fields = [
        ("connection", "keep-alive, X-Secret-Hop"),
        ("connection", "x-other"),
        ("x-secret-hop", "1"),
        ("x-other", "1"),
        ("keep-alive", "timeout=9"),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAoAAA"),
        ("x-passes", "1"),
    ];
    let seen = seen(&fields, |_| ()).await;
    for name in
        ["connection", "x-secret-hop", "x-other", "keep-alive", "proxy-connection", "te", "upgrade", "http2-settings"]
    {
        assert!(seen.all(name).is_empty(), "{name}");
    }
    assert_eq!(seen.all("x-passes"), ["1"]);

    let upstream = crate::stub::raw(|_, mut stream| async move {
        use tokio::io::AsyncWriteExt;
        crate::stub::read_head(&mut stream).await.unwrap();
        let head = "HTTP/1.1 200 OK\r\nconnection: X-Hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\nupgrade: h2c\r\n";
        stream.write_all(format!("{head}x-passes: 1\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
    })
    .await;
    let front = Front::to(&format!("http://{upstream}")).await;
    let answer = send(front.address, get("/api/proxy/")).await;
    for name in ["connection", "x-hop", "keep-alive", "proxy-authenticate", "upgrade"] {
        assert!(answer.all(name).is_empty(), "{name}");
    }
    assert_eq!(answer.header("x-passes"), "1");
}

#[tokio::test]
async fn tells_the_upstream_who_asks_and_by_whom() {
    let claims = [
        ("x-forwarded-for", "10.9.9.9"),
        ("x_forwarded_for", "10.9.9.9"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "/evil"),
        ("x-real-ip", "10.9.9.9"),
        ("x-original-url", "/auth/refresh"),
        ("x-rewrite-url", "/auth/refresh"),
        ("forwarded", "for=10.9.9.9"),
        ("via", "1.0 fred"),
    ];
    let seen = seen(&claims, |_| ()).await;
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.all("x-forwarded-host"), ["app.example"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["https"]);
    assert_eq!(seen.all("forwarded"), ["for=127.0.0.1;host=\"app.example\";proto=https"]);
    for name in
        ["x_forwarded_for", "x-forwarded-port", "x-forwarded-prefix", "x-real-ip", "x-original-url", "x-rewrite-url"]
    {
        assert!(seen.all(name).is_empty(), "{name}");
    }
    assert_eq!(seen.all("via"), ["1.0 fred", "1.1 vestibule"]);
    assert_eq!(PUBLIC, "https://app.example");
}

#[tokio::test]
async fn believes_a_trusted_proxy_about_the_client() {
    let claims = [("x-forwarded-for", "203.0.113.9, 198.51.100.7")];
    let seen = seen(&claims, |setup| setup.config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    assert_eq!(seen.all("x-forwarded-for"), ["198.51.100.7, 127.0.0.1"]);
}

#[tokio::test]
async fn names_the_upstream_as_host() {
    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    send(front.address, get("/api/proxy/notes")).await;
    assert_eq!(stub.one().all("host"), [stub.address.to_string()]);
}

#[tokio::test]
async fn gives_each_call_an_id_and_a_trace() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let given = [("x-request-id", "from-the-layer"), ("traceparent", parent), ("tracestate", "a=1")];
    let passed = seen(&given, |_| ()).await;
    assert_eq!(
        (passed.all("x-request-id"), passed.all("traceparent"), passed.all("tracestate")),
        (vec!["from-the-layer"], vec![parent], vec!["a=1"])
    );

    let stub = Stub::start().await;
    let front = Front::to(&stub.url()).await;
    let answer = send(front.address, get("/api/proxy/notes")).await;
    let made = stub.one();
    assert_eq!(made.all("x-request-id"), [answer.header("x-request-id")]);
    assert_eq!(made.all("traceparent")[0].len(), 55);
    assert_eq!(answer.header("via"), "1.1 vestibule");
}

#[tokio::test]
async fn passes_repeated_fields_and_odd_bytes() {
    let fields = [
        ("accept", "a"),
        ("accept", "b"),
        ("x-many", "1"),
        ("x-many", ""),
        ("x-many", "3"),
        ("x-text", "caf\u{e9} \"quoted\"; a=b"),
    ];
    let stub = Stub::answering(|_| {
        with(&[("link", "</a>"), ("link", "</b>"), ("x-text", "na\u{ef}ve"), ("warning", "299 - \"x\"")], "x")
    })
    .await;
    let front = Front::to(&stub.url()).await;
    let mut builder = request("GET", "/api/proxy/");
    for (name, value) in fields {
        builder = builder.header(name, value);
    }
    let answer = send(front.address, builder.body(Body::empty()).unwrap()).await;
    let seen = stub.one();
    assert_eq!(seen.all("accept"), ["a", "b"]);
    assert_eq!(seen.all("x-many"), ["1", "", "3"]);
    assert_eq!(seen.headers["x-text"].as_bytes(), "caf\u{e9} \"quoted\"; a=b".as_bytes());
    assert_eq!(answer.all("link"), ["</a>", "</b>"]);
    assert_eq!(answer.headers["x-text"].as_bytes(), "na\u{ef}ve".as_bytes());
}

#[tokio::test]
async fn drops_cookies_of_the_upstream_unless_allowed() {
    let cookies = &[
        ("set-cookie", "sid=1; HttpOnly"),
        ("set-cookie", "lang=en; Path=/"),
        ("set-cookie", "__Host-vestibule=forged; Path=/; Secure"),
        ("set-cookie", "vestibule.1=forged"),
    ];
    assert!(answered(cookies, |_| ()).await.all("set-cookie").is_empty());
    let answer = answered(cookies, |setup| setup.config.allow_set_cookie = vec!["lang".into()]).await;
    assert_eq!(answer.all("set-cookie"), ["lang=en; Path=/"]);
}

#[tokio::test]
async fn makes_answers_harmless_and_private() {
    let answer = answered(
        &[
            ("cache-control", "public, max-age=60"),
            ("content-type", "text/html"),
            ("strict-transport-security", "max-age=0"),
        ],
        |_| (),
    )
    .await;
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert_eq!(answer.header("vary"), "Cookie");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(answer.header("content-type"), "text/html");
    assert!(answer.all("strict-transport-security").is_empty());

    let anonymous =
        answered(&[("cache-control", "public, max-age=60"), ("vary", "Accept")], |setup| setup.record = None).await;
    assert_eq!(anonymous.header("cache-control"), "public, max-age=60");
    assert_eq!(anonymous.all("vary"), ["Accept", "Cookie"]);
}

#[tokio::test]
async fn leads_redirects_through_the_proxy_and_follows_none() {
    let stub = Stub::answering(|seen: Seen| {
        let host = seen.all("host")[0].to_owned();
        let (_, location) = seen.target.split_once("to=").unwrap();
        let location = location.replace("HOST", &host);
        (StatusCode::FOUND, [("location", location.clone()), ("content-location", location)])
    })
    .await;
    let front = Front::with(&format!("{}/v1/", stub.url()), |_| ()).await;
    for (location, expected) in [
        ("http://HOST/v1/notes/2?a=b", Some("/api/proxy/notes/2?a=b")),
        ("//HOST/v1/notes", Some("/api/proxy/notes")),
        ("/v1/notes", Some("/api/proxy/notes")),
        ("notes/2", Some("/api/proxy/notes/2")),
        ("?page=2", Some("/api/proxy/x?page=2")),
        ("https://elsewhere.example/v1/x", Some("https://elsewhere.example/v1/x")),
        ("/admin", None),
        ("http://HOST/admin", None),
        ("../login", None),
        ("/v1/../login", None),
        ("/v1/%2e%2e/login", None),
        ("/v1/%252e%252e/login", None),
        ("/v1/..;/login", None),
    ] {
        let answer = send(front.address, get(&format!("/api/proxy/x?to={location}"))).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.all("location"), Vec::from_iter(expected), "{location}");
        assert_eq!(answer.all("content-location"), Vec::from_iter(expected), "{location}");
        assert!(stub.one().target.starts_with("/v1/x?to="));
    }
}
