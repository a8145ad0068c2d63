//! The account page: who is logged in, and until when.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    api::session,
    component::{LogOut, Time, Trouble},
    handover,
    user::{CurrentUser, User},
};

#[component]
pub(crate) fn Account() -> impl IntoView {
    let user = CurrentUser::expect();
    let person = move |text: fn(User) -> String| move || user.get().map(text);
    let session = handover::resource(|| (), |()| session::current());
    let end = move || {
        Suspend::new(async move {
            match session.await {
                Ok(session) => match session.expires_at {
                    Some(at) => view! { "Ends or is renewed at " <Time at/> }.into_any(),
                    None => "Lasts until you log out.".into_any(),
                },
                Err(problem) => view! { <Trouble problem retry=move || session.refetch()/> }.into_any(),
            }
        })
    };

    view! {
        <Title text="Account · Vestibule"/>
        <section class="narrow account">
            <h1>"Account"</h1>
            <div class="sheet">
                <dl class="facts">
                    <dt>"Name"</dt>
                    <dd>{person(|user| user.name)}</dd>
                    <dt>"E-mail"</dt>
                    <dd>{person(|user| user.email)}</dd>
                    <dt>"Access"</dt>
                    <dd>
                        <Suspense fallback=|| "…">{end}</Suspense>
                    </dd>
                </dl>
                <p class="hint">
                    "Your token is kept in a sealed cookie that no script can read. Logging out removes it from this browser."
                </p>
                <LogOut/>
            </div>
        </section>
    }
}
