//! The systemd unit under systemd's own checks, which need no running systemd.

use std::process::{Command, Output};

use crate::{
    example::{fill, read},
    program::folder,
};

const NAME: &str = "vestibule.service";
/// The most exposure that `systemd-analyze security` may find, in tenths: it is 1.1 with version 252, and the
/// versions count differently.
const EXPOSURE: &str = "15";
/// How `docs/operations.md` hands over the key as a credential.
const CREDENTIAL: &str = "\nLoadCredential=session.key:/etc/vestibule/session.key\nEnvironment=VESTIBULE_DATA_DIR=%d";

/// Runs a check of the unit; `None` where there is no systemd.
#[expect(clippy::print_stdout, reason = "the test's output says that it was skipped")]
fn analyze(arguments: &[&str], more: &str) -> Option<Output> {
    let folder = folder();
    let file = folder.join(NAME);
    // The program lies elsewhere here.
    let text = fill(&read(NAME), &[("ExecStart=/opt/vestibule/vestibule", &format!("{}{more}", execution()))]);
    std::fs::write(&file, text).unwrap();
    let output = Command::new("systemd-analyze").args(arguments).arg(&file).output();
    std::fs::remove_dir_all(folder).unwrap();
    output.inspect_err(|error| println!("skipped, as there is no systemd-analyze: {error}")).ok()
}

fn execution() -> String {
    format!("ExecStart={}", env!("CARGO_BIN_EXE_vestibule"))
}

#[test]
fn systemd_understands_all_of_the_unit() {
    for more in ["", CREDENTIAL] {
        let Some(output) = analyze(&["verify", "--man=no"], more) else { return };
        let said = String::from_utf8(output.stderr).unwrap();
        // It goes on with a unit that has a misspelt line, and says so. It also tells of other units of the machine.
        let ours: Vec<&str> = said.lines().filter(|line| line.contains(NAME)).collect();
        assert!(output.status.success() && ours.is_empty(), "{said}");
    }
}

#[test]
fn the_unit_leaves_little_to_attack() {
    let Some(output) = analyze(&["security", "--offline=yes", "--no-pager", "--threshold", EXPOSURE], "") else {
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_unit_keeps_what_it_promises() {
    let unit = read(NAME);
    for line in ["DynamicUser=yes", "StateDirectory=vestibule", "ProtectSystem=strict", "CapabilityBoundingSet="] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
}
