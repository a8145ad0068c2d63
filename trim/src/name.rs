//! The names by which the module and its script know each other. wasm-bindgen makes them unique with a hash, which no
//! compression makes smaller; they are in both files.

use std::{collections::HashMap, fs, path::Path};

use walrus::Module;

use crate::Result;

/// The digits of a hash at the end of a name.
const DIGITS: usize = 16;

/// Gives what has a hash in its name a short one, in the module and in its script.
///
/// # Errors
///
/// When the script cannot be read or written.
pub(crate) fn shorten(module: &mut Module, script: &Path) -> Result<()> {
    let shown = script.display();
    let text = fs::read_to_string(script).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let mut short = Names::default();
    module.imports.iter_mut().for_each(|import| short.replace(&mut import.name));
    module.exports.iter_mut().for_each(|export| short.replace(&mut export.name));
    fs::write(script, short.in_script(&text)).map_err(|error| format!("cannot write {shown}: {error}"))
}

/// The short names by the long ones.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn replace(&mut self, name: &mut String) {
        if !has_hash(name) {
            return;
        }
        // wasm-bindgen writes no name that begins like this.
        let next = format!("${}", self.0.len());
        name.clone_from(self.0.entry(name.clone()).or_insert(next));
    }

    fn in_script(&self, text: &str) -> String {
        let mut rest = text;
        let mut out = String::with_capacity(text.len());
        while let Some(start) = rest.find(is_part_of_name) {
            let (before, from) = rest.split_at(start);
            let (word, after) = from.split_at(from.find(|it| !is_part_of_name(it)).unwrap_or(from.len()));
            out.push_str(before);
            out.push_str(self.0.get(word).map_or(word, String::as_str));
            rest = after;
        }
        out + rest
    }
}

fn has_hash(name: &str) -> bool {
    let digits = name.bytes().rev().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
    digits >= DIGITS && name.len() > digits
}

fn is_part_of_name(it: char) -> bool {
    it.is_alphanumeric() || matches!(it, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(long: &[&str]) -> Names {
        let mut names = Names::default();
        for name in long {
            names.replace(&mut (*name).to_owned());
        }
        names
    }

    #[test]
    fn a_name_with_a_hash_is_short_in_both_files() {
        let mut names = Names::default();
        let mut name = "__wbg_then_9e335f6dd892bc11".to_owned();
        names.replace(&mut name);
        assert_eq!(name, "$0");
        let script = "const it = { __wbg_then_9e335f6dd892bc11: function(arg0) {} }";
        assert_eq!(names.in_script(script), "const it = { $0: function(arg0) {} }");
    }

    #[test]
    fn a_name_that_comes_twice_is_one() {
        let names = names(&["f_0123456789abcdef", "g_0123456789abcdef", "f_0123456789abcdef"]);
        assert_eq!(names.in_script("g_0123456789abcdef(f_0123456789abcdef)"), "$1($0)");
    }

    #[test]
    fn names_that_pages_call_stay() {
        let mut names = Names::default();
        for name in ["hydrate", "memory", "__wbindgen_malloc", "feedfacefeedface"] {
            let mut kept = name.to_owned();
            names.replace(&mut kept);
            assert_eq!(kept, name);
        }
    }

    #[test]
    fn a_longer_word_is_another_name() {
        let names = names(&["f_0123456789abcdef"]);
        assert_eq!(
            names.in_script("f_0123456789abcdef0 xf_0123456789abcdef"),
            "f_0123456789abcdef0 xf_0123456789abcdef"
        );
    }
}
