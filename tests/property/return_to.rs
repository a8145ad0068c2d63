//! Any text as the place to go to after a log-in: it is refused, or leads to a page of this site, as
//! browsers read URLs.

use url::Url;
use vestibule::return_to::local_path;

/// Panics when the bytes, as a text, lead elsewhere.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(path) = local_path(text) else { return };
    assert_eq!(path, text, "nothing is repaired");
    for page in ["https://app.example/", "https://app.example/login?return_to=/"] {
        let page: Url = page.parse().unwrap();
        let target = page.join(path).unwrap();
        assert_eq!(target.origin(), page.origin(), "{text:?}");
        assert!(!target.path().starts_with("//"), "{text:?}");
        assert!(target.username().is_empty() && target.password().is_none(), "{text:?}");
    }
}
