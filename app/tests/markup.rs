//! Holds, over the sources of all that makes pages, that no text becomes HTML or a script unescaped.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{fs, path::Path};

use proc_macro2::{TokenStream, TokenTree};

/// Where text may become HTML: drawings and a title, which are constants, and a text area, which escapes.
const INNER_HTML: [(&str, &str); 9] = [
    ("app/src/component/field.rs", "area_html (& value)"),
    ("app/src/component/layout.rs", "art :: MARK"),
    ("app/src/page/home.rs", "art :: FLOW_WIDE"),
    ("app/src/page/home.rs", "art :: FLOW_TALL"),
    ("app/src/page/login.rs", "art :: MARK"),
    ("app/src/page/not_found.rs", "art :: MARK"),
    ("app/src/page/signup.rs", "art :: MARK"),
    ("app/src/shell/refusal.rs", "art :: MARK"),
    ("app/src/shell/refusal.rs", "title"),
];
/// XML that is no page: the map of the site for search engines.
const XML: &str = "server/src/crawlers.rs";
/// The scripts that views hold: a constant, and data, which does not run.
const SCRIPTS: [(&str, &str); 2] = [
    ("app/src/shell/mod.rs", "nonce = use_nonce () > { START }"),
    ("app/src/handover/server.rs", "type = \"application/json\" id = element_id (id) > { text }"),
];
/// Macros that put values into a text.
const FORMATS: [&str; 6] = ["format", "format_args", "write", "writeln", "print", "println"];
/// What brings text into a document in some other way.
const SINKS: [&str; 9] = [
    "set_inner_html",
    "set_outer_html",
    "insert_adjacent_html",
    "create_contextual_fragment",
    "HydrationScripts",
    "InertElement",
    "eval",
    "srcdoc",
    "raw_html",
];

#[test]
fn no_text_becomes_html_or_a_script() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Found::default();
    for folder in ["app/src", "frontend/src", "server/src", "demo-api/src", "src"] {
        look_into(root, &root.join(folder), &mut found);
    }
    assert!(found.files > 100, "the sources are elsewhere");
    let allowed = |(file, text): &(String, String)| {
        let place = (file.as_str(), text.as_str());
        file == XML || INNER_HTML.contains(&place) || SCRIPTS.contains(&place)
    };
    found.places.retain(|place| !allowed(place));
    assert!(found.places.is_empty(), "text becomes HTML here, pass it as data: {:#?}", found.places);
}

#[test]
fn the_rule_finds_what_it_forbids() {
    for source in [
        "view! { <script nonce=n>{start(&path)}</script> }",
        "view! { <div><script>\"go(\" {path} \")\"</script></div> }",
        "view! { <p inner_html=text></p> }",
        "fn f() { let page = format!(\"<h1>{title}</h1>\"); }",
        "fn f() { write!(out, \"<script>go('{}')</script>\", path).unwrap(); }",
        "fn f() { element.set_inner_html(&text); }",
        "mod m { fn f() { leptos::html::script().inner_html(text) } }",
    ] {
        let mut found = Found::default();
        found.look(source.parse().unwrap(), "a.rs");
        assert!(!found.places.is_empty(), "{source}");
    }
    let mut found = Found::default();
    found.look("fn f() { view! { <p>{text}</p> }; format!(\"{a} < {b}\"); \"<p>\"; }".parse().unwrap(), "a.rs");
    assert_eq!(found.places, []);
}

/// Places of the sources, by file and text.
#[derive(Default)]
struct Found {
    files: usize,
    places: Vec<(String, String)>,
}

fn look_into(root: &Path, folder: &Path, found: &mut Found) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look_into(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            found.files += 1;
            found.look(fs::read_to_string(&path).unwrap().parse().unwrap(), &name);
        }
    }
}

impl Found {
    #[expect(clippy::needless_pass_by_value, reason = "most are made for it")]
    fn add(&mut self, file: &str, text: impl ToString) {
        self.places.push((file.to_owned(), text.to_string()));
    }

    fn look(&mut self, stream: TokenStream, file: &str) {
        let tokens: Vec<_> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                // Tests may hold what they look for.
                TokenTree::Group(_) if is_tests(&tokens[..at]) => {}
                TokenTree::Group(group) => {
                    if at >= 2
                        && is_punct(&tokens[at - 1], '!')
                        && FORMATS.contains(&tokens[at - 2].to_string().as_str())
                    {
                        self.look_at_format(group.stream(), file);
                    }
                    self.look(group.stream(), file);
                }
                TokenTree::Ident(name) if name == "inner_html" => self.add(file, value(&tokens[at + 1..])),
                TokenTree::Ident(name) if name == "script" && at > 0 && is_punct(&tokens[at - 1], '<') => {
                    self.add(file, element(&tokens[at + 1..]));
                }
                TokenTree::Ident(name) if SINKS.contains(&name.to_string().as_str()) => self.add(file, name),
                _ => {}
            }
        }
    }

    /// A text with values in it has no tag.
    fn look_at_format(&mut self, arguments: TokenStream, file: &str) {
        let text = arguments.into_iter().find(|token| matches!(token, TokenTree::Literal(_)));
        let text = text.map(|text| text.to_string()).unwrap_or_default();
        let has_tag = text.match_indices('<').any(|(at, _)| {
            text[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic() || next == '/' || next == '!')
        });
        if has_tag && text.contains('{') {
            self.add(file, text);
        }
    }
}

/// What stands behind `inner_html =`, to the end of the tag or of its first argument list.
fn value(tokens: &[TokenTree]) -> TokenStream {
    let tokens = tokens.iter().skip_while(|token| is_punct(token, '='));
    tokens.take_while(|token| !is_punct(token, '>')).cloned().collect()
}

/// The attributes and children of an element, up to its end tag.
fn element(tokens: &[TokenTree]) -> TokenStream {
    tokens.iter().take_while(|token| !is_punct(token, '<')).cloned().collect()
}

/// Whether a group behind these tokens is a module of tests.
fn is_tests(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Ident(module), TokenTree::Ident(name)] if module == "mod" && name == "tests")
}

fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}
