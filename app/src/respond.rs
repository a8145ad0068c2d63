//! What a page or server function makes of the HTTP answer. In the browser there is no answer to
//! make, and these functions do nothing.

#[cfg(feature = "ssr")]
pub(crate) use self::server::*;

/// Sets the status of the answer.
pub(crate) fn status(status: u16) {
    #[cfg(feature = "ssr")]
    self::server::set_status(status);
    #[cfg(not(feature = "ssr"))]
    let _ = status;
}

#[cfg(feature = "ssr")]
mod server {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;
    use vestibule::{Vestibule, session::Session};

    use crate::{
        api::problem::{Problem, query as problem_query},
        hand_back::{self, Answer},
        json, query, user,
    };

    /// The session of this request. `None` while the list of routes is made at start-up.
    pub(crate) fn session() -> Option<Session> {
        use_context::<Session>().or_else(|| use_context::<Parts>()?.extensions.get().cloned())
    }

    /// The library and the session of this request.
    ///
    /// # Errors
    /// When there is no request.
    pub(crate) fn visit() -> Result<(Vestibule, Session), Problem> {
        use_context::<Vestibule>().zip(session()).ok_or_else(|| Problem::of_status(500))
    }

    pub(super) fn set_status(status: u16) {
        if let (Some(answer), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
            answer.set_status(status);
        }
    }

    /// Sets a header of the answer; a value that no header can have is left out.
    pub(crate) fn header(name: HeaderName, value: &str) {
        if let (Some(answer), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
            answer.insert_header(name, value);
        }
    }

    /// Adds a header to the answer; a value that no header can have is left out.
    pub(crate) fn add_header(name: HeaderName, value: &str) {
        if let (Some(answer), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
            answer.append_header(name, value);
        }
    }

    /// The value of a cookie of the request.
    pub(crate) fn cookie(name: &str) -> Option<String> {
        cookie_in(&use_context::<Parts>()?.headers, name)
    }

    /// The value of a cookie that came with these header fields.
    pub(crate) fn cookie_in(headers: &HeaderMap, name: &str) -> Option<String> {
        let fields = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }

    /// Answers a page with a redirect, whatever the client accepts.
    pub(crate) fn redirect(path: &str) {
        set_status(302);
        header(header::LOCATION, path);
    }

    /// Sends a person whose session has ended, and who asked for a page, to the log-in page.
    pub(crate) fn to_login_from_page() {
        if let Some(parts) = use_context::<Parts>()
            && parts.method == http::Method::GET
        {
            let here = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            redirect(&crate::user::login_path(here, true));
        }
    }

    /// Whether the request brought a session's cookie. When nobody is logged in all the same, the
    /// session has ended on its own: a log-out removes the cookie.
    pub(crate) fn had_session() -> bool {
        use_context::<Vestibule>().is_some_and(|vestibule| cookie(vestibule.session_cookie()).is_some())
    }

    /// Finishes a server function. A form without JavaScript (it accepts HTML) goes on to a page: to
    /// `done`, or with the failure and what was typed to `back`. A `fetch` gets the value, or the
    /// failure with its own status.
    ///
    /// # Errors
    /// The failure, as given.
    pub(crate) fn finish<T>(
        outcome: Result<T, Problem>,
        done: &str,
        back: impl FnOnce(&Problem) -> String,
    ) -> Result<T, Problem> {
        let form = is_form();
        header(header::CACHE_CONTROL, "no-store");
        match &outcome {
            _ if form => {
                let to = outcome.as_ref().map_or_else(back, |_| done.to_owned());
                // Set here: by itself Leptos would go back to the page that the form was on.
                set_status(303);
                header(header::LOCATION, &to);
            }
            Ok(_) => {}
            Err(problem) => set_status(problem.status),
        }
        outcome
    }

    /// A path with the failure and what was typed. What is too long for a URL is handed back with the
    /// page itself.
    pub(crate) fn back(page: &str, problem: &Problem, typed: &[(&str, &str)]) -> String {
        let error = problem_query::write(problem);
        let path = query::path(page, &[&[("error", error.as_str())], typed].concat());
        if path.len() <= LONGEST {
            return path;
        }
        back_within(page, problem, typed)
    }

    /// The same with the page itself, whatever its length: for what no address may carry.
    pub(crate) fn back_within(page: &str, problem: &Problem, typed: &[(&str, &str)]) -> String {
        let typed = typed.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let page = query::path(page, &[("error", &problem_query::write(problem))]);
        hand_back::leave(Answer { page: page.clone(), status: problem.status, typed });
        page
    }

    /// The same by way of the log-in page, which leads back. What is too long for the way back goes along
    /// in its form, see [`go_on`].
    pub(crate) fn back_after_log_in(page: &str, typed: &[(&str, &str)]) -> String {
        if let Some(path) = vestibule::return_to::local_path(&query::path(page, typed)) {
            return user::login_path(path, true);
        }
        let page = user::login_path(page, true);
        let typed = json::write(&typed).map(|typed| ("typed".to_owned(), typed)).into_iter().collect();
        hand_back::leave(Answer { page: page.clone(), status: 401, typed });
        page
    }

    /// Shows the page that a log-in leads to with what was typed there before it.
    pub(crate) fn go_on(page: &str, typed: &str) {
        if let Some(typed) = json::read(typed).filter(|_| is_form()) {
            hand_back::leave(Answer { page: page.to_owned(), status: 200, typed });
        }
    }

    /// Whether a browser sends the form by itself, without JavaScript, and shows the answer.
    fn is_form() -> bool {
        use_context::<Parts>().is_some_and(|parts| vestibule::accept::wants_page(&parts.headers))
    }

    /// What servers and proxies commonly take as a request line.
    const LONGEST: usize = 7_000;
}
