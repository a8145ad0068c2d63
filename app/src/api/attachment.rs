//! The files that hang on a note.

use js_sys::{Function, Promise};
use leptos::logging::warn;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, XmlHttpRequest};

use super::{PROXY, Problem, Request, transport};
use crate::query;

/// The types that a browser shows as a picture and never runs: an SVG may hold scripts.
const PICTURES: [&str; 5] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];

/// A file as the API describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) content_type: String,
    /// In bytes.
    pub(crate) size: u64,
}

impl Attachment {
    /// Whether it can be shown as a picture.
    pub(crate) fn is_picture(&self) -> bool {
        let kind = self.content_type.split(';').next().unwrap_or_default().trim();
        PICTURES.iter().any(|picture| kind.eq_ignore_ascii_case(picture))
    }

    /// Where the browser gets it.
    pub(crate) fn url(&self, note: &str) -> String {
        format!("{PROXY}{}/{}", path(note), query::escape(&self.id))
    }

    /// The size in words.
    pub(crate) fn size(&self) -> String {
        let size = self.size;
        match size {
            0..1_000 => format!("{size} bytes"),
            1_000..1_000_000 => format!("{} kB", size / 1_000),
            _ => format!("{}.{} MB", size / 1_000_000, size / 100_000 % 10),
        }
    }

    /// The end of the name, as a mark in place of a picture: `PDF`.
    pub(crate) fn mark(&self) -> String {
        let end = self.name.rsplit_once('.').map_or("", |(_, end)| end);
        if (1..=4).contains(&end.len()) { end.to_ascii_uppercase() } else { "FILE".to_owned() }
    }
}

/// The files of a note, the oldest first.
pub(crate) async fn list(note: &str) -> Result<Vec<Attachment>, Problem> {
    Request::get(path(note)).call().await
}

/// Deletes a file.
pub(crate) async fn remove(note: &str, id: &str) -> Result<(), Problem> {
    Request::delete(format!("{}/{}", path(note), query::escape(id))).send().await.map(drop)
}

/// Uploads a file from the browser. `progress` is called with a `ProgressEvent` as it goes on, and
/// `request` can be aborted in between.
pub(crate) async fn upload(
    request: &XmlHttpRequest,
    note: &str,
    file: &File,
    progress: &Function,
) -> Result<(), Problem> {
    let url = format!("{PROXY}{}", upload_path(note, &file.name()));
    if let Err(error) = send(request, &url, file, progress).await {
        warn!("POST {url}: {error:?}");
    }
    let status = request.status().unwrap_or_default();
    match status {
        200..300 => Ok(()),
        0 => Err(transport::no_answer()),
        401 if transport::is_still_logged_in().await => Err(Problem::refused()),
        _ => Err(Problem::of_answer(status, &request.response_text().ok().flatten().unwrap_or_default())),
    }
}

/// Waits for the end, whether it went well or not.
async fn send(request: &XmlHttpRequest, url: &str, file: &File, progress: &Function) -> Result<(), JsValue> {
    request.open("POST", url)?;
    request.set_request_header("accept", "application/json")?;
    let kind = file.type_();
    request.set_request_header("content-type", if kind.is_empty() { ANY_CONTENT } else { &kind })?;
    request.upload()?.set_onprogress(Some(progress));
    let end = Promise::new(&mut |resolve, _| request.set_onloadend(Some(&resolve)));
    request.send_with_opt_blob(Some(file))?;
    JsFuture::from(end).await.map(drop)
}

/// What a file of unknown type is (RFC 2046 §4.5.1).
pub(crate) const ANY_CONTENT: &str = "application/octet-stream";

/// Where a file of this name is posted to.
pub(crate) fn upload_path(note: &str, name: &str) -> String {
    query::path(&path(note), &[("name", name)])
}

fn path(note: &str) -> String {
    format!("/notes/{}/attachments", query::escape(note))
}

#[cfg(test)]
mod tests {
    use super::Attachment;

    fn file(name: &str, content_type: &str, size: u64) -> Attachment {
        Attachment { id: "1".into(), name: name.into(), content_type: content_type.into(), size }
    }

    #[test]
    fn shows_only_what_cannot_run() {
        for kind in ["image/png", "image/jpeg", "IMAGE/WebP", "image/avif; q=1", "image/gif"] {
            assert!(file("a", kind, 1).is_picture(), "{kind}");
        }
        for kind in ["image/svg+xml", "text/html", "image/pngx", "application/octet-stream", ""] {
            assert!(!file("a", kind, 1).is_picture(), "{kind}");
        }
    }

    #[test]
    fn says_how_large_it_is() {
        for (size, words) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1 kB"),
            (999_999, "999 kB"),
            (1_234_567, "1.2 MB"),
            (64 << 20, "67.1 MB"),
        ] {
            assert_eq!(file("a", "", size).size(), words);
        }
    }

    #[test]
    fn marks_a_file_by_its_end() {
        for (name, mark) in [("a.pdf", "PDF"), ("a.tar.gz", "GZ"), ("a", "FILE"), ("a.", "FILE"), ("a.numbers", "FILE")]
        {
            assert_eq!(file(name, "", 1).mark(), mark, "{name}");
        }
    }
}
