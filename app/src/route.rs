//! The pages as the router knows them. With the feature `split` the code of each is a file of its own,
//! which the browser loads when the page is first visited.

use std::{future::Future, pin::Pin};

use leptos::prelude::*;
#[cfg(feature = "split")]
use leptos::wasm_split::{SplitLoaderError, wasm_split};
use leptos_router::ChooseView;

use crate::{
    component::{private, visitor},
    page,
};

/// A page, and its code, which may have to be loaded.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    view: fn() -> Loading<AnyView>,
    #[cfg_attr(feature = "ssr", expect(dead_code, reason = "the server has all code"))]
    code: fn() -> Loading<()>,
}

type Loading<T> = Pin<Box<dyn Future<Output = Result<T, Missing>>>>;

#[cfg(feature = "split")]
type Missing = SplitLoaderError;
#[cfg(not(feature = "split"))]
type Missing = std::convert::Infallible;

impl ChooseView for Page {
    async fn choose(self) -> AnyView {
        // The code may still have to come.
        #[cfg(not(feature = "ssr"))]
        let _asking = crate::api::browser::Asking::begin();
        match (self.view)().await {
            Ok(view) => view,
            Err(_) => missing().await,
        }
    }

    async fn preload(&self) {}
}

/// The code could not be loaded: there is no connection, or another version of it by now. The browser
/// goes to the page by itself, which tells the one and mends the other.
async fn missing() -> AnyView {
    #[cfg(not(feature = "ssr"))]
    let _ = location().set_href(&crate::query::here());
    std::future::pending().await
}

/// Loads the code of the page that the server has written, and tells whether it is there. To be called before the
/// page is taken over: what happens between its parts would not fit what the server has written.
#[cfg(not(feature = "ssr"))]
pub async fn load_page() -> bool {
    let path = location().pathname().unwrap_or_default();
    let name = name(&path);
    match PAGES.iter().find(|(it, _)| *it == name) {
        Some((_, page)) => (page.code)().await.is_ok(),
        None => true,
    }
}

/// Makes a page of a view. `$name` is its part of the name of its file.
macro_rules! page {
    ($constant:ident, $name:ident, $view:expr) => {
        pub(crate) const $constant: Page = {
            #[cfg(feature = "split")]
            #[wasm_split($name, wasm_split_path = leptos::wasm_split, fallible, preload(code))]
            fn $name() -> Result<AnyView, Missing> {
                Ok($view)
            }
            #[cfg(not(feature = "split"))]
            async fn $name() -> Result<AnyView, Missing> {
                Ok($view)
            }
            #[cfg(not(feature = "split"))]
            async fn code() -> Result<(), Missing> {
                Ok(())
            }
            Page { view: || Box::pin($name()), code: || Box::pin(code()) }
        };
    };
}

page!(HOME, home, page::Home().into_any());
page!(LOG_IN, login, visitor(|| page::LogIn().into_any()));
page!(SIGN_UP, signup, visitor(|| page::SignUp().into_any()));
page!(NOTES, notes, private(|| page::Notes().into_any()));
page!(EDIT_NOTE, note, private(|| page::EditNote().into_any()));
page!(ACCOUNT, account, private(|| page::Account().into_any()));

/// The pages by the names of their files.
#[cfg(not(feature = "ssr"))]
const PAGES: &[(&str, Page)] = &[
    ("home", HOME),
    ("login", LOG_IN),
    ("signup", SIGN_UP),
    ("notes", NOTES),
    ("note", EDIT_NOTE),
    ("account", ACCOUNT),
];

/// The name of the page at a path, as its file has it.
pub(crate) fn name(path: &str) -> &str {
    let path = path.trim_matches('/');
    match path.split_once('/') {
        Some(("notes", _)) => "note",
        _ if path.is_empty() => "home",
        _ => path,
    }
}
