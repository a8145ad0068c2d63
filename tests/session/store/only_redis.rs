//! Tests only for Redis.

use reqwest::Method;
use vestibule::config::{RedisUrl, StoreConfig};

use crate::{support::redis_server::Redis, test_app::TestApp};

/// All data of the server: each key with its time to live in seconds and its content.
async fn dump(redis: &Redis) -> Vec<(String, i64, String)> {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let names: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    let mut all = Vec::new();
    for name in names {
        let ttl: i64 = redis::cmd("TTL").arg(&name).query_async(&mut connection).await.unwrap();
        let kind: String = redis::cmd("TYPE").arg(&name).query_async(&mut connection).await.unwrap();
        let content: Vec<String> = match kind.as_str() {
            "hash" => redis::cmd("HGETALL").arg(&name).query_async(&mut connection).await.unwrap(),
            "set" => redis::cmd("SMEMBERS").arg(&name).query_async(&mut connection).await.unwrap(),
            _ => vec![redis::cmd("GET").arg(&name).query_async(&mut connection).await.unwrap()],
        };
        all.push((name, ttl, content.join(" ")));
    }
    all
}

async fn app(redis: &Redis) -> TestApp {
    let store = StoreConfig::try_from(redis.url()).unwrap();
    TestApp::with(|config| config.session.store = store).await
}

#[tokio::test]
async fn holds_nothing_that_can_be_read_or_used() {
    let redis = Redis::start().await;
    let app = app(&redis).await;
    let mut ada = app.browser();
    let login = ada.request(Method::POST, "/login/ada@example.com").header("user-agent", "Firefox on Linux");
    assert_eq!(ada.send(login).await.status, 200);
    app.clock.advance(900);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    let all = dump(&redis).await;
    assert!(all.len() >= 2, "a session and a list: {all:?}");
    let person = vec![ada.cookies["vestibule"].clone(), "ada@".into(), "Firefox".into()];
    let secrets = [app.stub.tokens(), person].concat();
    for (name, ttl, content) in &all {
        assert!(name.starts_with("vestibule:"), "{name}");
        // Idle for a day, or in any case after thirty; the rest of a minute may have passed.
        let longest = if name.contains(":session:") { 24 * 60 * 60 } else { 30 * 24 * 60 * 60 };
        assert!((longest - 60..=longest).contains(ttl), "{name} lives {ttl} s");
        for secret in &secrets {
            assert!(!name.contains(secret) && !content.contains(secret), "{name}: {content}");
        }
    }
    ada.post_form("/logout", &[]).await;
    assert!(dump(&redis).await.iter().all(|(name, ..)| !name.contains("session:")));
}

#[tokio::test]
async fn is_reached_through_a_socket() {
    let socket = std::env::temp_dir().join(format!("vestibule-socket-{}", std::process::id()));
    let path = socket.display().to_string();
    let _redis = Redis::with(&["--unixsocket", &path, "--requirepass", "behind"]).await;
    let store = StoreConfig::try_from(format!("redis+unix://{path}?pass=behind&db=1")).unwrap();
    let app = TestApp::with(|config| config.session.store = store).await;
    let mut ada = app.logged_in("ada@example.com").await;
    assert_eq!((ada.cookies["vestibule"].len(), ada.get("/who").await.body), (43, "ada@example.com".into()));
    let _ = std::fs::remove_file(socket);
}

#[tokio::test]
async fn a_replica_that_outlived_its_lock_does_not_undo_later_refreshes() {
    let redis = Redis::start().await;
    let here = app(&redis).await;
    let store = StoreConfig::try_from(redis.url()).unwrap();
    let there = TestApp::replica(here.stub.clone(), here.clock.clone(), |config| config.session.store = store).await;
    let mut ada = here.logged_in("ada@example.com").await;
    let mut tab = there.browser();
    tab.cookies = ada.cookies.clone();
    here.clock.advance(900);
    {
        let mut memory = here.stub.memory();
        (memory.holds_refresh, memory.forgives) = (Some(1), true);
    }
    let slow = tokio::spawn(async move { ada.get("/api/proxy/notes").await });
    here.stub.refreshing(1).await;
    // The lock expires by itself, 5 s after the longest call to the API.
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let locks: Vec<String> = redis::cmd("KEYS").arg("vestibule:lock:*").query_async(&mut connection).await.unwrap();
    assert_eq!(locks.len(), 1);
    redis::cmd("DEL").arg(&locks).exec_async(&mut connection).await.unwrap();
    for number in 2..4 {
        assert_eq!(tab.get("/api/proxy/notes").await.status, 200);
        assert_eq!(here.stub.memory().refreshes, number);
        here.clock.advance(900);
    }
    here.stub.memory().holds_refresh = None;
    assert_eq!(slow.await.unwrap().status, 200);
    let all = dump(&redis).await;
    let (_, _, content) = all.iter().find(|(name, ..)| name.contains(":session:")).unwrap();
    assert!(format!(" {content} ").contains(" generation 2 "), "{content}");
    assert_eq!(tab.get("/api/proxy/notes").await.status, 200);
}

