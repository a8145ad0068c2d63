//! The browser's half: `fetch` to this site's own server. No token is in sight here.

use std::cell::Cell;

use js_sys::Promise;
use leptos::{
    logging::warn,
    prelude::{document, window},
};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

use super::{Answer, PROXY, Problem, Request};
use crate::{ahead, user::CurrentUser};

pub(super) async fn send(request: Request) -> Result<Answer, Problem> {
    let mut headers = vec![("accept", "application/json")];
    if request.body.is_some() {
        headers.push(("content-type", "application/json"));
    }
    if let Some(etag) = &request.if_match {
        headers.push(("if-match", etag));
    }
    fetch(request.method, &proxied(&request.path), &headers, request.body.as_deref()).await
}

/// Where the browser asks for what the API has at this path.
pub(crate) fn proxied(path: &str) -> String {
    format!("{PROXY}{path}")
}

/// Sends a call of which the answer is wanted later.
pub(crate) fn begin_get(url: &str) -> Result<Promise, JsValue> {
    begin("GET", url, &[("accept", "application/json")], None)
}

/// Whether the session goes on after a 401. If it has ended, private pages give way to the log-in page.
pub(super) async fn is_still_logged_in() -> bool {
    let user = CurrentUser::of_page();
    user.check().await;
    user.is_logged_in_now()
}

/// After a 401 from the server itself: whoever was logged in may be so no more.
pub(super) async fn follow_session() {
    let user = CurrentUser::of_page();
    if user.is_logged_in_now() {
        user.check().await;
    }
}

pub(super) async fn get(url: &str) -> Result<Answer, Problem> {
    fetch("GET", url, &[("accept", "application/json")], None).await
}

pub(super) async fn post_form(url: &str, body: &str) -> Result<Answer, Problem> {
    let headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")];
    fetch("POST", url, &headers, Some(body)).await
}

async fn fetch(method: &str, url: &str, headers: &[(&str, &str)], body: Option<&str>) -> Result<Answer, Problem> {
    // JavaScript values stay in one thread, and so does everything in a browser.
    SendWrapper::new(async move {
        let _asking = Asking::begin();
        try_fetch(method, url, headers, body).await.map_err(|error| {
            warn!("{method} {url}: {error:?}");
            no_answer()
        })
    })
    .await
}

/// There was no answer, and the browser may know why.
pub(super) fn no_answer() -> Problem {
    let problem = Problem::of_status(0);
    if window().navigator().on_line() {
        return problem;
    }
    Problem { detail: "You are offline. Check the connection and try again.".to_owned(), ..problem }
}

/// How much browsers take along at least when a page goes away, in bytes (they count 64 KiB for all calls
/// together).
const MAX_KEPT_ALIVE: usize = 30_000;

async fn try_fetch(method: &str, url: &str, headers: &[(&str, &str)], body: Option<&str>) -> Result<Answer, JsValue> {
    let asked = if method == "GET" { ahead::take(url) } else { None };
    let response = match asked {
        Some(asked) => JsFuture::from(asked).await.and_then(JsCast::dyn_into).ok().filter(Response::ok),
        None => None,
    };
    let response = if let Some(response) = response {
        response
    } else {
        let answer = JsFuture::from(begin(method, url, headers, body)?).await;
        if method != "GET" {
            // What was asked for meanwhile may be from before the change.
            ahead::forget();
        }
        answer?.dyn_into()?
    };
    let body = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    Ok(Answer { status: response.status(), etag: response.headers().get("etag")?, body })
}

fn begin(method: &str, url: &str, headers: &[(&str, &str)], body: Option<&str>) -> Result<Promise, JsValue> {
    let init = RequestInit::new();
    init.set_method(method);
    let list = Headers::new()?;
    for (name, value) in headers {
        list.set(name, value)?;
    }
    init.set_headers(&list);
    if method != "GET" {
        ahead::forget();
        if body.is_none_or(|body| body.len() < MAX_KEPT_ALIVE) {
            // The page may go away meanwhile, and it must arrive all the same (Fetch §4.6).
            js_sys::Reflect::set(&init, &"keepalive".into(), &true.into())?;
        }
    }
    if let Some(body) = body {
        init.set_body(&body.into());
    }
    Ok(window().fetch_with_str_and_init(url, &init))
}

thread_local! {
    /// How many calls are under way.
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// A call that is under way: the style sheet shows a line on top while there is one.
pub(crate) struct Asking;

impl Asking {
    pub(crate) fn begin() -> Self {
        change(|calls| calls + 1);
        Self
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        change(|calls| calls - 1);
    }
}

fn change(count: fn(usize) -> usize) {
    CALLS.set(count(CALLS.get()));
    if let Some(page) = document().document_element() {
        let _ = page.toggle_attribute_with_force("data-asking", CALLS.get() > 0);
    }
}
