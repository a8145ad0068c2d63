//! The systemd unit, tested with systemd's own checks, which need no running systemd.

use std::process::{Command, Output};

use crate::{
    example::{fill, read},
    program::folder,
};

const NAME: &str = "vestibule.service";
/// The maximum exposure for `systemd-analyze security`, in tenths. Version 252 reports 1.1; other versions score
/// differently.
const MAX_EXPOSURE: &str = "15";
/// The lines of `docs/operations.md` that pass the key as a credential.
const CREDENTIAL: &str = "\nLoadCredential=session.key:/etc/vestibule/session.key\nEnvironment=VESTIBULE_DATA_DIR=%d";

/// Runs a check of the unit; `None` without systemd.
#[expect(clippy::print_stdout, reason = "the test's output says that it was skipped")]
fn analyze(arguments: &[&str], more: &str) -> Option<Output> {
    let folder = folder();
    let file = folder.join(NAME);
    // The path of the program is different here.
    let text = fill(&read(NAME), &[("ExecStart=/opt/vestibule/vestibule", &format!("{}{more}", exec_start()))]);
    std::fs::write(&file, text).unwrap();
    let output = Command::new("systemd-analyze").args(arguments).arg(&file).output();
    std::fs::remove_dir_all(folder).unwrap();
    output.inspect_err(|error| println!("skipped, as there is no systemd-analyze: {error}")).ok()
}

fn exec_start() -> String {
    format!("ExecStart={}", env!("CARGO_BIN_EXE_vestibule"))
}

#[test]
fn systemd_understands_every_line_of_the_unit() {
    for more in ["", CREDENTIAL] {
        let Some(output) = analyze(&["verify", "--man=no"], more) else { return };
        let warnings = String::from_utf8(output.stderr).unwrap();
        // systemd only warns about a misspelt line. It also reports other units of the machine.
        let ours: Vec<&str> = warnings.lines().filter(|line| line.contains(NAME)).collect();
        assert!(output.status.success() && ours.is_empty(), "{warnings}");
    }
}

#[test]
fn the_unit_has_little_exposure() {
    let Some(output) = analyze(&["security", "--offline=yes", "--no-pager", "--threshold", MAX_EXPOSURE], "") else {
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_unit_is_sandboxed() {
    let unit = read(NAME);
    for line in ["DynamicUser=yes", "StateDirectory=vestibule", "ProtectSystem=strict", "CapabilityBoundingSet="] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
}
