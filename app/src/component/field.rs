//! Labelled fields that tell what is wrong with them.

use leptos::{ev::KeyboardEvent, prelude::*};
use wasm_bindgen::JsCast;

use super::{Submission, optional, part};

/// One line of text.
#[component]
pub(crate) fn Field(
    form: Submission,
    name: &'static str,
    label: &'static str,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "on")] autocomplete: &'static str,
    /// The longest text, in UTF-16 code units as the browser counts.
    #[prop(default = 320)]
    max: u16,
    #[prop(optional, into)] value: String,
) -> impl IntoView {
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input
                id=name
                name=name
                type=kind
                value=value
                autocomplete=autocomplete
                maxlength=max
                required
                autofocus=form.begins_with_error(name)
                aria-invalid=invalid(form, name)
                aria-describedby=described_by(form, name, || None)
            />
            <FieldError form name/>
        </div>
    }
}

/// A password. With JavaScript it can be shown, and Caps Lock is told of.
#[component]
pub(crate) fn PasswordField(
    form: Submission,
    #[prop(default = "password")] name: &'static str,
    #[prop(default = "Password")] label: &'static str,
    #[prop(default = "current-password")] autocomplete: &'static str,
    /// The shortest password; 0 takes any.
    #[prop(default = 0)]
    min: u16,
) -> impl IntoView {
    let (shown, caps_lock) = (RwSignal::new(false), RwSignal::new(false));
    let (label_id, hint_id) = (format!("{name}-label"), format!("{name}-hint"));
    let hint = move || match (caps_lock.get(), min) {
        (true, _) => Some("Caps Lock is on.".to_owned()),
        (false, 0) => None,
        (false, min) => Some(format!("At least {min} characters.")),
    };
    let described = {
        let hint_id = hint_id.clone();
        described_by(form, name, move || hint().map(|_| hint_id.clone()))
    };
    view! {
        <div class="field">
            <label for=name id=label_id.clone()>{label}</label>
            <div class="with-button">
                <input
                    id=name
                    name=name
                    type=move || if shown.get() { "text" } else { "password" }
                    autocomplete=autocomplete
                    minlength=(min > 0).then_some(min)
                    maxlength="4096"
                    required
                    autofocus=form.begins_with_error(name)
                    aria-invalid=invalid(form, name)
                    aria-describedby=described
                    on:keyup=move |event| caps_lock.maybe_update(|on| std::mem::replace(on, has_caps_lock(&event)) != *on)
                />
                <button
                    type="button"
                    class="reveal needs-script"
                    aria-pressed=move || shown.get().to_string()
                    aria-describedby=label_id
                    on:click=move |_| shown.update(|shown| *shown = !*shown)
                >
                    {part(move || if shown.get() { "Hide" } else { "Show" })}
                </button>
            </div>
            {optional(move || hint().map(|text| view! { <p class="hint" id=hint_id.clone() role="status">{text}</p> }))}
            <FieldError form name/>
        </div>
    }
}

/// A password manager that fills in a field sends events that are none of a keyboard.
fn has_caps_lock(event: &KeyboardEvent) -> bool {
    event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.get_modifier_state("CapsLock"))
}

/// A box to tick.
#[component]
pub(crate) fn CheckField(name: &'static str, label: &'static str, checked: bool) -> impl IntoView {
    view! {
        <label class="check">
            <input type="checkbox" name=name value="1" checked=checked/>
            {label}
        </label>
    }
}

/// Text of several lines.
#[component]
#[expect(clippy::needless_pass_by_value, reason = "a component owns its properties")]
pub(crate) fn TextField(
    form: Submission,
    name: &'static str,
    label: &'static str,
    #[prop(default = 5)] rows: u8,
    #[prop(optional, into)] value: String,
) -> impl IntoView {
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <textarea
                id=name
                name=name
                rows=rows
                maxlength="20000"
                aria-invalid=invalid(form, name)
                aria-describedby=described_by(form, name, || None)
                inner_html=area_html(&value)
            ></textarea>
            <FieldError form name/>
        </div>
    }
}

#[component]
fn FieldError(form: Submission, name: &'static str) -> impl IntoView {
    optional(move || form.field_error(name).map(|error| view! { <p class="field-error" id=error_id(name)>{error}</p> }))
}

fn invalid(form: Submission, name: &'static str) -> impl Fn() -> Option<&'static str> + Copy {
    move || form.field_error(name).map(|_| "true")
}

fn described_by(
    form: Submission,
    name: &'static str,
    hint: impl Fn() -> Option<String>,
) -> impl Fn() -> Option<String> {
    move || {
        let error = form.field_error(name).map(|_| error_id(name));
        let ids: Vec<_> = hint().into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// The content of a text area as HTML. The parser of a document drops a first line break (HTML
/// §13.1.2.5), so that one more keeps a text that begins with one; setting it by script drops none.
fn area_html(text: &str) -> String {
    let first = if cfg!(feature = "ssr") { "\n" } else { "" };
    format!("{first}{}", text.replace('&', "&amp;").replace('<', "&lt;"))
}

fn error_id(name: &str) -> String {
    format!("{name}-error")
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::area_html;

    #[test]
    fn keeps_a_text_in_its_area() {
        assert_eq!(area_html("</textarea><script>&lt;"), "\n&lt;/textarea>&lt;script>&amp;lt;");
        assert_eq!(area_html("\nafter an empty line"), "\n\nafter an empty line");
    }
}
