//! The sources of settings: a TOML file, overridden by environment variables.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// The file's values, overridden by the variables.
#[derive(Debug)]
pub(super) struct Source {
    values: Table,
    /// The file, if there is one.
    file: Option<PathBuf>,
    /// The variables by the key that they set.
    variables: BTreeMap<String, String>,
}

impl Source {
    /// Reads a file, which may be missing, and the variables that begin with `prefix`. The rest of their name is the
    /// key in capitals, its parts joined by two underscores. The keys in `ignored` are not settings.
    ///
    /// # Errors
    /// One line, when the file cannot be read or is not valid TOML, or a variable is not UTF-8.
    pub(super) fn read(
        file: &Path,
        prefix: &str,
        ignored: &[&str],
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, String> {
        let mut source = match fs::read_to_string(file) {
            Ok(text) => Self { values: parse(file, &text)?, file: Some(file.into()), variables: BTreeMap::new() },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self { values: Table::new(), file: None, variables: BTreeMap::new() }
            }
            Err(error) => return Err(format!("the settings file {} cannot be read: {error}", file.display())),
        };
        // Sorted by name, so that a section's own variable comes before those of its keys.
        let variables: BTreeMap<_, _> = variables.collect();
        for (name, text) in variables {
            let Ok(name) = name.into_string() else { continue };
            let Some(key) = name.strip_prefix(prefix).map(str::to_lowercase) else { continue };
            if !ignored.contains(&key.as_str()) {
                let text = text.into_string().map_err(|_| format!("the variable {name} is not UTF-8"))?;
                source.set(name, &key, &text);
            }
        }
        Ok(source)
    }

    fn set(&mut self, name: String, key: &str, text: &str) {
        let path: Vec<&str> = key.split("__").collect();
        let value = path.iter().rev().fold(value(text), |value, part| {
            let mut table = Table::new();
            table.insert((*part).to_owned(), value);
            Value::Table(table)
        });
        if let Value::Table(table) = value {
            merge(&mut self.values, table);
        }
        self.variables.insert(path.join("."), name);
    }

    /// Deserializes the values.
    ///
    /// # Errors
    /// One line with the key and its location, when a key is unknown or a value is not valid.
    pub(super) fn extract<T: DeserializeOwned>(self) -> Result<T, String> {
        let Self { values, file, variables } = self;
        serde_path_to_error::deserialize(values).map_err(|error| {
            let key = error.path().to_string();
            let location = location(&key, file.as_deref(), &variables);
            explain(&key, &location, error.inner().message())
        })
    }
}

/// Parses the file's text.
fn parse(file: &Path, text: &str) -> Result<Table, String> {
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        format!("{}, line {line}: {}", file.display(), one_line(error.message()))
    })
}

/// Parses a variable's text as a boolean, a number, or, if it begins with a bracket, brace or quote, as TOML. Everything
/// else is a string.
fn value(text: &str) -> Value {
    let trimmed = text.trim();
    let toml = || trimmed.starts_with(['[', '{', '"', '\'']).then(|| trimmed.parse().ok()).flatten();
    (trimmed.parse().ok().map(Value::Boolean))
        .or_else(|| trimmed.parse().ok().map(Value::Integer))
        .or_else(|| trimmed.parse().ok().map(Value::Float))
        .or_else(toml)
        .unwrap_or_else(|| Value::String(text.into()))
}

/// Merges `upper` into `lower`: tables in both are merged, other values are replaced.
fn merge(lower: &mut Table, upper: Table) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(Value::Table(lower)), Value::Table(upper)) => merge(lower, upper),
            (_, value) => {
                lower.insert(key, value);
            }
        }
    }
}

/// Where a key was set.
fn location(key: &str, file: Option<&Path>, variables: &BTreeMap<String, String>) -> String {
    let holds = |set: &str| key.strip_prefix(set).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    // The longest matching key, which is the last in sort order.
    if let Some((_, variable)) = variables.iter().rev().find(|(set, _)| holds(set)) {
        return format!(" in the variable {variable}");
    }
    file.map(|file| format!(" in {}", file.display())).unwrap_or_default()
}

/// Formats the error of a value with its key and location.
fn explain(key: &str, location: &str, message: &str) -> String {
    let message = one_line(message);
    let known = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, "));
    match known {
        // The key's path ends with the field, unless the field is inside a value that is deserialized as a whole.
        Some((field, known)) if key == field || key.ends_with(&format!(".{field}")) => {
            let known = known.trim_start_matches("expected ").trim_start_matches("one of ").replace('`', "");
            format!("unknown key `{key}`{location}: the valid keys are {}", known.replace(" or ", ", "))
        }
        _ if key == "." => format!("{message}{location}"),
        _ => format!("`{key}`{location}: {message}"),
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_may_contain_any_kind_of_value() {
        for (text, expected) in [
            ("true", Value::Boolean(true)),
            ("8", Value::Integer(8)),
            ("0.5", Value::Float(0.5)),
            ("", Value::String(String::new())),
            ("http://[::1]:1", Value::String("http://[::1]:1".into())),
            ("'8'", Value::String("8".into())),
            ("[not toml", Value::String("[not toml".into())),
            ("2026-01-01", Value::String("2026-01-01".into())),
            ("['a', 'b']", Value::Array(vec!["a".into(), "b".into()])),
            ("{a = 1}", Value::Table(Table::from_iter([("a".to_owned(), Value::Integer(1))]))),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn variables_override_the_file_key_by_key() {
        let mut lower: Table = "a = {b = 1, c = [1, 2]}\nd = 1".parse().unwrap();
        merge(&mut lower, "a = {c = [3]}\nd = {e = 1}".parse().unwrap());
        assert_eq!(lower, "a = {b = 1, c = [3]}\nd = {e = 1}".parse().unwrap());
    }

    #[test]
    fn an_error_in_the_file_names_its_line() {
        let error = parse(Path::new("x.toml"), "a = 1\nb = [\n\nc").unwrap_err();
        assert!(error.starts_with("x.toml, line ") && !error.contains('\n'), "{error}");
    }
}
