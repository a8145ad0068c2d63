//! Imports run downhill only: a module may import those that stand before it in these lists, and no file of a crate
//! imports another one that imports it again, by whatever way.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "layers/imports.rs"]
mod imports;

use std::{collections::BTreeSet, path::Path};

use imports::Crate;

/// The modules of the library, lowest first.
const LIBRARY: &[&str] = &[
    "accept",
    "background",
    "client_network",
    "clock",
    "cookie_name",
    "deadline",
    "problem",
    "random",
    "return_to",
    "token_fingerprint",
    "key",
    "secret",
    "same_origin",
    "destination",
    "contract",
    "config",
    "user",
    "api_client",
    "session",
    "login_limit",
    "proxy",
    "vestibule",
    "login",
    "route",
];

#[test]
fn modules_of_the_library_import_lower_ones_only() {
    assert_eq!(upward(&library(), LIBRARY), BTreeSet::new());
}

#[test]
fn no_files_of_the_library_import_each_other() {
    assert_eq!(library().cycles(), Vec::<Vec<String>>::new());
}

#[test]
fn an_upward_import_and_a_cycle_are_found() {
    let sources = [
        ("lib.rs", "mod low; mod high;"),
        ("low/mod.rs", "mod part; pub use self::part::Part; #[cfg(test)] mod tests { use crate::high::Unseen; }"),
        ("low/part.rs", "pub struct Part; fn part() { crate::high::top() }"),
        ("high.rs", "use crate::{low::{self, Part}, low::part::Part as Other}; pub fn top() {}"),
    ];
    let found = Crate::of(sources.map(|(file, text)| (file.to_owned(), text.to_owned())));
    assert_eq!(upward(&found, &["low", "high"]), BTreeSet::from(["low/part.rs imports high.rs".to_owned()]));
    assert_eq!(upward(&found, &["high"]), BTreeSet::from(["`low` is in no layer".to_owned()]));
    assert_eq!(found.cycles(), [["high.rs", "low/part.rs"]]);
}

fn library() -> Crate {
    Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// The imports that run up, and the modules that the list lacks.
fn upward(found: &Crate, layers: &[&str]) -> BTreeSet<String> {
    let layer = |file: &str| {
        let module = imports::module(file).first().cloned().unwrap_or_default();
        layers.iter().position(|layer| *layer == module).ok_or(format!("`{module}` is in no layer"))
    };
    let judge = |(from, to): (&str, &str)| match (layer(from), layer(to)) {
        (Ok(from_layer), Ok(to_layer)) if from_layer < to_layer => Some(format!("{from} imports {to}")),
        (Err(missing), _) | (_, Err(missing)) => Some(missing),
        _ => None,
    };
    found.imports().filter(|(from, to)| *from != "lib.rs" && *to != "lib.rs").filter_map(judge).collect()
}
