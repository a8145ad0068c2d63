//! Logging in and out, and signing up.

use leptos::prelude::*;

use super::password::Password;
use crate::{api::Problem, user::User};

/// Logs in at the API. The token stays in the session, which outlives the browser's closing when there
/// is anything in `keep`; the answer is the person. What was `typed` before on the page to return to goes along.
///
/// # Errors
/// Why the API refused, with the API's status.
#[server(prefix = "/api", endpoint = "login")]
pub async fn login(
    #[server(default)] email: String,
    #[server(default)] password: Password,
    #[server(default)] return_to: String,
    #[server(default)] keep: String,
    #[server(default)] typed: String,
) -> Result<User, Problem> {
    use crate::{respond, return_to};
    use vestibule::LoginOptions;

    let (vestibule, session) = respond::visit()?;
    let options = LoginOptions { email: &email, password: &password.into(), persistent: Some(!keep.is_empty()) };
    let outcome = vestibule.login_with(&session, options).await;
    let page = return_to::or_notes(&return_to);
    if outcome.is_ok() {
        respond::go_on(page, &typed);
    }
    respond::finish(outcome.map(User::from_json).map_err(Problem::from), page, |problem| {
        let fields = [("email", email.as_str()), ("keep", &keep), ("return_to", &return_to), ("typed", &typed)];
        let back = if typed.is_empty() { respond::back } else { respond::back_within };
        back("/login", problem, &fields)
    })
}

/// Signs up at the API and logs in, for as long as [`login`] with the same `keep`.
///
/// # Errors
/// Why the API refused, with a sentence for each wrong field.
#[server(prefix = "/api", endpoint = "signup")]
pub async fn signup(
    #[server(default)] name: String,
    #[server(default)] email: String,
    #[server(default)] password: Password,
    #[server(default)] return_to: String,
    #[server(default)] keep: String,
) -> Result<User, Problem> {
    use crate::{respond, return_to};
    use vestibule::secret::Secret;

    let (vestibule, session) = respond::visit()?;
    let password = Secret::from(password);
    let fields = [("name", name.as_str()), ("email", &email), ("password", password.expose())];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect();
    let outcome = vestibule.signup_with(&session, fields, Some(!keep.is_empty())).await;
    respond::finish(outcome.map(User::from_json).map_err(Problem::from), return_to::or_notes(&return_to), |problem| {
        respond::back(
            "/signup",
            problem,
            &[("name", &name), ("email", &email), ("keep", &keep), ("return_to", &return_to)],
        )
    })
}

/// Logs out here and at the API.
///
/// # Errors
/// None: a person can always log out.
#[server(prefix = "/api", endpoint = "logout")]
pub async fn logout() -> Result<(), Problem> {
    use crate::respond;

    let (vestibule, session) = respond::visit()?;
    vestibule.logout(&session).await;
    respond::finish(Ok(()), "/", |_| "/".to_owned())
}
