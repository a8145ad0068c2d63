//! What the server hands over to the browser inside the page, so that nothing is asked twice.

use std::{fmt, future::Future};

use leptos::{
    prelude::{Resource, SharedValue},
    server::codee::{Decoder, Encoder},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::json;

/// Data that a page waits for.
pub(crate) type Data<T> = Resource<T, Json>;

/// Data that a page waits for: fetched on the server while it renders, and in the browser whenever
/// `source` changes. The browser starts with what the server got.
pub(crate) fn resource<S, T, F>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S) -> F + Send + Sync + 'static,
) -> Data<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = T> + Send + 'static,
{
    Resource::new_with_options(source, fetch, false)
}

/// A value that the server knows when the page begins.
pub(crate) fn value<T: Serialize + DeserializeOwned>(on_server: impl FnOnce() -> T) -> T {
    SharedValue::<T, Json>::new_with_encoding(on_server).into_inner()
}

/// How it is written into the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json;

/// The page holds something else than what was asked for.
#[derive(Debug)]
pub(crate) struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the page holds unexpected data")
    }
}

impl std::error::Error for Unreadable {}

impl<T: Serialize> Encoder<T> for Json {
    type Error = Unreadable;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, Unreadable> {
        // The browser hands nothing over, and need not know how.
        #[cfg(feature = "ssr")]
        return json::write(value).ok_or(Unreadable);
        #[cfg(not(feature = "ssr"))]
        {
            let _ = value;
            Err(Unreadable)
        }
    }
}

impl<T: DeserializeOwned> Decoder<T> for Json {
    type Error = Unreadable;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Unreadable> {
        json::read(text).ok_or(Unreadable)
    }
}
