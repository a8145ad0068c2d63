//! The example files of `deploy/`, with local values filled in.

use std::path::{Path, PathBuf};

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

/// The folder of the examples.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

pub fn read(name: &str) -> String {
    let path = folder().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Replaces values of the example; each must exist.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let replace = |text: String, (old, new): &(&str, &str)| {
        assert!(text.contains(old), "the example has no `{old}`");
        text.replace(old, new)
    };
    values.iter().fold(text.to_owned(), replace)
}

/// Removes the lines that begin with one of these words.
pub fn without(text: &str, words: &[&str]) -> String {
    let begins = |line: &str, word: &&str| line.trim_start().starts_with(*word);
    for word in words {
        assert!(text.lines().any(|line| begins(line, word)), "the example has no `{word}`");
    }
    let kept: Vec<&str> = text.lines().filter(|line| !words.iter().any(|word| begins(line, word))).collect();
    kept.join("\n")
}

/// An example in YAML, as JSON.
pub fn yaml(name: &str) -> Value {
    let documents = YamlLoader::load_from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let [document] = documents.as_slice() else { panic!("{name} has {} documents", documents.len()) };
    json(document)
}

fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(value) => (*value).into(),
        Yaml::Integer(value) => (*value).into(),
        Yaml::String(text) => text.as_str().into(),
        Yaml::Array(values) => values.iter().map(json).collect(),
        Yaml::Hash(fields) => {
            let name = |key: &Yaml| key.as_str().unwrap_or_else(|| panic!("{key:?} is not a name")).to_owned();
            fields.iter().map(|(key, value)| (name(key), json(value))).collect()
        }
        other => panic!("the examples do not use {other:?}"),
    }
}
