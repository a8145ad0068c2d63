//! Parts of a page that follow what they read.
//!
//! A closure in a view does so by itself. But each closure has a type of its own, and all that a view
//! can do is compiled for each type: 2 KB for the browser. All parts have one.

use leptos::prelude::*;

/// A part of a page that changes.
pub(crate) type Part = Box<dyn FnMut() -> AnyView + Send>;

/// A part that is always there.
pub(crate) fn part<V: IntoAny>(view: impl Fn() -> V + Send + 'static) -> Part {
    Box::new(move || view().into_any())
}

/// A part that is there at times.
pub(crate) fn optional<V: IntoAny>(view: impl Fn() -> Option<V> + Send + 'static) -> Part {
    Box::new(move || view().map(IntoAny::into_any).into_any())
}

/// Does something in the browser now, and whenever what it reads has changed.
pub(crate) fn effect(run: impl FnMut() + 'static) {
    let run: Box<dyn FnMut()> = Box::new(run);
    Effect::new(run);
}
