//! Checks what the types of a contract cannot say.

use http::HeaderName;

use super::{Carrier, Contract, ContractError, Credential, Method, TokenLocation, Tokens, User, error::wrong};

/// Checks a contract that has been read.
pub(super) fn check(contract: &Contract) -> Result<(), ContractError> {
    check_paths(contract)?;
    check_pointers(contract)?;
    check_statuses(contract)?;
    check_names(contract)?;
    check_tokens("tokens", &contract.tokens)?;
    check_routes(contract)?;
    check_opened(contract)?;
    if contract.login.method == Method::Get {
        return wrong("login.method", "must not be GET: the password would stand in the API's access log");
    }
    match &contract.verify {
        Some(verify) => verify.validate(),
        None => Ok(()),
    }
}

fn check_paths(contract: &Contract) -> Result<(), ContractError> {
    let paths = [
        ("login.path", Some(&contract.login.path)),
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
    let Contract { login, user, sign_up, .. } = contract;
    let pointers = [
        ("login.message", login.message.as_ref()),
        ("sign_up.message", sign_up.as_ref().and_then(|it| it.message.as_ref())),
        ("sign_up.errors", sign_up.as_ref().map(|it| &it.errors)),
    ];
    for (key, pointer) in pointers {
        check_pointer(key, pointer)?;
    }
    check_user("user", user)
}

/// The empty pointer is the whole response (RFC 6901 §5).
fn check_pointer(key: &str, pointer: Option<&String>) -> Result<(), ContractError> {
    if pointer.is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
        return wrong(key, "must be a JSON pointer, which starts with `/`");
    }
    Ok(())
}

fn check_user(key: &str, user: &User) -> Result<(), ContractError> {
    check_pointer(&format!("{key}.login"), user.login.as_ref())?;
    check_pointer(&format!("{key}.pointer"), Some(&user.pointer))?;
    if user.path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        return wrong(&format!("{key}.path"), "must start with `/`");
    }
    Ok(())
}

fn check_tokens(key: &str, tokens: &Tokens) -> Result<(), ContractError> {
    let places = [
        ("access_token", Some(&tokens.access_token)),
        ("refresh_token", tokens.refresh_token.as_ref()),
        ("rolled", tokens.rolled.as_ref()),
    ];
    for (name, place) in places {
        let key = format!("{key}.{name}");
        match place {
            Some(TokenLocation::Pointer(_)) if name == "rolled" => {
                return wrong(&key, "must be a header or a cookie, like { header = \"authorization\" }");
            }
            Some(TokenLocation::Pointer(pointer)) => check_pointer(&key, Some(pointer))?,
            Some(TokenLocation::Header(it)) => check_header(&key, &it.header)?,
            Some(TokenLocation::Cookie(it)) => check_cookie(&key, &it.cookie)?,
            None => {}
        }
    }
    check_pointer(&format!("{key}.expires_in"), tokens.expires_in.as_ref())
}

fn check_routes(contract: &Contract) -> Result<(), ContractError> {
    for route in &contract.token_routes {
        if !route.path.starts_with('/') {
            return wrong("token_routes.path", "must start with `/`");
        }
        let is_own = |path: &str| is_below(&route.path, path) && is_below(path, &route.path);
        let refreshes = contract.refresh.as_ref().is_some_and(|it| is_own(&it.path) && it.method == route.method);
        if refreshes || (is_own(&contract.login.path) && contract.login.method == route.method) {
            return wrong("token_routes.path", &format!("is the log-in or the refresh already: {}", route.path));
        }
        if let Some(tokens) = &route.tokens {
            check_tokens("token_routes.tokens", tokens)?;
        }
        if let Some(user) = &route.user {
            check_user("token_routes.user", user)?;
        }
    }
    Ok(())
}

/// Checks the closed paths, and those that are opened below them.
fn check_opened(contract: &Contract) -> Result<(), ContractError> {
    if let Some(path) = contract.closed.iter().find(|path| !path.starts_with('/') || path.trim_matches('/').is_empty())
    {
        return wrong("closed", &format!("must be a list of paths like \"/socket.io\": {path}"));
    }
    let Contract { login, refresh, sign_up, token_routes, closed, .. } = contract;
    let parents = std::iter::once(&login.path)
        .chain(refresh.iter().map(|it| &it.path))
        .chain(sign_up.iter().map(|it| &it.path))
        .chain(token_routes.iter().map(|it| &it.path))
        .chain(closed);
    let parents: Vec<&String> = parents.collect();
    for path in &contract.allow_below {
        let is_above = |parent: &&String| is_below(path, parent);
        let is_itself = |parent: &&String| is_below(parent, path);
        if !path.starts_with('/') || !parents.iter().any(is_above) || parents.iter().any(is_itself) {
            return wrong(
                "allow_below",
                &format!("must name paths below one that is closed, and none of tokens: {path}"),
            );
        }
    }
    Ok(())
}

/// Whether a path is another one, or lies below it.
fn is_below(path: &str, other: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.strip_prefix(other.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
    if let Credential::Cookie(name) = &contract.credential {
        check_cookie("credential.cookie", name)?;
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
