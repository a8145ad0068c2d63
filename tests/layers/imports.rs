//! Reads which file of a crate imports which, from its sources. Tests are left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

type Segments = Vec<String>;

/// The imports of one crate's files.
pub struct Crate {
    files: BTreeMap<String, Imports>,
}

/// The paths within the crate that a file names.
#[derive(Default)]
struct Imports {
    used: BTreeSet<Segments>,
    /// What other files find under the file's name, by the last segment.
    reexported: BTreeMap<String, Segments>,
}

/// The path of the module that a file holds: `a/b.rs` and `a/b/mod.rs` hold `a::b`.
pub fn module(file: &str) -> Segments {
    let mut path: Segments = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if path.last().is_some_and(|name| name == "mod" || name == "lib") {
        path.pop();
    }
    path
}

impl Crate {
    /// Reads all files below a crate's `src`.
    pub fn read(folder: &Path) -> Self {
        let mut sources = Vec::new();
        read_into(folder, "", &mut sources);
        assert!(!sources.is_empty(), "{} holds no source", folder.display());
        Self::of(sources)
    }

    /// Takes files with their sources.
    pub fn of(sources: impl IntoIterator<Item = (String, String)>) -> Self {
        let (mut files, mut tests) = (BTreeMap::new(), Vec::new());
        for (file, source) in sources {
            let mut reader = Reader { module: module(&file), imports: Imports::default(), tests: Vec::new() };
            reader.read(source.parse().unwrap_or_else(|error| panic!("{file}: {error}")));
            tests.append(&mut reader.tests);
            files.insert(file, reader.imports);
        }
        files.retain(|file, _| !tests.iter().any(|test| module(file).starts_with(test)));
        Self { files }
    }

    /// Which file imports which other one.
    pub fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().flat_map(move |(file, imports)| {
            let targets: BTreeSet<&str> = imports.used.iter().filter_map(|path| self.file(path, 0)).collect();
            targets.into_iter().filter(move |target| target != file).map(move |target| (file.as_str(), target))
        })
    }

    /// The file that defines what a path names.
    fn file(&self, path: &[String], depth: usize) -> Option<&str> {
        let known = |length: &usize| self.files.keys().find(|file| module(file) == path[..*length]);
        let length = (0..=path.len()).rev().find(|length| known(length).is_some())?;
        let file = known(&length)?;
        let reexported = path.get(length).and_then(|name| self.files[file].reexported.get(name));
        match reexported.filter(|_| depth < 8) {
            Some(source) => self.file(source, depth + 1),
            None => Some(file),
        }
    }

    /// Groups of files that import each other, by whatever way. What a file takes from the module that it is a part of
    /// does not count: the two are read together.
    pub fn cycles(&self) -> Vec<Vec<String>> {
        let mut reached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in self.imports().filter(|(from, to)| !module(from).starts_with(&module(to))) {
            reached.entry(from).or_default().insert(to);
        }
        loop {
            let longer = |targets: &BTreeSet<&'_ str>| {
                targets.iter().filter_map(|to| reached.get(to)).flatten().copied().collect::<BTreeSet<_>>()
            };
            let next: BTreeMap<&str, BTreeSet<&str>> =
                reached.iter().map(|(from, targets)| (*from, targets | &longer(targets))).collect();
            if next == reached {
                break;
            }
            reached = next;
        }
        let leads = |from: &str, to: &str| reached.get(from).is_some_and(|targets| targets.contains(to));
        let cycle = |from: &&str| -> Vec<String> {
            reached.keys().filter(|to| leads(from, to) && leads(to, from)).map(|file| (*file).to_owned()).collect()
        };
        let cycles: BTreeSet<_> = reached.keys().map(cycle).filter(|files| !files.is_empty()).collect();
        cycles.into_iter().collect()
    }
}

