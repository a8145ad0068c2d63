//! The home page: what this is, in a picture and in numbers that the browser reads live.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    art,
    component::{effect, optional, part},
    service::Service,
    user::CurrentUser,
};

#[component]
pub(crate) fn Home() -> impl IntoView {
    let (user, service) = (CurrentUser::expect(), Service::expect());
    view! {
        <Title text="Vestibule"/>
        <section class="hero">
            <h1>"Your API, without a token in the page"</h1>
            <p class="lead">
                "Vestibule is the entrance hall between the browser and your REST API. People leave their credentials \
                at the door; the hall keeps the key and opens the inner doors for them. JavaScript never holds it."
            </p>
            <p class="hero-actions">
                <a class="button primary" href="/notes">"Open the notes"</a>
                {optional(move || (service.has_sign_up && !user.is_logged_in()).then(|| view! { <a class="button" href="/signup">"Make an account"</a> }))}
            </p>
        </section>
        <figure class="flow">
            <div class="flow-wide" aria-hidden="true" inner_html=art::FLOW_WIDE></div>
            <div class="flow-tall" aria-hidden="true" inner_html=art::FLOW_TALL></div>
            <figcaption>
                "The browser sends a sealed cookie to Vestibule. Vestibule opens it, and calls your API with the token in the header "
                <code>"Authorization"</code> "."
            </figcaption>
        </figure>
        <div class="columns">
            <LiveBox/>
            <Steps/>
        </div>
    }
}

/// What a script of this page can get hold of, right now.
#[component]
fn LiveBox() -> impl IntoView {
    let user = CurrentUser::expect();
    let reading = RwSignal::new(None);
    effect(move || {
        // Read anew after each log-in and log-out.
        let _ = user.get();
        reading.set(Some(Reading::now()));
    });
    let line = move |name: &'static str, value: fn(&Reading) -> &str| {
        let text = move || reading.with(|reading| reading.as_ref().map(|reading| words(value(reading))));
        view! { <li><code>{name}</code> " " {part(move || text().unwrap_or_else(|| "is read once JavaScript runs".into()))}</li> }
    };
    view! {
        <section class="sheet live">
            <h2>"Look for the token"</h2>
            <p role="status" aria-label="Your session" class="live-who">
                {part(move || match user.get() {
                    Some(user) => format!("Logged in as {}.", user.display_name()),
                    None => "You are not logged in.".to_owned(),
                })}
            </p>
            <ul class="live-lines">
                {line("document.cookie", |reading| &reading.cookie)}
                {line("localStorage", |reading| &reading.local)}
                {line("sessionStorage", |reading| &reading.session)}
            </ul>
            <p class="hint">"Read by this page a moment ago, as any script on it could. Logged in or not, there is nothing to steal."</p>
        </section>
    }
}

/// How it works, in three sentences.
#[component]
fn Steps() -> impl IntoView {
    view! {
        <section class="steps">
            <h2>"What happens on the way"</h2>
            <ol>
                <li>
                    <strong>"Log in once. "</strong>
                    "The form posts to this site's own server, which asks your API and keeps the token in an encrypted, HttpOnly cookie."
                </li>
                <li>
                    <strong>"Call your API. "</strong>
                    "The page fetches " <code>"/api/proxy/notes"</code> ". The server turns the cookie into the header your API wants, and streams the answer back."
                </li>
                <li>
                    <strong>"Forget about it. "</strong>
                    "Tokens are renewed before they end. Logging out removes the cookie and tells your API."
                </li>
            </ol>
            <h2>"Point it at yours"</h2>
            <pre class="shell"><code>"VESTIBULE_API__URL=https://api.example.com cargo xtask dev"</code></pre>
        </section>
    }
}

/// What the browser's script-readable stores hold.
#[derive(Clone, Debug, Default)]
struct Reading {
    cookie: String,
    local: String,
    session: String,
}

impl Reading {
    fn now() -> Self {
        use wasm_bindgen::JsCast;

        let cookie = document().dyn_into::<web_sys::HtmlDocument>().ok().and_then(|page| page.cookie().ok());
        Self {
            cookie: cookie.unwrap_or_default(),
            local: names(window().local_storage()),
            session: names(window().session_storage()),
        }
    }
}

fn names(storage: Result<Option<web_sys::Storage>, wasm_bindgen::JsValue>) -> String {
    let Ok(Some(storage)) = storage else { return String::new() };
    let names = (0..storage.length().unwrap_or(0)).filter_map(|index| storage.key(index).ok().flatten());
    names.collect::<Vec<_>>().join(", ")
}

fn words(value: &str) -> String {
    if value.is_empty() { "is empty".to_owned() } else { format!("holds: {value}") }
}
