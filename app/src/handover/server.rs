//! The server's half: Leptos' resources, whose values are written into the page as JSON.
//!
//! Leptos itself would write them into a script. A block of data runs nothing, whatever is in it.

use std::{
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
};

use leptos::{prelude::*, server::codee::string::JsonSerdeCodec};
use serde::{Serialize, de::DeserializeOwned};

use super::element_id;
use crate::json;

/// What a page hands over, by its number, as JSON when it is there.
#[derive(Clone, Default)]
pub(crate) struct HandOver(Arc<Mutex<Vec<(usize, Text)>>>);

type Text = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

impl HandOver {
    fn add(id: usize, text: impl Future<Output = Option<String>> + Send + 'static) {
        // There is none while the list of routes is made.
        if let Some(Self(pieces)) = use_context() {
            pieces.lock().unwrap_or_else(PoisonError::into_inner).push((id, Box::pin(text)));
        }
    }

    fn take(&self) -> Vec<(usize, Text)> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes it, at the end of the page.
#[component]
pub(crate) fn HandedOver() -> impl IntoView {
    let all = use_context::<HandOver>().unwrap_or_default();
    Suspend::new(async move {
        page_above().await;
        let mut written = Vec::new();
        for (id, text) in all.take() {
            written.extend(text.await.map(|text| {
                let text = json::in_page(&text);
                view! { <script type="application/json" id=element_id(id)>{text}</script> }
            }));
        }
        written
    })
}

/// Waits until what stands above in the page is written. Leptos polls a part once as it begins the page, and
/// then when its turn has come.
async fn page_above() {
    let mut begun = false;
    poll_fn(|context| {
        if mem::replace(&mut begun, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The number of the next piece. Both sides count alike.
fn next_id() -> Option<usize> {
    Some(Owner::current_shared_context()?.next_id().into_inner())
}

/// Makes what Leptos would otherwise hand over by itself.
fn without_script<T>(make: impl FnOnce() -> T) -> T {
    let context = Owner::current_shared_context();
    let hydrates = |hydrates| context.iter().for_each(|context| context.set_is_hydrating(hydrates));
    hydrates(false);
    let value = make();
    hydrates(true);
    value
}

/// Data that a page waits for.
pub(crate) struct Data<T: Send + Sync + 'static>(Resource<T, JsonSerdeCodec>);

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
    let id = next_id();
    let data = without_script(|| Resource::new_with_options(source, fetch, false));
    // Leptos would warn that it is read outside of a view.
    let (ready, value): (_, AsyncDerived<T>) = (data.ready(), *data);
    if let Some(id) = id {
        HandOver::add(id, async move {
            ready.await;
            value.try_with_untracked(|value| value.as_ref().and_then(json::write)).flatten()
        });
    }
    Data(data)
}

/// A value that the server knows when the page begins.
pub(crate) fn value<T: Serialize + DeserializeOwned>(on_server: impl FnOnce() -> T) -> T {
    let (id, value) = (next_id(), on_server());
    if let Some(id) = id {
        HandOver::add(id, std::future::ready(json::write(&value)));
    }
    value
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