fn read_into(folder: &Path, prefix: &str, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read_into(&entry.path(), &format!("{name}/"), sources);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            sources.push((name, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

/// Reads the tokens of one file.
struct Reader {
    module: Segments,
    imports: Imports,
    /// Modules of files that only tests have.
    tests: Vec<Segments>,
}

impl Reader {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        let mut is_public = false;
        while at < tokens.len() {
            let word = word(&tokens, at);
            match word.as_str() {
                "#" if is_test(&tokens, at) => {
                    let end = end_of_item(&tokens, at);
                    self.note_test(&tokens[at..end]);
                    at = end;
                    continue;
                }
                "pub" => is_public = true,
                "use" => {
                    let end = (at..tokens.len()).find(|end| self::word(&tokens, *end) == ";").unwrap_or(tokens.len());
                    self.read_use(&tokens[at + 1..end], &mut Vec::new(), is_public);
                    is_public = false;
                    at = end;
                }
                "crate" | "super" | "self" if separates(&tokens, at + 1) => {
                    let path = path(&tokens[at..]);
                    at += 3 * path.len() - 3;
                    self.note(&path, false);
                }
                ";" => is_public = false,
                _ => {
                    if let TokenTree::Group(group) = &tokens[at] {
                        is_public &= group.delimiter() == Delimiter::Parenthesis;
                        self.read(group.stream());
                    }
                }
            }
            at += 1;
        }
    }

    /// Reads a tree of `use`, below the segments of `before`.
    fn read_use(&mut self, tokens: &[TokenTree], before: &mut Segments, is_public: bool) {
        let mut at = 0;
        let depth = before.len();
        while at < tokens.len() {
            match (&tokens[at], word(tokens, at).as_str()) {
                (TokenTree::Group(group), _) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in inner.split(|token| token.to_string() == ",") {
                        self.read_use(branch, &mut before.clone(), is_public);
                    }
                    return;
                }
                (_, ":") => {}
                (_, "as") => break,
                (_, "self") if !before.is_empty() => {}
                (_, segment) => before.push(segment.to_owned()),
            }
            at += 1;
        }
        if before.len() > depth || !tokens.is_empty() {
            let path = before.clone();
            self.note(&path, is_public);
        }
    }

    fn note(&mut self, path: &[String], is_public: bool) {
        let Some(absolute) = self.absolute(path) else { return };
        match absolute.last().cloned() {
            Some(name) if is_public => {
                self.imports.reexported.insert(name, absolute);
            }
            _ => {
                self.imports.used.insert(absolute);
            }
        }
    }

    /// A path from the crate's root; `None` for one that leads out of it.
    fn absolute(&self, path: &[String]) -> Option<Segments> {
        let ups = path.iter().take_while(|segment| *segment == "super").count();
        let (start, taken) = match path.first()?.as_str() {
            "crate" => (Vec::new(), 1),
            "self" => (self.module.clone(), 1),
            "super" => (self.module[..self.module.len().checked_sub(ups)?].to_vec(), ups),
            // A module below this one. Another crate leads to no other file.
            _ => (self.module.clone(), 0),
        };
        Some([&start, &path[taken..]].concat())
    }

    fn note_test(&mut self, item: &[TokenTree]) {
        let name = item.iter().position(|token| token.to_string() == "mod").and_then(|at| item.get(at + 1));
        if let Some(name) = name.filter(|_| item.last().is_some_and(|end| end.to_string() == ";")) {
            self.tests.push([&self.module[..], &[name.to_string()]].concat());
        }
    }
}

fn word(tokens: &[TokenTree], at: usize) -> String {
    tokens.get(at).filter(|token| !matches!(token, TokenTree::Group(_))).map(ToString::to_string).unwrap_or_default()
}

fn separates(tokens: &[TokenTree], at: usize) -> bool {
    word(tokens, at) == ":" && word(tokens, at + 1) == ":"
}

/// The segments of the path that `tokens` begin with.
fn path(tokens: &[TokenTree]) -> Segments {
    let mut path = vec![word(tokens, 0)];
    while separates(tokens, 3 * path.len() - 2) {
        let Some(TokenTree::Ident(name)) = tokens.get(3 * path.len()) else { break };
        path.push(name.to_string());
    }
    path
}

/// Whether an attribute leaves what follows to tests and fuzzing.
fn is_test(tokens: &[TokenTree], at: usize) -> bool {
    let Some(TokenTree::Group(attribute)) = tokens.get(at + 1) else { return false };
    let text = attribute.stream().to_string().replace(' ', "");
    matches!(text.as_str(), "cfg(test)" | "cfg(fuzzing)" | "cfg(any(test,fuzzing))")
}

/// The place behind the item that begins here: it ends with `;` or with its braces.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => token.to_string() == ";",
    };
    tokens[at..].iter().position(is_end).map_or(tokens.len(), |end| at + end + 1)
}
