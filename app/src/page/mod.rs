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
use crate::{
    query::{self, Query},
    service::Service,
};

/// Where a note is edited.
pub(crate) fn note_path(id: &str) -> String {
    format!("/notes/{}", query::escape(id))
}

/// What the page at this address asks of the API, so that it can be asked ahead; nothing for a page that
/// is there without.
#[cfg_attr(all(feature = "ssr", not(test)), expect(dead_code, reason = "only browsers ask ahead"))]
pub(crate) fn data(address: &str, service: Service) -> Vec<String> {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    if path == "/notes" {
        return vec![notes::list_path_of(&Query::parse(query))];
    }
    // The API has a note at the same path as the site.
    let note = path.strip_prefix("/notes/").map(|_| path.to_owned());
    let files = note.as_ref().filter(|_| service.has_attachments).map(|note| format!("{note}/attachments"));
    note.into_iter().chain(files).collect()
}

#[cfg(test)]
mod tests {
    use super::{Service, data};

    #[test]
    fn knows_what_a_page_asks_for() {
        let (all, none) = (Service::all(), Service { has_attachments: false, ..Service::all() });
        assert_eq!(data("/notes?q=a%20b&page=3", all), ["/notes?q=a%20b&%24limit=12&%24skip=24"]);
        assert_eq!(data("/notes", all), ["/notes?%24limit=12&%24skip=0"]);
        assert_eq!(data("/notes/a%2Fb", all), ["/notes/a%2Fb", "/notes/a%2Fb/attachments"]);
        assert_eq!(data("/notes/7", none), ["/notes/7"]);
        assert!(
            data("/", all).is_empty()
                && data("/account", all).is_empty()
                && data("/login?return_to=/notes", all).is_empty()
        );
    }
}
