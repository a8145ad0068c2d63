//! Finds programs and runs them.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::leash::Leash;
use crate::version::Version;
use crate::{Result, place, say};

/// Where a command's own output goes.
#[derive(Clone, Debug)]
pub enum Output {
    /// To the person, as the tool writes it.
    Terminal,
    /// To a file, because something else is on the terminal meanwhile.
    File(PathBuf),
}

/// The folders to look for programs in: this clone's own tools, `PATH`, Cargo's folder.
pub fn search_path() -> Vec<PathBuf> {
    let mut folders = vec![place::tools().join("bin"), place::tools().join("node_modules/.bin")];
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    if let Some(folder) = place::cargo_bin().filter(|folder| !folders.contains(folder)) {
        folders.push(folder);
    }
    folders
}

/// The first program of that name.
pub fn find(name: &str) -> Option<PathBuf> {
    let names: &[String] = if cfg!(windows) {
        &[format!("{name}.exe"), format!("{name}.cmd"), format!("{name}.bat")]
    } else {
        &[name.to_owned()]
    };
    search_path().iter().flat_map(|folder| names.iter().map(|name| folder.join(name))).find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// A command with our tools first on its `PATH`, and without the variables that `cargo run` set for
/// this program: build scripts that look at them would be run again by each command that is not ours.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(find(name).unwrap_or_else(|| name.into()));
    if let Ok(path) = env::join_paths(search_path()) {
        command.env("PATH", path);
    }
    for (variable, _) in env::vars_os() {
        if is_set_by_cargo_run(&variable) {
            command.env_remove(variable);
        }
    }
    command
}

fn is_set_by_cargo_run(variable: &OsString) -> bool {
    let variable = variable.to_string_lossy();
    variable == "CARGO" || ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| variable.starts_with(start))
}

/// A command that leaves the processor to others where the system knows `nice`.
pub fn patient_command(name: &str) -> Command {
    if find("nice").is_none() {
        return command(name);
    }
    let mut nice = command("nice");
    nice.args(["-n", "19"]).arg(find(name).unwrap_or_else(|| name.into()));
    nice
}

/// The command as one would type it.
pub fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Enough of a command to know it by; all of it was shown when it started.
fn name(command: &Command) -> String {
    line(command).split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Runs a command to its end.
///
/// # Errors
///
/// When it cannot be started or fails; names the command.
pub fn run(mut command: Command, output: &Output) -> Result<()> {
    say::note(&format!("$ {}", line(&command)));
    if let Output::File(path) = output {
        redirect(&mut command, path)?;
    }
    let mut child = command.spawn().map_err(|error| start_failure(&command, &error))?;
    let leash = Leash::tie(&child);
    let status = child.wait().map_err(|error| format!("cannot wait for `{}`: {error}", line(&command)))?;
    drop(leash);
    if status.success() {
        return Ok(());
    }
    if let Output::File(path) = output {
        say_end_of(path);
    }
    Err(format!("`{}` ended with {status}", name(&command)))
}

/// Shows why a command failed whose output went to a file.
fn say_end_of(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    say::note(&format!("the end of {}:", path.display()));
    lines[lines.len().saturating_sub(20)..].iter().for_each(|line| say::note(&format!("  {line}")));
}

fn redirect(command: &mut Command, path: &Path) -> Result<()> {
    let failure = |error| format!("cannot write {}: {error}", path.display());
    let file = File::options().create(true).append(true).open(path).map_err(failure)?;
    command.stdin(Stdio::null()).stdout(file.try_clone().map_err(failure)?).stderr(file);
    Ok(())
}

/// The sentence for a command that could not even be started.
pub fn start_failure(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start `{}`: {error}", line(command))
}

/// What a command writes to its standard output, or nothing when it fails.
pub fn answer(mut command: Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version a program reports, if it is there and runs.
pub fn version(name: &str) -> Option<Version> {
    find(name)?;
    let mut command = command(name);
    command.arg("--version");
    Version::parse(&answer(command)?)
}

/// Gives this process over to a command, so that signals and the exit status are the command's own.
///
/// # Errors
///
/// When it cannot be started, or, where a process cannot be given over, when it fails.
pub fn become_command(mut command: Command) -> Result<()> {
    say::note(&format!("$ {}", line(&command)));
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let error = command.exec();
        Err(start_failure(&command, &error))
    }
    #[cfg(not(unix))]
    {
        let status = command.status().map_err(|error| start_failure(&command, &error))?;
        std::process::exit(status.code().unwrap_or(1))
    }
}
