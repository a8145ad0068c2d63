//! Parses a page like a browser, as far as these tests need it.

/// The text of each script that runs, without its nonce. A raw `<script` anywhere outside of another script begins one:
/// in attributes and text it is escaped.
pub fn scripts(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(at) = find(rest, "<script") {
        let element = &rest[at..];
        let (tag, text) = element.split_at(element.find('>').unwrap() + 1);
        let end = find(text, "</script").unwrap();
        if !tag.contains("type=\"application/json\"") {
            found.push(format!("{} {}", without_nonce(tag), &text[..end]));
        }
        rest = &text[end + "</script".len()..];
    }
    found
}

/// The value of the first attribute of this name, unescaped.
pub fn attribute(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let plain = value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    Some(plain)
}

fn find(page: &str, text: &str) -> Option<usize> {
    page.to_ascii_lowercase().find(text)
}

fn without_nonce(tag: &str) -> String {
    let Some((before, after)) = tag.split_once("nonce=\"") else { return tag.to_owned() };
    let (_, after) = after.split_once('"').unwrap();
    format!("{before}{after}")
}
