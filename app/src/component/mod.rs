//! The parts that pages are made of.

mod device;
mod edit;
mod ending;
mod field;
mod form;
mod layout;
mod notice;
mod pager;
mod part;
mod private;
mod removal;
mod theme;
mod time;
mod trouble;

pub(crate) use self::{
    device::Devices,
    edit::Edits,
    ending::Ending,
    field::{CheckField, Field, PasswordField, TextField},
    form::{Alert, Fields, Submission, Submit, field_value, form_of, set_field},
    layout::{Layout, LogOut, focus_heading},
    notice::{Notice, NoticeBar},
    pager::Pager,
    part::{effect, optional, part},
    private::{go, private, visitor},
    removal::Removals,
    theme::ThemeSwitch,
    time::Time,
    trouble::{Retry, Trouble},
};
