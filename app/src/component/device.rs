//! The devices on which a person is logged in.

use leptos::{ev::SubmitEvent, prelude::*, server_fn::ServerFn};

use super::{Alert, Notice, Retry, Submission, Time, focus_heading, layout::log_out_by};
use crate::{
    action::account::{EndAll, EndDevice},
    api::{Problem, account::Device, session},
    handover::Data,
};

/// The list, with a button for each device but this one, and one for all.
#[component]
pub(crate) fn Devices(devices: Data<Result<Vec<Device>, Problem>>, problem: Option<Problem>) -> impl IntoView {
    let form = Submission::new(problem);
    let list = move |found: Result<Vec<Device>, Problem>| match found {
        Ok(found) => {
            let item = move |device| view! { <Item form device ended=move || devices.refetch()/> };
            view! { <ul class="devices" aria-label="Your devices">{found.into_iter().map(item).collect_view()}</ul> }
                .into_any()
        }
        Err(problem) => view! { <Retry problem retry=move || devices.refetch()/> }.into_any(),
    };
    let loading = || view! { <p class="loading" aria-busy="true">"Loading your devices…"</p> }.into_any();
    view! {
        <div class="sheet form">
            <h2>"Your devices"</h2>
            <Alert form/>
            {devices.wait(loading, list)}
            <Everywhere form/>
        </div>
    }
}

#[component]
fn Item(form: Submission, device: Device, ended: impl Fn() + Copy + Send + 'static) -> impl IntoView {
    let notice = Notice::expect();
    let Device { id, name, last_seen_at, current } = device;
    let label = format!("Log out {name}");
    let end = move |event: SubmitEvent| {
        form.run(
            &event,
            |fields| session::post::<()>(EndDevice::PATH, fields),
            move |()| {
                notice.show("The device is logged out.");
                // The button that had the focus goes away.
                focus_heading();
                ended();
            },
        );
    };
    view! {
        <li class="device">
            <p class="device-name">{name}</p>
            <p class="hint">{last_seen_at.map(|at| view! { "Last used " <Time at/> })}</p>
            {if current {
                view! { <span class="badge">"This device"</span> }.into_any()
            } else {
                view! {
                    <form method="post" action=EndDevice::PATH on:submit=end>
                        <input type="hidden" name="id" value=id/>
                        <button class="button quiet" type="submit" aria-label=label>"Log out"</button>
                    </form>
                }
                    .into_any()
            }}
        </li>
    }
}

#[component]
fn Everywhere(form: Submission) -> impl IntoView {
    let end = log_out_by(EndAll::PATH, form, "You are logged out everywhere.");
    view! {
        <form method="post" action=EndAll::PATH on:submit=end>
            <button class="button danger" type="submit">"Log out everywhere"</button>
        </form>
    }
}
