//! What somebody has typed when their session ends: it waits in this tab's memory until the same
//! person is back on the same page.

use std::cell::RefCell;

use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Element;

use crate::user::User;

/// The fields that hold a text, and no secret, and the version of what the text is to replace.
const FIELDS: &str = "main form :is(textarea, input:is([type=text], [type=email], [name=etag]):not([readonly]))";

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

struct Kept {
    person: String,
    page: String,
    /// Names and texts.
    fields: Vec<(String, String)>,
}

/// Keeps what the person has typed on this page.
pub(crate) fn keep(person: &User, page: String) {
    let Ok(found) = document().query_selector_all(FIELDS) else { return };
    let found = (0..found.length()).filter_map(|index| found.item(index)?.dyn_into::<Element>().ok());
    let mut any = false;
    let fields = found.filter_map(|field| {
        let (name, typed) = (field.get_attribute("name")?, text(&field, "value")?);
        let is_typed = text(&field, "defaultValue")? != typed;
        any |= is_typed;
        (is_typed || name == "etag").then_some((name, typed))
    });
    let fields = fields.collect();
    if any {
        KEPT.set(Some(Kept { person: person.id.clone(), page, fields }));
    }
}

/// Puts it back into the fields, when this person is on that page.
pub(crate) fn give_back(person: &User, page: &str) {
    let here = KEPT.with_borrow_mut(|kept| kept.take_if(|kept| kept.person == person.id && kept.page == page));
    for (name, typed) in here.into_iter().flat_map(|kept| kept.fields) {
        if let Ok(Some(field)) = document().query_selector(&format!("main form [name=\"{name}\"]")) {
            let _ = js_sys::Reflect::set(&field, &"value".into(), &typed.into());
        }
    }
}

fn text(field: &JsValue, property: &str) -> Option<String> {
    js_sys::Reflect::get(field, &property.into()).ok()?.as_string()
}
