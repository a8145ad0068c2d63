//! The pages, one file each.

mod account;
mod home;
mod login;
mod not_found;
mod note;
mod notes;
mod signup;

pub(crate) use self::{
    account::Account, home::Home, login::LogIn, not_found::NotFound, note::EditNote, notes::Notes, signup::SignUp,
};
use crate::query;

/// Where a note is edited.
pub(crate) fn note_path(id: &str) -> String {
    format!("/notes/{}", query::escape(id))
}
