//! Many users at once: each gets only their own data.

use futures_util::future::join_all;

use crate::{program::Program, support::stub::Stub};

#[tokio::test]
async fn two_hundred_users_each_get_their_own_data() {
    let stub = Stub::start().await;
    let server = Program::start(&stub).await;
    let users = join_all((0..200).map(async |number| {
        let email = format!("user-{number}@example.com");
        (server.logged_in(&email).await, email)
    }))
    .await;
    join_all(users.into_iter().map(|(mut browser, email)| async move {
        for round in 0..5 {
            let call = browser.get(&format!("/api/proxy/notes/{round}")).await;
            assert_eq!(call.json()["email"], email.as_str());
            assert_eq!(call.json()["target"], format!("/notes/{round}"));
            let session = browser.get("/api/session").await;
            assert_eq!(session.json()["user"]["email"], email.as_str());
            let page = browser.get("/account").await;
            assert!(page.body.contains(&email), "{email}: {}", page.body);
        }
    }))
    .await;
}
