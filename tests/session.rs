//! Sessions through a real socket: an application behind `Vestibule::guard`, with one or several servers, and with every
//! kind of store.

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
#[path = "session/refresh.rs"]
mod refresh_tests;
#[path = "session/replica/scale.rs"]
mod replica_tests;
#[path = "session/store/sentinel.rs"]
mod sentinel;
#[path = "session/store/store_setup.rs"]
mod store_setup;
mod support;
#[path = "session/test_app.rs"]
mod test_app;

/// One contract for every store.
macro_rules! every_store_keeps {
    ($($rule:ident),* $(,)?) => {
        mod in_the_cookie {
            $(#[tokio::test] async fn $rule() { crate::contract::$rule(crate::store_setup::StoreSetup::cookie().await).await; })*
        }
        mod in_memory {
            $(#[tokio::test] async fn $rule() { crate::contract::$rule(crate::store_setup::StoreSetup::memory().await).await; })*
        }
        mod in_redis {
            $(#[tokio::test] async fn $rule() { crate::contract::$rule(crate::store_setup::StoreSetup::redis().await).await; })*
        }
        mod behind_sentinel {
            $(#[tokio::test] async fn $rule() { crate::contract::$rule(crate::store_setup::StoreSetup::sentinel().await).await; })*
        }
        mod in_a_cluster {
            $(#[tokio::test] async fn $rule() { crate::contract::$rule(crate::store_setup::StoreSetup::cluster().await).await; })*
        }
    };
}

every_store_keeps!(
    a_user_logged_in_until_the_logout,
    the_tokens_from_the_browser,
    one_refresh_for_all,
    the_lifetimes,
    a_login_apart_from_the_previous_session,
    foreign_cookies_untouched,
    polling_passive,
    the_order_of_responses,
    the_choice_to_stay_logged_in,
    subscribers_notified,
    devices_apart,
    devices_named,
    a_new_name,
);
