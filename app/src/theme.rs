//! Light or dark, as the system has it or as the person has chosen.
//!
//! The choice lies in a cookie, so that the first byte of HTML knows it and nothing flashes. It is out
//! of reach for scripts, which have no need of it.

/// The name of the cookie.
#[cfg(feature = "ssr")]
const COOKIE: &str = "theme";
/// Set on `<html>`, where the style sheet looks.
#[cfg(not(feature = "ssr"))]
const ATTRIBUTE: &str = "data-theme";

/// What a page looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// Its name in the cookie, in forms and for the style sheet.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// What people read.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// The theme of this name, else the system's.
    pub(crate) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.name() == name).unwrap_or(Self::System)
    }
}

/// The server reads and writes the cookie.
#[cfg(feature = "ssr")]
impl Theme {
    /// The theme of a request with these header fields.
    pub fn of(headers: &http::HeaderMap) -> Self {
        crate::respond::cookie_in(headers, COOKIE).map_or(Self::System, |name| Self::named(&name))
    }

    /// The theme of this request.
    pub(crate) fn current() -> Self {
        crate::respond::cookie(COOKIE).map_or(Self::System, |name| Self::named(&name))
    }

    /// What the style sheet is told; nothing of the system's theme, which it knows by itself.
    pub(crate) fn attribute(self) -> Option<&'static str> {
        (self != Self::System).then(|| self.name())
    }

    /// The `Set-Cookie` that keeps it for a year, or removes it.
    pub(crate) fn cookie(self) -> String {
        /// A year, in seconds.
        const YEAR: u32 = 365 * 24 * 60 * 60;
        let https = leptos::prelude::use_context::<vestibule::Vestibule>().is_some_and(|it| it.config().https());
        let (secure, age) = (if https { "; Secure" } else { "" }, if self == Self::System { 0 } else { YEAR });
        format!("{COOKIE}={}; Path=/; Max-Age={age}; SameSite=Lax; HttpOnly{secure}", self.name())
    }
}

/// The browser reads and writes what the page says.
#[cfg(not(feature = "ssr"))]
impl Theme {
    /// The theme of this page.
    pub(crate) fn current() -> Self {
        let page = leptos::prelude::document().document_element();
        page.and_then(|page| page.get_attribute(ATTRIBUTE)).map_or(Self::System, |name| Self::named(&name))
    }
}

impl Theme {
    /// Shows the page in it, in the browser.
    pub(crate) fn show(self) {
        #[cfg(not(feature = "ssr"))]
        if let Some(page) = leptos::prelude::document().document_element() {
            let _ = match self {
                Self::System => page.remove_attribute(ATTRIBUTE),
                _ => page.set_attribute(ATTRIBUTE, self.name()),
            };
        }
        #[cfg(feature = "ssr")]
        let _ = self;
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::Theme;

    #[test]
    fn is_kept_until_it_is_the_systems_again() {
        assert_eq!(Theme::Dark.cookie(), "theme=dark; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
        assert!(Theme::System.cookie().contains("; Max-Age=0;"));
    }

    #[test]
    fn takes_no_other_word() {
        assert_eq!(Theme::named("dark"), Theme::Dark);
        for other in ["", "DARK", "dark\" onload=\"", "sepia"] {
            assert_eq!(Theme::named(other), Theme::System, "{other}");
        }
    }
}
