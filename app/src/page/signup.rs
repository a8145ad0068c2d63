//! The sign-up page. Who signs up is logged in. Where the API has no sign-up there is no such page.

use leptos::{ev::SubmitEvent, prelude::*, server_fn::ServerFn};
use leptos_meta::Title;

use crate::{
    action::session::Signup,
    api::{problem, session},
    art,
    component::{Alert, CheckField, Field, PasswordField, Submission, Submit},
    page::NotFound,
    query::{self, use_query},
    service::Service,
    user::CurrentUser,
};

#[component]
pub(crate) fn SignUp() -> impl IntoView {
    if Service::expect().has_sign_up { SignUpForm().into_any() } else { NotFound().into_any() }
}

#[component]
fn SignUpForm() -> impl IntoView {
    let (user, query) = (CurrentUser::expect(), use_query().get_untracked());
    let form = Submission::new(problem::query::read(&query));
    let return_to = query.text("return_to");
    let login = query::path("/login", &[("return_to", &return_to)]);
    let sign_up = move |event: SubmitEvent| {
        form.run(&event, |fields| session::post(Signup::PATH, fields), move |person| user.log_in(person));
    };

    view! {
        <Title text="Sign up · Vestibule"/>
        <section class="door">
            <span class="door-mark" aria-hidden="true" inner_html=art::MARK></span>
            <h1>"Sign up"</h1>
            <form method="post" action=Signup::PATH class="form" prop:noValidate=true on:submit=sign_up>
                <Alert form/>
                <Field form name="name" label="Name" autocomplete="name" max=100 value=query.text("name")/>
                <Field form name="email" label="E-mail" kind="email" autocomplete="username" value=query.text("email")/>
                <PasswordField form autocomplete="new-password" min=8/>
                <CheckField name="keep" label="Keep me signed in" checked=query.get("keep").is_some()/>
                <input type="hidden" name="return_to" value=return_to/>
                <Submit form>"Sign up"</Submit>
            </form>
            <p class="door-else">"Been here before? " <a href=login>"Log in"</a></p>
        </section>
    }
}
