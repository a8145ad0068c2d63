//! Links to the pages before and after.

use leptos::prelude::*;

/// Where one is in a list of pages. `link` makes the URL of a page.
#[component]
pub(crate) fn Pager(page: u64, count: u64, link: impl Fn(u64) -> String) -> impl IntoView {
    let (previous, next) = neighbours(page, count);
    let link = |page: Option<u64>, rel: &'static str, text: &'static str| {
        page.map(|page| view! { <a class="button" rel=rel href=link(page)>{text}</a> })
    };
    (count > 1).then(|| {
        view! {
            <nav class="pager" aria-label="Pages">
                {link(previous, "prev", "Previous")}
                <span class="pager-place">{format!("Page {page} of {count}")}</span>
                {link(next, "next", "Next")}
            </nav>
        }
    })
}

/// The pages before and after. Behind the end, the one before is the last.
fn neighbours(page: u64, count: u64) -> (Option<u64>, Option<u64>) {
    let previous = page.min(count + 1).checked_sub(1).filter(|page| *page > 0);
    (previous, (page < count).then(|| page + 1))
}

#[cfg(test)]
mod tests {
    use super::neighbours;

    #[test]
    fn stays_within_the_list() {
        assert_eq!(neighbours(1, 1), (None, None));
        assert_eq!(neighbours(1, 3), (None, Some(2)));
        assert_eq!(neighbours(2, 3), (Some(1), Some(3)));
        assert_eq!(neighbours(3, 3), (Some(2), None));
        assert_eq!(neighbours(9, 3), (Some(3), None));
    }
}
