//! The account page: who is logged in, since when and where, and what can be changed about it.

use leptos::{ev::SubmitEvent, prelude::*, server_fn::ServerFn};
use leptos_meta::Title;

use crate::{
    action::account::{ChangePassword, Rename},
    api::{
        Problem, account, problem,
        session::{self, SessionInfo},
    },
    component::{
        Alert, Devices, Field, LogOut, Notice, PasswordField, Submission, Submit, Time, Trouble, form_of, optional,
    },
    handover,
    query::use_query,
    service::Service,
    user::{CurrentUser, User},
};

#[component]
pub(crate) fn Account() -> impl IntoView {
    let (service, query) = (Service::expect(), use_query().get_untracked());
    // Which form was refused, where there is no JavaScript.
    let refused = |form: &str| problem::query::read(&query).filter(|_| query.get("form") == Some(form));
    // A new password ends other sessions, so that the list has to be read anew.
    let devices = service.has_devices.then(|| handover::resource(|| (), |()| account::devices()));
    let read_anew = move || {
        if let Some(devices) = devices {
            devices.refetch();
        }
    };

    view! {
        <Title text="Account · Vestibule"/>
        <section class="narrow account">
            <h1>"Account"</h1>
            <Person/>
            {service.has_account.then(|| {
                view! {
                    <NameForm problem=refused("name") typed=query.text("name")/>
                    <PasswordForm problem=refused("password") changed=read_anew/>
                }
            })}
            {devices.map(|devices| view! { <Devices devices problem=refused("devices")/> })}
        </section>
    }
}

/// Who is logged in, and for how long.
#[component]
fn Person() -> impl IntoView {
    let user = CurrentUser::expect();
    let person = move |text: fn(User) -> String| optional(move || user.get().map(text));
    let session = handover::resource(|| (), |()| session::current());
    let end = move |now: Result<SessionInfo, Problem>| match now {
        Ok(now) => match now.expires_at {
            Some(at) => view! { "Ends or is renewed at " <Time at/> }.into_any(),
            None => "Lasts until you log out.".into_any(),
        },
        Err(problem) => view! { <Trouble problem retry=move || session.refetch()/> }.into_any(),
    };
    view! {
        <div class="sheet person">
            <dl class="facts">
                <dt>"Name"</dt>
                <dd>{person(|user| user.name)}</dd>
                <dt>"E-mail"</dt>
                <dd>{person(|user| user.email)}</dd>
                <dt>"Access"</dt>
                <dd>{session.wait(|| "…".into_any(), end)}</dd>
            </dl>
            <p class="hint">
                "Your token is kept in a sealed cookie that no script can read. Logging out removes it from this browser."
            </p>
            <LogOut/>
        </div>
    }
}

#[component]
fn NameForm(problem: Option<Problem>, typed: String) -> impl IntoView {
    let (user, notice, form) = (CurrentUser::expect(), Notice::expect(), Submission::new(problem));
    let saved = user.now().unwrap_or_default().name;
    // Typed before the session ended, or refused.
    let name = if form.failed_at_first() || !typed.is_empty() { typed } else { saved };
    let save = move |event: SubmitEvent| {
        form.run(
            &event,
            |fields| session::post(Rename::PATH, fields),
            move |person| {
                user.log_in(person);
                notice.show("Name saved.");
            },
        );
    };
    view! {
        <form method="post" action=Rename::PATH class="form sheet" aria-labelledby="change-name" prop:noValidate=true on:submit=save>
            <h2 id="change-name">"Your name"</h2>
            <Alert form/>
            <Field form name="name" label="Name" autocomplete="name" max=100 value=name/>
            <Submit form>"Save name"</Submit>
        </form>
    }
}

#[component]
fn PasswordForm(problem: Option<Problem>, changed: impl Fn() + Copy + 'static) -> impl IntoView {
    let (user, notice, form) = (CurrentUser::expect(), Notice::expect(), Submission::new(problem));
    let save = move |event: SubmitEvent| {
        let element = form_of(&event);
        form.run(
            &event,
            |fields| session::post::<()>(ChangePassword::PATH, fields),
            move |()| {
                let _ = element.map(|element| element.reset());
                notice.show("Password changed.");
                changed();
            },
        );
    };
    // A password manager wants to know whose password it is.
    let email = user.now().unwrap_or_default().email;
    view! {
        <form
            method="post"
            action=ChangePassword::PATH
            class="form sheet"
            aria-labelledby="change-password"
            prop:noValidate=true
            on:submit=save
        >
            <h2 id="change-password">"Your password"</h2>
            <Alert form/>
            <input type="text" autocomplete="username" value=email readonly hidden/>
            <PasswordField form name="current_password" label="Current password"/>
            <PasswordField form label="New password" autocomplete="new-password" min=8/>
            {Service::expect().has_devices.then(|| {
                view! { <p class="hint">"A new password logs you out on all other devices."</p> }
            })}
            <Submit form>"Change password"</Submit>
        </form>
    }
}
