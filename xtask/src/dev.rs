//! `cargo xtask dev`

use std::time::Instant;

use crate::setup::cargo_tool::{CARGO_LEPTOS, ensure_wasm_bindgen, wasm_bindgen};
use crate::setup::rust;
use crate::tool::{self, Output};
use crate::{Result, leptos, quick, say, server};

/// Serves the app and rebuilds it on every change. The first page does not wait for cargo-leptos to
/// be compiled where no prebuilt one can be had.
///
/// # Errors
///
/// When a tool cannot be installed or the app does not build.
pub fn run(arguments: &[String]) -> Result<()> {
    let started = Instant::now();
    server::require_free_address()?;
    say::heading("Tools");
    rust::ensure_target(&Output::Terminal)?;
    let bindgen = wasm_bindgen()?;
    let bindgen_is_ready = bindgen.is_ready() || bindgen.download(&Output::Terminal);
    let leptos_is_ready = CARGO_LEPTOS.is_ready() || CARGO_LEPTOS.download(&Output::Terminal);
    if !leptos_is_ready {
        quick::serve_until_ready(started)?;
    } else if !bindgen_is_ready {
        ensure_wasm_bindgen(&Output::Terminal)?;
    }
    say::note(&format!("all in place after {}", say::duration(started.elapsed())));
    say::heading("The app is built now, then served and rebuilt on every change; Ctrl-C ends it");
    let mut watch = leptos::watch();
    watch.args(arguments);
    tool::become_command(watch)
}
