//! The addresses of the built files, with the hashes that `cargo leptos` puts into their names.

use std::{
    env, fs,
    sync::{Arc, OnceLock},
};

use leptos::config::LeptosOptions;

/// The addresses of the built files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) js: String,
    pub(super) wasm: String,
    pub(super) css: String,
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
        let base = format!("/{}/{}", options.site_pkg_dir, options.output_name);
        Self::named(&base, &hashes.unwrap_or_default())
    }

    /// `hashes` has lines such as `css: 5cZ…`; a file without one has no hash in its name.
    fn named(base: &str, hashes: &str) -> Self {
        let name = |kind: &str| {
            let hash = hashes.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| name.trim() == kind);
            hash.map_or_else(|| format!("{base}.{kind}"), |(_, hash)| format!("{base}.{}.{kind}", hash.trim()))
        };
        Self { js: name("js"), wasm: name("wasm"), css: name("css") }
    }
}

#[cfg(test)]
mod tests {
    use super::Files;

    #[test]
    fn puts_the_hash_into_the_name() {
        let files = Files::named("/pkg/vestibule", "js: aB-_1\nwasm:c2\n\n");
        let expected = Files {
            js: "/pkg/vestibule.aB-_1.js".into(),
            wasm: "/pkg/vestibule.c2.wasm".into(),
            css: "/pkg/vestibule.css".into(),
        };
        assert_eq!(files, expected);
    }
}
