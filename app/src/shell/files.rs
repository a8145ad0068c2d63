//! The addresses of the built files, with the hashes that `cargo leptos` puts into their names.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use leptos::config::LeptosOptions;

/// The addresses of the built files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) js: String,
    pub(super) wasm: String,
    pub(super) css: String,
    /// The files with the code of each page, by its name. None while developing: it is all in `wasm`.
    pages: BTreeMap<String, Vec<String>>,
}

impl Files {
    /// The files of this build. They are looked up once; while developing each time, as a new style
    /// sheet does not restart the server.
    pub(super) fn of(options: &LeptosOptions) -> Arc<Self> {
        static FILES: OnceLock<Arc<Files>> = OnceLock::new();
        if env::var_os("LEPTOS_WATCH").is_some() {
            return Arc::new(Self::read(options));
        }
        Arc::clone(FILES.get_or_init(|| Arc::new(Self::read(options))))
    }

    fn read(options: &LeptosOptions) -> Self {
        let beside = env::current_exe().ok().and_then(|program| Some(program.parent()?.join(&*options.hash_file)));
        let hashes = beside.filter(|_| options.hash_files).and_then(|path| fs::read_to_string(path).ok());
        let hashes = hashes.unwrap_or_default();
        let list = Path::new(&*options.site_root).join(&*options.site_pkg_dir).join(list_of_pages(&hashes));
        let folder = format!("/{}", options.site_pkg_dir);
        let files = Self::named(&format!("{folder}/{}", options.output_name), &hashes);
        files.with_pages(&folder, &hashes, &fs::read_to_string(list).unwrap_or_default())
    }

    /// `list` names the files of each page, without their ending.
    fn with_pages(mut self, folder: &str, hashes: &str, list: &str) -> Self {
        let pages: BTreeMap<String, Vec<String>> = serde_json::from_str(list).unwrap_or_default();
        let loader = hash(hashes, "split").map(|hash| format!("{folder}/__wasm_split.{hash}.js"));
        let files = |names: Vec<String>| {
            let files = names.into_iter().map(|name| format!("{folder}/{name}.wasm"));
            loader.iter().cloned().chain(files).collect()
        };
        self.pages = pages.into_iter().map(|(page, names)| (page, files(names))).collect();
        self
    }

    /// What else the page of this name loads.
    pub(super) fn of_page(&self, name: &str) -> &[String] {
        self.pages.get(name).map_or(&[], Vec::as_slice)
    }

    /// What all pages load.
    pub(super) fn of_pages(&self) -> BTreeSet<&String> {
        self.pages.values().flatten().collect()
    }

    /// `hashes` has lines such as `css: 5cZ…`; a file without one has no hash in its name.
    fn named(base: &str, hashes: &str) -> Self {
        let name = |kind: &str| {
            hash(hashes, kind).map_or_else(|| format!("{base}.{kind}"), |hash| format!("{base}.{hash}.{kind}"))
        };
        Self { js: name("js"), wasm: name("wasm"), css: name("css"), pages: BTreeMap::new() }
    }
}

/// Where cargo-leptos lists the files of each page.
fn list_of_pages(hashes: &str) -> String {
    hash(hashes, "manifest").map_or_else(String::new, |hash| format!("__wasm_split_manifest.{hash}.json"))
}

fn hash<'a>(hashes: &'a str, kind: &str) -> Option<&'a str> {
    let mut lines = hashes.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(name, _)| name.trim() == kind).map(|(_, hash)| hash.trim())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Files, list_of_pages};

    #[test]
    fn puts_the_hash_into_the_name() {
        let files = Files::named("/pkg/vestibule", "js: aB-_1\nwasm:c2\n\n");
        let expected = Files {
            js: "/pkg/vestibule.aB-_1.js".into(),
            wasm: "/pkg/vestibule.c2.wasm".into(),
            css: "/pkg/vestibule.css".into(),
            pages: BTreeMap::new(),
        };
        assert_eq!(files, expected);
    }

    #[test]
    fn knows_the_files_of_a_page() {
        let hashes = "js: a\nsplit: s-1\nmanifest: m";
        let list = r#"{"notes": ["chunk_1.b", "split_notes.c"], "home": ["split_home.d"]}"#;
        let files = Files::named("/pkg/vestibule", hashes).with_pages("/pkg", hashes, list);
        let notes = ["/pkg/__wasm_split.s-1.js", "/pkg/chunk_1.b.wasm", "/pkg/split_notes.c.wasm"];
        assert_eq!(files.of_page("notes"), notes);
        assert_eq!(files.of_pages().len(), 4);
        assert!(files.of_page("nowhere").is_empty());
        assert_eq!(list_of_pages(hashes), "__wasm_split_manifest.m.json");
    }
}
