//! What a process and its children have used, from `/proc` (proc(5)).

use std::collections::HashMap;
use std::fs;

use crate::Result;

/// Linux counts processor time for programs in hundredths of a second (`USER_HZ`), whatever its own
/// clock does.
const TICKS_PER_SECOND: u64 = 100;
const MICROSECONDS_PER_TICK: u64 = 1_000_000 / TICKS_PER_SECOND;

/// The use of a process with all its threads and children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Processor time so far, in user and kernel, in microseconds.
    pub cpu: u64,
    /// Resident memory, in KiB. What processes share is counted in each.
    pub rss: u64,
}

/// What process `root` and its descendants have used.
///
/// # Errors
///
/// When there is no such process.
pub fn of(root: u32) -> Result<Use> {
    let stats: HashMap<u32, Stat> = processes().filter_map(|id| Some((id, stat(id)?))).collect();
    if !stats.contains_key(&root) {
        return Err(format!("process {root} has ended"));
    }
    let is_below = |mut id: u32| {
        while id != root {
            match stats.get(&id) {
                Some(stat) if stat.parent != 0 => id = stat.parent,
                _ => return false,
            }
        }
        true
    };
    let mut sum = Use::default();
    for (&id, stat) in stats.iter().filter(|(id, _)| is_below(**id)) {
        sum.cpu += stat.ticks * MICROSECONDS_PER_TICK;
        sum.rss += rss(id).unwrap_or(0);
    }
    Ok(sum)
}

/// The processor time that the whole machine was busy so far, in microseconds, and of how much.
pub fn machine() -> (u64, u64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
    let all: u64 = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    ((all - idle) * MICROSECONDS_PER_TICK, all * MICROSECONDS_PER_TICK)
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    ticks: u64,
}

fn stat(id: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// `42 (name, with spaces) S parent …`, user and kernel time being the fields 14 and 15.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks: number(14)? + number(15)? })
}

fn rss(id: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn reads_times_behind_any_name() {
        let text = "42 (a) b) S 7 42 42 0 -1 4194304 100 0 0 0 30 12 0 0 20 0 1 0";
        assert_eq!(parse_stat(text), Some(Stat { parent: 7, ticks: 42 }));
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn counts_children() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let own = rss(std::process::id()).unwrap();
        let with_child = of(std::process::id()).unwrap().rss;
        let alone = of(child.id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(with_child > own && alone.rss > 0, "{with_child} {own}");
        assert!(of(child.id()).is_err());
    }
}
