//! The notice that the session is about to end.

use leptos::{prelude::*, server_fn::ServerFn, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

use super::{Fields, Notice, Removals};
use crate::{
    action::session::Logout,
    api::session,
    query::path_of,
    user::{CurrentUser, login_path},
};

/// Says when the session ends, as soon as that is near, with a button that puts it off. Where nothing
/// does, the button leads to a new log-in, and back to this page with all that was typed.
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
    let (stay, again) = (stay_button(user), again_button(user));
    let button =
        move || is_near.get().then(|| if end.can_be_put_off() { stay().into_any() } else { again().into_any() });
    view! {
        <div class="ending" role="status" data-shown=move || is_near.get().then_some("")>
            <p>{sentence}</p>
            {button}
        </div>
    }
}

fn stay_button(user: CurrentUser) -> impl Fn() -> AnyView + Send + 'static {
    let notice = Notice::expect();
    let stay = move |_| {
        spawn_local(async move {
            notice.show(if user.stay().await { "You stay signed in." } else { NOT_HEARD });
        });
    };
    move || view! { <button type="button" class="button" on:click=stay>"Stay signed in"</button> }.into_any()
}

const NOT_HEARD: &str = "This did not reach the server. Try again in a moment.";

fn again_button(user: CurrentUser) -> impl Fn() -> AnyView + Send + 'static {
    let (notice, removals, location, navigate) = (Notice::expect(), Removals::expect(), use_location(), use_navigate());
    let again = move |_| {
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
            navigate(&login_path(&here, true), NavigateOptions::default());
        });
    };
    move || view! { <button type="button" class="button" on:click=again.clone()>"Log in again"</button> }.into_any()
}
