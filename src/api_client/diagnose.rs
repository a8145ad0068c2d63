//! Tries a contract on the real API and tells each step: what was sent, what came back, what was
//! found where, and what to change when something was not.

mod redact;
mod suggest;

use serde_json::Value;

use self::redact::{answer_lines, request_lines, token_line};
use super::{
    ApiClient, ApiResponse, ClientError, ContractRequest, Described, MAX_TOKENS, RequestError, Tokens, api_error, token,
};
use crate::{config::ApiConfig, contract::Carrier, secret::Secret};

/// The result of trying the contract, in lines for an operator. It holds no token and no password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The steps, in order.
    pub lines: Vec<String>,
    /// The person, as the session would keep them; absent when the login failed.
    pub user: Option<Value>,
    /// The problems that stopped the try, or that exist although the login works.
    pub faults: Vec<Fault>,
}

/// Something that the contract has wrong, or the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The problem.
    pub cause: String,
    /// The line of the settings to change.
    pub change: String,
}

/// Logs in with the contract's calls one after the other, renews the token, and logs out again.
/// `now` is in seconds since the epoch.
///
/// # Errors
/// When the HTTP client cannot be set up. That `config` has no URL is a fault in the report.
pub async fn diagnose(config: &ApiConfig, email: &str, password: &Secret, now: i64) -> Result<Report, ClientError> {
    let mut report = Report::default();
    let Some(url) = config.url.clone() else {
        report.fault("no API is set", "[api] url = \"http://…\"");
        return Ok(report);
    };
    let diagnose = Probe { upstream: ApiClient::new(url, config)?, now };
    if let Some((answer, tokens)) = diagnose.log_in(&mut report, email, password).await {
        diagnose.user(&mut report, &answer, &tokens).await;
        let tokens = diagnose.refresh(&mut report, tokens).await;
        diagnose.log_out(&mut report, &tokens).await;
    }
    Ok(report)
}

struct Probe {
    upstream: ApiClient,
    now: i64,
}

impl Report {
    fn step(&mut self, title: &str) {
        self.lines.push(title.to_owned());
    }

    fn note(&mut self, line: impl AsRef<str>) {
        self.lines.push(format!("   {}", line.as_ref()));
    }

    fn fault(&mut self, cause: impl Into<String>, change: impl Into<String>) {
        let fault = Fault { cause: cause.into(), change: change.into() };
        self.note(format!("WRONG  {}", fault.cause));
        self.note(format!("change {}", fault.change));
        self.faults.push(fault);
    }
}

impl Probe {
    /// Sends a call and notes both directions.
    async fn exchange(
        &self,
        report: &mut Report,
        contract_request: ContractRequest,
        token: Option<&Secret>,
        secrets: &[&str],
    ) -> Result<ApiResponse, RequestError> {
        for line in request_lines(&self.upstream, &contract_request, token.is_some(), secrets) {
            report.note(line);
        }
        let answer = self.upstream.deliver(contract_request, token, MAX_TOKENS).await?;
        for line in answer_lines(&answer, secrets) {
            report.note(line);
        }
        Ok(answer)
    }

    async fn log_in(&self, report: &mut Report, email: &str, password: &Secret) -> Option<(ApiResponse, Tokens)> {
        report.step("1. log in");
        let contract = self.upstream.contract();
        let contract_request = ContractRequest::log_in(&contract.login, email, password);
        let answer = match self.exchange(report, contract_request, None, &[password.expose()]).await {
            Ok(answer) => answer,
            Err(request_error) => {
                report.fault(request_error.cause(), suggest::for_request_error(&request_error));
                return None;
            }
        };
        if !answer.status.is_success() {
            let cause = api_error::unexpected(&answer).replacen("unexpected ", "the log-in was answered with ", 1);
            report.fault(cause, suggest::for_status(contract, &answer));
            return None;
        }
        let tokens = match Tokens::read(&contract.tokens, &answer, self.now) {
            Ok(tokens) => tokens,
            Err(cause) => {
                report.fault(cause, suggest::for_tokens(&contract.tokens, &answer));
                return None;
            }
        };
        self.note_tokens(report, &tokens);
        if let Some(verifier) = &self.upstream.verifier {
            match verifier.check(&tokens.access, self.now, &self.upstream.client).await {
                Ok(()) => report.note("found  a signature that passes `verify`"),
                Err(request_error) => {
                    report.fault(
                        request_error.cause(),
                        "[api.contract.verify]: the key, `issuer`, `audience` or `algorithms`",
                    );
                    return None;
                }
            }
        }
        Some((answer, tokens))
    }

