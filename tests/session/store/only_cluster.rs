//! Tests only for a cluster: each server has a part of the sessions.

use futures_util::future::join_all;
use vestibule::config::StoreConfig;

use crate::{
    cluster::Cluster,
    only_redis::replicas_share,
    only_sentinel::available_again,
    support::browser::{Answer, Browser},
    test_app::TestApp,
};

/// Enough sessions for each server to have some.
const USERS: usize = 40;

fn email(number: usize) -> String {
    format!("person-{number}@example.com")
}

async fn app(cluster: &Cluster) -> TestApp {
    let store = StoreConfig::try_from(cluster.url()).unwrap();
    TestApp::with(|config| config.session.store = store).await
}

/// The responses to all users.
async fn who(users: &mut [Browser]) -> Vec<Answer> {
    join_all(users.iter_mut().map(|person| person.get("/who"))).await
}

#[tokio::test]
async fn sessions_at_other_servers_outlive_the_death_of_one() {
    let mut cluster = Cluster::start().await;
    let app = app(&cluster).await;
    let mut users = join_all((0..USERS).map(async |number| app.logged_in(&email(number)).await)).await;
    let mut spread = Vec::new();
    for number in 0..3 {
        spread.push(cluster.sessions(number).await.len());
    }
    assert!(spread.iter().all(|&count| count > 0) && spread.iter().sum::<usize>() == USERS, "{spread:?}");

    cluster.servers[2].kill();
    let answers = who(&mut users).await;
    let put_off = answers.iter().filter(|answer| answer.status == 503).count();
    assert_eq!(put_off, spread[2], "those whose sessions are away");
    for (number, answer) in answers.iter().enumerate() {
        assert!(answer.set_cookies().is_empty(), "{answer:?}");
        assert!(answer.status == 503 || answer.body == email(number), "{number}: {answer:?}");
    }

    cluster.servers[2].resume().await;
    for (number, person) in users.iter_mut().enumerate() {
        available_again(person, &email(number)).await;
    }
}

#[tokio::test]
async fn the_whole_cluster_may_go_down_and_come_back() {
    let mut cluster = Cluster::start().await;
    let app = app(&cluster).await;
    let mut users = join_all((0..3).map(async |number| app.logged_in(&email(number)).await)).await;
    cluster.servers.iter_mut().for_each(crate::support::redis_server::Redis::kill);
    for _ in 0..2 {
        assert!(who(&mut users).await.iter().all(|answer| answer.status == 503));
    }
    for server in &mut cluster.servers {
        server.resume().await;
    }
    for (number, person) in users.iter_mut().enumerate() {
        available_again(person, &email(number)).await;
    }
    cluster.complete().await;
    users[0].post_form("/logout", &[]).await;
    assert_eq!(users[0].get("/who").await.body, "nobody");
}

#[tokio::test]
async fn sessions_are_found_while_they_move() {
    let cluster = Cluster::start().await;
    let app = app(&cluster).await;
    let mut ada = app.logged_in("ada@example.com").await;
    let mut found = None;
    for number in 0..3 {
        found = found.or(cluster.sessions(number).await.pop().map(|name| (number, name)));
    }
    let (from, name) = found.unwrap();
    let mut renewed = 0;
    let look = async |step: &str| {
        app.clock.advance(900);
        let answer = ada.get("/api/proxy/notes").await;
        assert_eq!(answer.status, 200, "{step}: {answer:?}");
        renewed += 1;
        assert_eq!(app.stub.memory().refreshes, renewed, "{step}");
    };
    cluster.migrate(&name, from, (from + 1) % 3, look).await;
    assert_eq!(cluster.sessions((from + 1) % 3).await, [name]);
    ada.post_form("/logout", &[]).await;
    assert_eq!(ada.get("/who").await.body, "nobody");
}

#[tokio::test]
async fn replicas_share_ends_and_refreshes_of_sessions_in_cookies() {
    let cluster = Cluster::start().await;
    replicas_share(cluster.url()).await;
}
