//! Checks what the types of a contract cannot say.

use http::HeaderName;

use super::{Carrier, Contract, ContractError, CredentialStyle, Method, Place};

/// Checks a contract that has been read.
pub(super) fn check(contract: &Contract) -> Result<(), ContractError> {
    check_paths(contract)?;
    check_pointers(contract)?;
    check_statuses(contract)?;
    check_names(contract)?;
    if contract.login.method == Method::Get {
        return wrong("login.method", "must not be GET: the password would stand in the API's access log");
    }
    match &contract.verify {
        Some(verify) => verify.validate(),
        None => Ok(()),
    }
}

/// An error that names the key.
pub(super) fn wrong(key: &str, problem: &str) -> Result<(), ContractError> {
    Err(ContractError::Field(format!("`{key}` {problem}")))
}

fn check_paths(contract: &Contract) -> Result<(), ContractError> {
    let paths = [
        ("login.path", Some(&contract.login.path)),
        ("user.path", contract.user.path.as_ref()),
        ("refresh.path", contract.refresh.as_ref().map(|it| &it.path)),
        ("logout.path", contract.logout.as_ref().map(|it| &it.path)),
        ("sign_up.path", contract.sign_up.as_ref().map(|it| &it.path)),
        ("account.path", contract.account.as_ref().map(|it| &it.path)),
        ("account.sessions", contract.account.as_ref().and_then(|it| it.sessions.as_ref())),
    ];
    for (key, path) in paths {
        if path.is_some_and(|path| !path.starts_with('/')) {
            return wrong(key, "must start with `/`");
        }
    }
    Ok(())
}

fn check_pointers(contract: &Contract) -> Result<(), ContractError> {
    let Contract { login, tokens, user, sign_up, .. } = contract;
    let of = |place: Option<&Place>| match place {
        Some(Place::Pointer(pointer)) => Some(pointer.clone()),
        _ => None,
    };
    let pointers = [
        ("login.message", login.message.clone()),
        ("tokens.access_token", of(Some(&tokens.access_token))),
        ("tokens.refresh_token", of(tokens.refresh_token.as_ref())),
        ("tokens.expires_in", tokens.expires_in.clone()),
        ("user.login", user.login.clone()),
        ("user.pointer", Some(user.pointer.clone())),
        ("sign_up.message", sign_up.as_ref().and_then(|it| it.message.clone())),
        ("sign_up.errors", sign_up.as_ref().map(|it| it.errors.clone())),
    ];
    for (key, pointer) in pointers {
        // The empty pointer is the whole answer (RFC 6901 §5).
        if pointer.is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            return wrong(key, "must be a JSON pointer, which starts with `/`");
        }
    }
    Ok(())
}

fn check_statuses(contract: &Contract) -> Result<(), ContractError> {
    let refresh = contract.refresh.iter().flat_map(|it| &it.refused);
    for (key, status) in (contract.login.refused.iter().map(|status| ("login.refused", status)))
        .chain(refresh.map(|status| ("refresh.refused", status)))
    {
        if !(400..500).contains(status) {
            return wrong(key, "must be a list of statuses from 400 to 499");
        }
    }
    Ok(())
}

fn check_names(contract: &Contract) -> Result<(), ContractError> {
    match &contract.credential {
        CredentialStyle::Header(name) => check_header("credential.header", name)?,
        CredentialStyle::Cookie(name) => check_cookie("credential.cookie", name)?,
        CredentialStyle::Bearer | CredentialStyle::Bare => {}
    }
    let refresh = contract.refresh.as_ref().map(|it| ("refresh.send", &it.send));
    let logout = contract.logout.as_ref().and_then(|it| Some(("logout.send", it.send.as_ref()?)));
    for (key, carrier) in refresh.into_iter().chain(logout) {
        match carrier {
            Carrier::Header(name) => check_header(key, name)?,
            Carrier::Cookie(name) => check_cookie(key, name)?,
            Carrier::Field(_) | Carrier::Bearer => {}
        }
    }
    Ok(())
}

fn check_header(key: &str, name: &str) -> Result<(), ContractError> {
    if HeaderName::try_from(name).is_err() { wrong(key, &format!("is no header name: {name}")) } else { Ok(()) }
}

/// A cookie's name is a token (RFC 6265 §4.1.1), as a header's is.
fn check_cookie(key: &str, name: &str) -> Result<(), ContractError> {
    if HeaderName::try_from(name).is_err() { wrong(key, &format!("is no cookie name: {name}")) } else { Ok(()) }
}
