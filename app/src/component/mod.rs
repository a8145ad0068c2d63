//! The parts that pages are made of.

mod device;
mod field;
mod form;
mod layout;
mod notice;
mod pager;
mod private;
mod theme;
mod time;
mod trouble;

pub(crate) use self::{
    device::Devices,
    field::{CheckField, Field, PasswordField, TextField},
    form::{Alert, Fields, Submission, Submit, form_of},
    layout::{Layout, LogOut, focus_heading},
    notice::Notice,
    pager::Pager,
    private::{go, private, visitor},
    theme::ThemeSwitch,
    time::Time,
    trouble::{Retry, Trouble},
};
