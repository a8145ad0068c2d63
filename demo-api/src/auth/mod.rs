//! Logging in and out: access tokens for calls, refresh tokens for new access tokens.

mod account;
mod bearer;
mod login;
mod session;

pub use self::bearer::Session;
use crate::route::Route;

/// Routes of logging in, of the account, and of its sessions.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/auth/login", login::log_in),
        Route::post("/auth/refresh", login::refresh),
        Route::post("/auth/logout", login::log_out),
        Route::get("/auth/me", account::read),
        Route::patch("/auth/me", account::change),
        Route::get("/auth/sessions", account::list_sessions),
        Route::delete("/auth/sessions", account::end_other_sessions),
        Route::delete("/auth/sessions/{id}", account::end_session),
    ]
}