#[tokio::test]
async fn an_outage_is_reported_and_recovers() {
    let mut redis = Redis::start().await;
    let app = app(&redis).await;
    let mut ada = app.logged_in("ada@example.com").await;
    redis.kill();
    for path in ["/who", "/api/session", "/api/session/events", "/api/proxy/notes", "/call", "/devices"] {
        let answer = ada.get(path).await;
        assert_eq!(answer.status, 503, "{path}: {answer:?}");
        assert!(answer.headers.contains_key("retry-after") && answer.set_cookies().is_empty(), "{path}");
        assert_eq!(answer.json()["status"], 503, "{path}");
    }
    assert_eq!(app.stub.memory().seen.len(), 0, "no call went to the API as nobody's");
    let page = ada.send(ada.request(Method::GET, "/who").header("accept", "text/html,*/*")).await;
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"), "{page:?}");
    assert_eq!(ada.post_form("/logout", &[]).await.status, 503);
    assert_eq!(ada.get("/about").await.status, 200, "needs no session");
    assert_eq!(app.browser().get("/who").await.body, "nobody", "has none");
    assert_eq!(app.browser().post_form("/login/grace@example.com", &[]).await.status, 503);
    redis.resume().await;
    assert_eq!(ada.get("/who").await.body, "ada@example.com", "without a restart");
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
}

#[tokio::test]
async fn a_login_that_cannot_be_stored_leaves_the_session_unchanged() {
    let mut redis = Redis::start().await;
    let app = app(&redis).await;
    let mut ada = app.logged_in("ada@example.com").await;
    let slow = app.start_slow_login(&ada, "grace@example.com").await;
    redis.kill();
    app.open_gate();
    let (_, answer) = slow.await.unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.set_cookies().is_empty());
    redis.resume().await;
    assert_eq!(ada.get("/who").await.body, "ada@example.com");
    assert_eq!(ada.get("/api/proxy/notes").await.json()["email"], "ada@example.com");
    for _ in 0..4_000 {
        if app.stub.memory().logouts > 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("tokens that will never be used are not ended at the API");
}

#[tokio::test]
async fn tokens_that_arrive_during_an_outage_are_not_lost() {
    let mut redis = Redis::start().await;
    let app = app(&redis).await;
    let mut ada = app.logged_in("ada@example.com").await;
    app.clock.advance(900);
    app.stub.memory().holds_refreshes = true;
    let mut tab = ada.clone();
    let call = tokio::spawn(async move { tab.get("/api/proxy/notes").await.status });
    app.stub.refreshing(1).await;
    redis.kill();
    app.stub.memory().holds_refreshes = false;
    assert_eq!(call.await.unwrap(), 200);
    assert_eq!(app.stub.memory().refreshes, 1);
    redis.resume().await;
    // The store has them as soon as storing is retried.
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let all = dump(&redis).await;
        if all.iter().any(|(name, _, content)| name.contains("session:") && content.starts_with("generation 1 ")) {
            break;
        }
    }
    app.clock.advance(100);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(app.stub.memory().refreshes, 1);
}

#[tokio::test]
async fn replicas_share_ends_and_refreshes_of_sessions_in_cookies() {
    let redis = Redis::start().await;
    replicas_share(redis.url()).await;
}

/// Two replicas with sessions in cookies, which share the store at `url`.
pub async fn replicas_share(url: String) {
    let url = RedisUrl::try_from(url).unwrap();
    let here = TestApp::with(|config| config.session.revocation = Some(url.clone())).await;
    let there = TestApp::replica(here.stub.clone(), here.clock.clone(), |config| {
        config.session.revocation = Some(url);
    })
    .await;
    let mut ada = here.logged_in("ada@example.com").await;
    let mut copy = there.browser();
    copy.cookies = ada.cookies.clone();
    assert_eq!(copy.get("/who").await.body, "ada@example.com");
    here.clock.advance(900);
    assert_eq!(ada.get("/api/proxy/notes").await.status, 200);
    assert_eq!(copy.get("/api/proxy/notes").await.status, 200, "with the previous cookie");
    assert_eq!(here.stub.memory().refreshes, 1);
    let stream = copy.request(Method::GET, "/api/session/events").send().await.unwrap();
    ada.post_form("/logout", &[]).await;
    assert_eq!(copy.get("/api/proxy/notes").await.status, 401);
    assert!(stream.text().await.unwrap().contains("session-ended"), "notified by the other replica");
}
