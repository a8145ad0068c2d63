//! `cargo xtask build`

use std::fs;
use std::path::Path;

use crate::quick::{copy, copy_folder};
use crate::tool::{self, Output};
use crate::{Result, leptos, pgo, place, say, setup};

const FOLDER: &str = "dist";
const CONFIGURATION: &str = "vestibule.example.toml";

/// Makes `dist/`: the server program, the file with the hashes of the site's files, and the site.
/// The program looks for both beside itself. With `--pgo` it is compiled by a profile of itself.
///
/// # Errors
///
/// When a tool is missing, the build fails or a file cannot be written.
pub fn run(arguments: &[String]) -> Result<()> {
    let guided = match arguments {
        [argument] if argument == "--pgo" => true,
        _ => crate::no_arguments(arguments).map(|()| false)?,
    };
    if guided {
        pgo::check()?;
    }
    setup::for_release()?;
    say::heading("Release build");
    tool::run(leptos::release_build(), &Output::Terminal)?;
    let server = if guided { pgo::build()? } else { leptos::server("release") };
    let folder = place::root().join(FOLDER);
    assemble(&folder, &server)?;
    say::heading(&format!("{FOLDER}/ is ready: {:.1} MB", size(&folder) / 1e6));
    say::note(&format!("Copy the folder to a server and start {FOLDER}/{} there.", leptos::NAME));
    Ok(())
}

fn assemble(folder: &Path, server: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("cannot empty {}: {error}", folder.display()))?;
    }
    copy_folder(&place::site(), &folder.join("site"))?;
    copy(server, &folder.join(place::executable(leptos::NAME)))?;
    copy(&leptos::server("release").with_file_name(leptos::HASH_FILE), &folder.join(leptos::HASH_FILE))?;
    let configuration = Path::new(CONFIGURATION);
    if configuration.is_file() {
        copy(configuration, &folder.join(CONFIGURATION))?;
    }
    Ok(())
}

/// The bytes in a folder.
fn size(folder: &Path) -> f64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    #[expect(clippy::cast_precision_loss, reason = "shown in megabytes with one decimal")]
    let length = |path: &Path| path.metadata().map_or(0.0, |metadata| metadata.len() as f64);
    entries.map(|path| if path.is_dir() { size(&path) } else { length(&path) }).sum()
}
