//! The log-in page.

use leptos::{ev::SubmitEvent, prelude::*, server_fn::ServerFn};
use leptos_meta::Title;

use crate::{
    action::session::Login,
    api::{problem, session},
    art,
    component::{Alert, CheckField, Field, PasswordField, Submission, Submit, field_value, form_of},
    query::{self, use_query},
    service::Service,
    user::CurrentUser,
};

#[component]
pub(crate) fn LogIn() -> impl IntoView {
    let (user, query) = (CurrentUser::expect(), use_query().get_untracked());
    let form = Submission::new(problem::query::read(&query));
    let return_to = query.text("return_to");
    let signup = query::path("/signup", &[("return_to", &return_to)]);
    let log_in = move |event: SubmitEvent| {
        // What was typed on another page while this one was the answer to its form: the server hands it on.
        if form_of(&event).is_some_and(|form| !field_value(&form, "typed").is_empty()) {
            return;
        }
        form.run(&event, |fields| session::post(Login::PATH, fields), move |person| user.log_in(person));
    };

    view! {
        <Title text="Log in · Vestibule"/>
        <section class="door">
            <span class="door-mark" aria-hidden="true" inner_html=art::MARK></span>
            <h1>"Log in"</h1>
            {query.get("ended").map(|_| {
                view! { <p class="hint-box" role="status">"Your session has ended. Log in again to go on."</p> }
            })}
            <form method="post" action=Login::PATH class="form" prop:noValidate=true on:submit=log_in>
                <Alert form/>
                <Field form name="email" label="E-mail" kind="email" autocomplete="username" value=query.text("email")/>
                <PasswordField form/>
                <CheckField name="keep" label="Keep me signed in" checked=query.get("keep").is_some()/>
                <input type="hidden" name="return_to" value=return_to/>
                <input type="hidden" name="typed" value=handed_back()/>
                <Submit form>"Log in"</Submit>
            </form>
            {Service::expect().has_sign_up.then(|| {
                view! { <p class="door-else">"New here? " <a href=signup>"Sign up"</a></p> }
            })}
        </section>
    }
}

/// What was typed on the page to return to, when this page is the answer to a form. Never from the address,
/// which a link can carry.
fn handed_back() -> String {
    #[cfg(feature = "ssr")]
    let typed = crate::hand_back::typed_as("typed");
    #[cfg(not(feature = "ssr"))]
    let typed = String::new();
    typed
}
