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

/// A page, or its code that is being loaded.
#[derive(Clone, Copy)]
pub(crate) struct Page(fn() -> Loading);

type Loading = Pin<Box<dyn Future<Output = Result<AnyView, Missing>>>>;

#[cfg(feature = "split")]
type Missing = SplitLoaderError;
#[cfg(not(feature = "split"))]
type Missing = std::convert::Infallible;

impl ChooseView for Page {
    async fn choose(self) -> AnyView {
        match (self.0)().await {
            Ok(view) => view,
            Err(_) => missing().await,
        }
    }

    async fn preload(&self) {}
}

/// The code could not be loaded: there is no connection, or another version of it by now. The browser
/// goes to the page by itself, which tells the one and mends the other. A page that it shows already goes
/// on as without JavaScript.
async fn missing() -> AnyView {
    #[cfg(not(feature = "ssr"))]
    {
        let (wanted, shown) = (crate::query::here(), location());
        if shown.pathname().ok().zip(shown.search().ok()).is_some_and(|(path, query)| path + &query != wanted) {
            let _ = shown.set_href(&wanted);
        }
    }
    std::future::pending().await
}

/// Makes a page of a view. `$name` is its part of the name of its file.
macro_rules! page {
    ($constant:ident, $name:ident, $view:expr) => {
        pub(crate) const $constant: Page = {
            #[cfg(feature = "split")]
            #[wasm_split($name, wasm_split_path = leptos::wasm_split, fallible)]
            fn $name() -> Result<AnyView, Missing> {
                Ok($view)
            }
            #[cfg(not(feature = "split"))]
            async fn $name() -> Result<AnyView, Missing> {
                Ok($view)
            }
            Page(|| Box::pin($name()))
        };
    };
}

page!(HOME, home, page::Home().into_any());
page!(LOG_IN, login, visitor(|| page::LogIn().into_any()));
page!(SIGN_UP, signup, visitor(|| page::SignUp().into_any()));
page!(NOTES, notes, private(|| page::Notes().into_any()));
page!(EDIT_NOTE, note, private(|| page::EditNote().into_any()));
page!(ACCOUNT, account, private(|| page::Account().into_any()));

/// The name of the page at a path, as its file has it.
#[cfg(feature = "ssr")]
pub(crate) fn name(path: &str) -> &str {
    let path = path.trim_matches('/');
    match path.split_once('/') {
        Some(("notes", _)) => "note",
        _ if path.is_empty() => "home",
        _ => path,
    }
}
