//! The account page of a user whose sessions are in a server-side store.

use reqwest::Method;

use crate::{
    program::Program,
    support::{
        browser::Browser,
        redis_server::Redis,
        stub::{PASSWORD, Stub},
    },
};

const DESK: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                     Version/26.0 Mobile/15E148 Safari/604.1";

async fn logged_in(server: &Program, user_agent: &str) -> Browser {
    let mut browser = server.browser();
    let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("return_to", "/")];
    let request = browser.request(Method::POST, "/api/login").header("user-agent", user_agent).form(&fields);
    assert_eq!(browser.send(request).await.status, 200);
    browser
}

/// The items of the page's device list.
fn devices(page: &str) -> Vec<&str> {
    let list = page.split("aria-label=\"Your devices\"").nth(1).unwrap().split("</ul>").next().unwrap();
    list.split("<li").skip(1).collect()
}

async fn names_browser_and_system(store: &str) {
    let stub = Stub::start().await;
    let api = stub.url();
    let server = Program::with(&[("VESTIBULE_API__URL", &api), ("VESTIBULE_SESSION__STORE", store)]).await;
    logged_in(&server, PHONE).await;
    let mut desk = logged_in(&server, DESK).await;
    let response = desk.get("/account").await;
    let devices = devices(&response.body);
    assert_eq!(devices.len(), 2, "{response:?}");
    for device in devices {
        let here = device.contains("This device");
        let name = if here { "Firefox on Linux" } else { "Safari on iPhone" };
        assert!(device.contains(name), "{here}: {device}");
    }
}

#[tokio::test]
async fn devices_in_memory_have_names() {
    names_browser_and_system("memory").await;
}

#[tokio::test]
async fn devices_in_redis_have_names() {
    let redis = Redis::start().await;
    names_browser_and_system(&redis.url()).await;
}
