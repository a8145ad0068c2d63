//! The browser's half: a signal for each piece of data.
//!
//! Leptos' own `Resource` and `Suspense` can do more than pages need here, and are compiled anew for
//! each type of data. Here all data has one type but where it is decoded.

use std::{any::Any, cell::Cell, future::Future, marker::PhantomData, pin::Pin, rc::Rc, sync::Arc};

use leptos::{prelude::*, task::spawn_local};
use serde::{Serialize, de::DeserializeOwned};

use super::element_id;
use crate::{component::effect, json};

/// Data that a page waits for.
pub(crate) struct Data<T> {
    erased: Erased,
    kind: PhantomData<fn() -> T>,
}

/// Data of any type.
#[derive(Clone, Copy)]
struct Erased {
    answer: RwSignal<Option<Answer>>,
    /// How often it was asked for anew.
    turn: RwSignal<u32>,
    pending: RwSignal<bool>,
}

type Answer = Arc<dyn Any + Send + Sync>;
type Asking = Pin<Box<dyn Future<Output = Answer>>>;

impl<T> Copy for Data<T> {}

impl<T> Clone for Data<T> {
    fn clone(&self) -> Self {
        *self
    }
}

/// Data that a page waits for: what the server has got at first, and fetched whenever `source` changes.
pub(crate) fn resource<S, T, F>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S) -> F + Send + Sync + 'static,
) -> Data<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let erased = Erased::new(handed_over::<T>().map(|value| Arc::new(value) as Answer));
    let mut asked = None;
    erased.follow(Box::new(move || {
        let now = (erased.turn.get(), source());
        // What the server has handed over need not be asked for.
        let known = asked.is_none() && erased.answer.with_untracked(Option::is_some);
        let same = asked.replace(now.clone()).is_some_and(|before| before == now);
        let fetching = (!known && !same).then(|| fetch(now.1))?;
        Some(Box::pin(async move { Arc::new(fetching.await) as Answer }))
    }));
    Data { erased, kind: PhantomData }
}

/// A value that the server knows when the page begins.
pub(crate) fn value<T: Serialize + DeserializeOwned>(otherwise: impl FnOnce() -> T) -> T {
    handed_over().unwrap_or_else(otherwise)
}

/// What the server has written into the page. Both sides count alike.
fn handed_over<T: DeserializeOwned>() -> Option<T> {
    let id = Owner::current_shared_context()?.next_id().into_inner();
    json::read(&document().get_element_by_id(&element_id(id))?.text_content()?)
}

impl<T: Clone + Send + Sync + 'static> Data<T> {
    /// The last answer, followed. `None` as well when the page has gone.
    pub(crate) fn get(self) -> Option<T> {
        self.erased.answer.try_get().flatten()?.downcast_ref().cloned()
    }

    /// Whether it is being asked for, followed.
    pub(crate) fn is_pending(self) -> bool {
        self.erased.pending.try_get() == Some(true)
    }

    /// Asks anew.
    pub(crate) fn refetch(self) {
        let _ = self.erased.turn.try_update(|turn| *turn += 1);
    }

    /// Changes the last answer.
    pub(crate) fn update(self, change: impl FnOnce(&mut T)) {
        let answer = self.erased.answer.try_get_untracked().flatten();
        if let Some(mut value) = answer.and_then(|answer| answer.downcast_ref::<T>().cloned()) {
            change(&mut value);
            let _ = self.erased.answer.try_set(Some(Arc::new(value)));
        }
    }

    /// Shows data: `fallback` until it is there, then `show` with each answer. The last one stays in
    /// place while the next one is loading, so that nobody loses the place or the focus.
    pub(crate) fn wait(
        self,
        fallback: fn() -> AnyView,
        show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
    ) -> AnyView {
        dynamic(Box::new(move || self.get().map_or_else(fallback, &show)))
    }

    /// Shows what follows the data by itself: `fallback` until it is there, then `show` for good.
    pub(crate) fn begin(
        self,
        fallback: fn() -> AnyView,
        show: impl Fn() -> AnyView + Send + Sync + 'static,
    ) -> AnyView {
        let answer = self.erased.answer;
        let is_there = Memo::new(move |_| answer.try_with(Option::is_some) == Some(true));
        dynamic(Box::new(move || if is_there.get() { show() } else { fallback() }))
    }
}

fn dynamic(view: Box<dyn Fn() -> AnyView + Send>) -> AnyView {
    // The server's `Suspense` takes a number here.
    let _ = Owner::current_shared_context().map(|context| context.next_id());
    view.into_any()
}

impl Erased {
    fn new(answer: Option<Answer>) -> Self {
        Self { answer: RwSignal::new(answer), turn: RwSignal::new(0), pending: RwSignal::new(false) }
    }

    /// Asks as often as there is something to ask. The last question gets the answer.
    fn follow(self, mut ask: Box<dyn FnMut() -> Option<Asking>>) {
        let last = Rc::new(Cell::new(0_u32));
        effect(move || {
            let Some(asking) = ask() else { return };
            let number = last.get().wrapping_add(1);
            last.set(number);
            self.pending.set(true);
            let last = Rc::clone(&last);
            spawn_local(async move {
                let found = asking.await;
                // The page may have gone in the meantime.
                if last.get() == number && self.answer.try_set(Some(found)).is_none() {
                    let _ = self.pending.try_set(false);
                }
            });
        });
    }
}
