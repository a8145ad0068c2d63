//! Which notes a list shows: `?q=`, `$limit`, `$skip`.

use serde::Deserialize;

use crate::problem::Problem;

const DEFAULT_LIMIT: u32 = 10;
const MOST: u32 = 100;
const LONGEST_SEARCH: usize = 200;

/// The query string as it comes.
#[derive(Debug, Default, Deserialize)]
pub struct PageQuery {
    q: Option<String>,
    #[serde(rename = "$limit")]
    limit: Option<String>,
    #[serde(rename = "$skip")]
    skip: Option<String>,
}

/// A checked [`PageQuery`].
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// What to look for, in lower case; empty for everything.
    pub search: String,
    /// How many at most.
    pub limit: u32,
    /// How many to pass over.
    pub skip: u32,
}

impl TryFrom<PageQuery> for Page {
    type Error = Problem;

    fn try_from(query: PageQuery) -> Result<Self, Problem> {
        let search = query.q.unwrap_or_default().trim().to_lowercase();
        if search.chars().count() > LONGEST_SEARCH {
            let detail = format!("Search for at most {LONGEST_SEARCH} characters.");
            return Err(Problem::bad_request(detail));
        }
        Ok(Self {
            search,
            limit: number("$limit", query.limit, DEFAULT_LIMIT, MOST)?,
            skip: number("$skip", query.skip, 0, u32::MAX)?,
        })
    }
}

fn number(name: &str, text: Option<String>, default: u32, most: u32) -> Result<u32, Problem> {
    let Some(text) = text else { return Ok(default) };
    // `parse` would take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number <= most);
    number.ok_or_else(|| Problem::bad_request(format!("`{name}` must be a whole number from 0 to {most}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(q: Option<&str>, limit: Option<&str>, skip: Option<&str>) -> Result<Page, Problem> {
        let [q, limit, skip] = [q, limit, skip].map(|text| text.map(str::to_owned));
        PageQuery { q, limit, skip }.try_into()
    }

    #[test]
    fn defaults() {
        let expected = Page { search: String::new(), limit: 10, skip: 0 };
        assert_eq!(page(None, None, None).unwrap(), expected);
    }

    #[test]
    fn what_was_asked_for() {
        let expected = Page { search: "é 100%".to_owned(), limit: 100, skip: 20 };
        assert_eq!(page(Some(" É 100% "), Some("100"), Some("20")).unwrap(), expected);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", " ", "-1", "+1", "1.5", "ten", "0x10", "4294967296", "١"] {
            assert!(page(None, Some(text), None).is_err(), "$limit={text}");
            assert!(page(None, None, Some(text)).is_err(), "$skip={text}");
        }
        assert!(page(None, Some("101"), None).is_err());
        assert!(page(Some(&"x".repeat(201)), None, None).is_err());
    }
}