    fn note_tokens(&self, report: &mut Report, tokens: &Tokens) {
        let places = &self.upstream.contract().tokens;
        report.note(format!("found  access token at {}: {}", places.access_token, token_line(&tokens.access)));
        match (&places.refresh_token, &tokens.refresh) {
            (Some(place), Some(token)) => {
                report.note(format!("found  refresh token at {place}: {}", token_line(token)));
            }
            (Some(place), None) => report.note(format!("none   refresh token at {place}")),
            (None, _) => {}
        }
        report.note(match tokens.expires_at {
            Some(end) => format!("found  the access token ends in {} s", end - self.now),
            None => "none   the access token's end is not known: sessions end by the limits of [session]".into(),
        });
    }

    async fn user(&self, report: &mut Report, login: &ApiResponse, tokens: &Tokens) {
        report.step("2. the person");
        let user = &self.upstream.contract().user;
        match self.upstream.user(user, login, tokens).await {
            Ok(Described { user: found, left_out }) => {
                let has_it = |pointer: &String| login.json().is_ok_and(|body| body.pointer(pointer).is_some());
                report.note(match (user.login.as_ref().filter(|pointer| has_it(pointer)), &user.path) {
                    (Some(pointer), _) => format!("found  in the answer to the log-in, at `{pointer}`"),
                    (None, Some(path)) => format!("found  at GET {path}"),
                    (None, None) => "found  in the token's claims".into(),
                });
                for pointer in &left_out {
                    report
                        .note(format!("left   `{pointer}` out of the user: it holds a token, which no page may have"));
                }
                if !left_out.is_empty() {
                    report.note(format!("better {}", suggest::for_left_out(&found)));
                }
                report.user = Some(found);
            }
            Err(request_error) => report.fault(request_error.cause(), suggest::for_user(login, tokens)),
        }
    }

    async fn refresh(&self, report: &mut Report, tokens: Tokens) -> Tokens {
        let (Some(refresh), Some(token)) = (&self.upstream.contract().refresh, &tokens.refresh) else { return tokens };
        report.step("3. refresh");
        let secrets = [token.expose()];
        let answer = match self.exchange(report, ContractRequest::refresh(refresh, token), None, &secrets).await {
            Ok(answer) => answer,
            Err(request_error) => {
                report.fault(request_error.cause(), suggest::for_request_error(&request_error));
                return tokens;
            }
        };
        if !answer.status.is_success() {
            report.fault(
                format!("the refresh was answered with {}", answer.status),
                format!(
                    "[api.contract.refresh] path = \"{}\" or send = {}; without refresh: refresh = false",
                    refresh.path,
                    carrier(&refresh.send)
                ),
            );
            return tokens;
        }
        match Tokens::read(&self.upstream.contract().tokens, &answer, self.now) {
            Ok(next) => {
                self.note_tokens(report, &next);
                let kept = if refresh.rotates { next.refresh.clone() } else { None };
                Tokens { refresh: kept.or(tokens.refresh), ..next }
            }
            Err(cause) => {
                report.fault(cause, suggest::for_tokens(&self.upstream.contract().tokens, &answer));
                tokens
            }
        }
    }

    async fn log_out(&self, report: &mut Report, tokens: &Tokens) {
        let Some(logout) = &self.upstream.contract().logout else { return };
        report.step("4. log out");
        let secrets: Vec<&str> = tokens.refresh.iter().map(Secret::expose).collect();
        let contract_request = ContractRequest::log_out(logout, tokens.refresh.as_ref());
        let cause = match self.exchange(report, contract_request, Some(&tokens.access), &secrets).await {
            Ok(answer) if answer.status.is_success() => return,
            Ok(answer) => api_error::unexpected(&answer),
            Err(request_error) => request_error.cause().to_owned(),
        };
        report.fault(cause, format!("[api.contract.logout] path = \"{}\"; without it: logout = false", logout.path));
    }
}

/// A carrier, as TOML has it.
fn carrier(carrier: &Carrier) -> String {
    match carrier {
        Carrier::Field(name) => format!("{{ field = \"{name}\" }}"),
        Carrier::Header(name) => format!("{{ header = \"{name}\" }}"),
        Carrier::Cookie(name) => format!("{{ cookie = \"{name}\" }}"),
        Carrier::Bearer => "\"bearer\"".into(),
    }
}

/// The claims of a token that is a JWT.
fn claims(token: &Secret) -> Option<Value> {
    token::claims(token)
}
