//! The server's half: Leptos' resources, which write what they got into the page.

use std::{fmt, future::Future};

use leptos::{
    prelude::*,
    server::codee::{Decoder, Encoder},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::json;

/// Data that a page waits for.
pub(crate) struct Data<T: Send + Sync + 'static>(Resource<T, Json>);

impl<T: Send + Sync> Copy for Data<T> {}

impl<T: Send + Sync> Clone for Data<T> {
    fn clone(&self) -> Self {
        *self
    }
}

/// Data that a page waits for: fetched while the page is written, which is not sent before.
pub(crate) fn resource<S, T, F>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S) -> F + Send + Sync + 'static,
) -> Data<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = T> + Send + 'static,
{
    Data(Resource::new_with_options(source, fetch, false))
}

/// A value that the server knows when the page begins.
pub(crate) fn value<T: Serialize + DeserializeOwned>(on_server: impl FnOnce() -> T) -> T {
    SharedValue::<T, Json>::new_with_encoding(on_server).into_inner()
}

impl<T: Clone + Serialize + DeserializeOwned + Send + Sync> Data<T> {
    #[expect(clippy::unused_self, reason = "nothing is asked for anew while a page is written")]
    pub(crate) fn is_pending(self) -> bool {
        false
    }

    pub(crate) fn refetch(self) {
        self.0.refetch();
    }

    pub(crate) fn update(self, change: impl FnOnce(&mut T)) {
        self.0.update(|answer| {
            let _ = answer.as_mut().map(change);
        });
    }

    /// The answer. To be called in what [`Data::begin`] shows.
    pub(crate) fn get(self) -> Option<T> {
        self.0.try_get().flatten()
    }

    /// Shows data: `show` has the answer.
    pub(crate) fn wait(
        self,
        fallback: fn() -> AnyView,
        show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
    ) -> AnyView {
        let content = move || {
            let show = show.clone();
            Suspend::new(async move { show(self.0.await) })
        };
        view! { <Suspense fallback>{content}</Suspense> }.into_any()
    }

    /// Shows what follows the data by itself.
    #[expect(clippy::unused_self, reason = "what is shown reads it by itself")]
    pub(crate) fn begin(
        self,
        fallback: fn() -> AnyView,
        show: impl Fn() -> AnyView + Send + Sync + 'static,
    ) -> AnyView {
        view! { <Suspense fallback>{show()}</Suspense> }.into_any()
    }
}

/// How it is written into the page.
#[derive(Clone, Copy, Debug)]
struct Json;

/// The page holds something else than what was asked for.
#[derive(Debug)]
struct Unreadable;

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
        json::write(value).ok_or(Unreadable)
    }
}

impl<T: DeserializeOwned> Decoder<T> for Json {
    type Error = Unreadable;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Unreadable> {
        json::read(text).ok_or(Unreadable)
    }
}
