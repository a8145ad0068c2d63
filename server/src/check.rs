//! `vestibule check`: prints the resolved settings, tries the API, and reports what is wrong.

use std::{
    error::Error,
    io::{self, Write},
    path::Path,
};

use axum::http::Method;
use vestibule::{
    Vestibule,
    api_client::{ApiCall, diagnose},
    clock::Clock,
    secret::Secret,
    session::Session,
};

use crate::settings::Settings;

/// The password for `check --login`: a variable, so that it does not appear in the shell history.
const PASSWORD_VARIABLE: &str = "VESTIBULE_CHECK_PASSWORD";

/// The check found an error.
#[derive(Debug, thiserror::Error)]
#[error("the check failed: {0}")]
struct CheckError(String);

pub(crate) fn run(file: Option<&Path>, login: Option<&str>) -> Result<(), Box<dyn Error>> {
    let settings = Settings::load(file)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", toml::to_string(&settings)?)?;
    if settings.api.url.is_none() {
        writeln!(out, "ok: no `api.url` is set, so the server will run the demo API")?;
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(try_api(&mut out, &settings, login))
}

async fn try_api(out: &mut impl Write, settings: &Settings, login: Option<&str>) -> Result<(), Box<dyn Error>> {
    let vestibule = Vestibule::new(settings.library()?)?;
    let url = settings.api.url.as_ref().map(ToString::to_string).unwrap_or_default();
    let response =
        vestibule.call(&Session::default(), ApiCall::new(Method::GET, "/")).await.map_err(|_| unreachable(&url))?;
    writeln!(out, "ok: the API at {url} responds ({})", response.status)?;
    match login {
        None => writeln!(out, "next: vestibule check --login EMAIL tries a login")?,
        Some(email) => try_login(out, settings, email).await?,
    }
    Ok(())
}

/// Tries each call of the contract and prints the results.
async fn try_login(out: &mut impl Write, settings: &Settings, email: &str) -> Result<(), Box<dyn Error>> {
    let password = std::env::var(PASSWORD_VARIABLE)
        .map_err(|_| CheckError(format!("set {PASSWORD_VARIABLE} to the password of {email}")))?;
    writeln!(out, "\n{}", settings.api.contract)?;
    let report = diagnose(&settings.api, email, &Secret::from(password), Clock::system().now()).await?;
    for line in &report.lines {
        writeln!(out, "{line}")?;
    }
    if let Some(user) = &report.user {
        writeln!(out, "ok: logged in as {user}")?;
    }
    match report.faults.first() {
        Some(fault) => Err(CheckError(format!("{}. Change: {}", fault.cause, fault.change)).into()),
        None => Ok(()),
    }
}

fn unreachable(url: &str) -> CheckError {
    CheckError(format!("cannot reach the API at {url}: start it, or set `api.url` (VESTIBULE_API__URL) to its address"))
}
