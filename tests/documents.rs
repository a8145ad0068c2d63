//! Files that the documents name are there.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Where a path may begin that is not from the root: the tests of the server, and those of the library.
const STARTS: [&str; 3] = ["", "server/tests", "tests"];
const KINDS: [&str; 8] = ["rs", "ts", "js", "mjs", "toml", "css", "md", "svg"];

#[test]
fn each_file_that_a_document_names_is_there() {
    let mut documents = Vec::new();
    for folder in ["", "docs", "docs/adr", "deploy", "fuzz", "end2end", "bench"] {
        documents.extend(documents_of(&Path::new(ROOT).join(folder)));
    }
    let missing: Vec<_> = documents.iter().flat_map(|document| missing(document)).collect();
    assert!(documents.len() > 20 && missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_missing_file_is_noticed() {
    assert_eq!(named("in `src/lib.rs`, `src/none.rs:12` and `a b.rs`; `Cargo.toml`"), ["src/lib.rs", "src/none.rs"]);
    assert!(is_there("src/lib.rs", Path::new(ROOT)) && is_there("attack/advisory.rs", Path::new(ROOT)));
    assert!(!is_there("src/none.rs", Path::new(ROOT)));
}

fn documents_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    // That one tells which files to make.
    let is_document =
        |path: &PathBuf| path.extension().is_some_and(|kind| kind == "md") && !path.ends_with("make-it-yours.md");
    entries.filter(is_document).collect()
}

fn missing(document: &Path) -> Vec<String> {
    let text = fs::read_to_string(document).unwrap();
    let gone = named(&text).into_iter().filter(|path| !is_there(path, document.parent().unwrap()));
    gone.map(|path| format!("{}: {path}", document.display())).collect()
}

/// The paths of source files between backticks, without the numbers of lines.
fn named(text: &str) -> Vec<&str> {
    let spans = text.split('`').skip(1).step_by(2).map(|span| span.split(':').next().unwrap_or_default());
    let is_path = |span: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
        let kind = Path::new(span).extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        span.contains('/') && !span.starts_with(['/', '.']) && span.bytes().all(plain) && KINDS.contains(&kind)
    };
    spans.filter(is_path).collect()
}

fn is_there(path: &str, beside: &Path) -> bool {
    STARTS.iter().any(|start| Path::new(ROOT).join(start).join(path).exists()) || beside.join(path).exists()
}
