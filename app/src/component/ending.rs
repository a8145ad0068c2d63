//! The notice that the session is about to end.

use leptos::{prelude::*, server_fn::ServerFn, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

use super::{Fields, Notice, Removals, optional, part};
use crate::{
    action::session::Logout,
    api::session,
    query::path_of,
    user::{CurrentUser, login_path},
};

/// Says when the session ends, as soon as that is near, with a button that puts it off. Where nothing
/// does, the button leads to a new log-in, and back to this page with all that was typed. It is the same
/// button for both, so that it stays under the finger, and keeps the focus, when the one becomes the other.
#[component]
pub(crate) fn Ending() -> impl IntoView {
    let user = CurrentUser::expect();
    let end = user.end();
    let is_near = Memo::new(move |_| !end.near().is_empty());
    let sentence = move || {
        is_near.get().then(|| {
            let at = end.near();
            if end.can_be_put_off() {
                format!("Nothing has happened here for a while: you will be logged out at {at}.")
            } else {
                format!("Your session ends at {at}. Log in again to go on without a break.")
            }
        })
    };
    let (stay, again) = (stayer(user), again(user));
    let press = move |_| if end.can_be_put_off_now() { stay() } else { again() };
    let label = move || if end.can_be_put_off() { "Stay signed in" } else { "Log in again" };
    let button = optional(move || {
        let press = press.clone();
        is_near.get().then(|| view! { <button type="button" class="button" on:click=press>{part(label)}</button> })
    });
    view! {
        <div class="ending" role="status" data-shown=move || is_near.get().then_some("")>
            <p>{sentence}</p>
            {button}
        </div>
    }
}

fn stayer(user: CurrentUser) -> impl Fn() + Copy + Send + 'static {
    let notice = Notice::expect();
    move || {
        spawn_local(async move {
            if !user.stay().await {
                notice.show(NOT_HEARD);
            } else if !user.end().is_near_now() {
                notice.show("You stay signed in.");
            }
        });
    }
}

const NOT_HEARD: &str = "This did not reach the server. Try again in a moment.";

fn again(user: CurrentUser) -> impl Fn() + Clone + Send + 'static {
    let (notice, removals, location, navigate) = (Notice::expect(), Removals::expect(), use_location(), use_navigate());
    move || {
        let (here, navigate) = (path_of(&location), navigate.clone());
        spawn_local(async move {
            removals.settle().await;
            if session::post::<()>(Logout::PATH, Fields::default()).await.is_err() {
                user.come_back();
                notice.show(NOT_HEARD);
                return;
            }
            user.keep_typed();
            user.log_out();
            // As where a session ends by itself: the way back leads to the page before.
            navigate(&login_path(&here, true), NavigateOptions { replace: true, ..NavigateOptions::default() });
        });
    }
}
