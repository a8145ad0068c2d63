//! Sessions through a real socket: the guard around a router of the application's own, with one or
//! several servers, and with every place where sessions can be kept.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "session/replica/balancer.rs"]
mod balancer;
#[path = "session/clock.rs"]
mod clock_tests;
#[path = "session/store/cluster.rs"]
mod cluster;
#[path = "session/store/contract.rs"]
mod contract;
#[path = "session/cookie.rs"]
mod cookie_tests;
#[path = "session/event.rs"]
mod event_tests;
#[path = "session/hall.rs"]
mod hall;
#[path = "session/key.rs"]
mod key_tests;
#[path = "session/late.rs"]
mod late_tests;
#[path = "session/store/only_cluster.rs"]
mod only_cluster;
#[path = "session/store/only_redis.rs"]
mod only_redis;
#[path = "session/store/only_sentinel.rs"]
mod only_sentinel;
#[path = "session/store/place.rs"]
mod place;
#[path = "session/refresh.rs"]
mod refresh_tests;
#[path = "session/replica/scale.rs"]
mod replica_tests;
#[path = "session/store/sentinel.rs"]
mod sentinel;
mod support;

/// One contract for every place where sessions are kept.
macro_rules! every_place_keeps {
    ($($rule:ident),* $(,)?) => {
        mod in_the_cookie {
            $(#[tokio::test] async fn $rule() { crate::contract::$rule(crate::place::Place::cookie().await).await; })*
        }
        mod in_memory {
            $(#[tokio::test] async fn $rule() { crate::contract::$rule(crate::place::Place::memory().await).await; })*
        }
        mod in_redis {
            $(#[tokio::test] async fn $rule() { crate::contract::$rule(crate::place::Place::redis().await).await; })*
        }
        mod behind_sentinel {
            $(#[tokio::test] async fn $rule() { crate::contract::$rule(crate::place::Place::sentinel().await).await; })*
        }
        mod in_a_cluster {
            $(#[tokio::test] async fn $rule() { crate::contract::$rule(crate::place::Place::cluster().await).await; })*
        }
    };
}

every_place_keeps!(
    a_person_logged_in_until_the_log_out,
    the_tokens_from_the_browser,
    one_refresh_for_all,
    the_lifetimes,
    a_log_in_apart_from_what_was_before,
    wrong_cookies_alone,
    polling_passive,
    the_order_of_answers,
    the_choice_to_stay,
    watchers_told,
    devices_apart,
    devices_named,
    a_new_name,
);
