//! The results as text.

use std::fmt::Write;

use super::case::CASES;
use super::options::Options;
use super::peer::ALL;
use super::result::{Sample, Series, find};
use crate::{Result, place, tool};

const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";
/// Files that show the table between these two lines.
const SHOWN_IN: &[&str] = &["docs/performance.md"];
/// What all others are compared with.
const BASE: &str = "nginx";

/// The table, with what it was measured on above it.
pub fn markdown(all: &[Series], conditions: &str) -> String {
    let mut text = format!("{conditions}\n\n");
    text += "| Case | Peer | CPU µs | per second | p50 ms | p99 ms | p99.9 ms | RSS MiB |\n";
    text += "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for case in CASES {
        let base = find(all, case.name, BASE).map(Series::median);
        let mut title = case.title;
        for peer in ALL {
            let Some(series) = find(all, case.name, peer.name()) else { continue };
            let cells = cells(&series.median(), base.as_ref());
            // A line of the table per peer; writing to a string cannot fail.
            let _ = writeln!(text, "| {title} | {} | {} |", peer.title(), cells.join(" | "));
            title = "";
        }
    }
    text
}

fn cells(sample: &Sample, base: Option<&Sample>) -> Vec<String> {
    let numbers = |sample: &Sample| {
        let [low, middle, high] = sample.latency.map(|microseconds| microseconds / 1000.0);
        [sample.cpu, sample.rate, low, middle, high, sample.rss / 1024.0]
    };
    let own = numbers(sample);
    let ratios = base.map(|base| {
        let mut ratios = numbers(base);
        ratios.iter_mut().zip(own).for_each(|(base, own)| *base = own / *base);
        ratios
    });
    let cell = |(index, number): (usize, &f64)| match ratios {
        Some(ratios) => format!("{} ({:.2})", amount(*number), ratios[index]),
        None => amount(*number),
    };
    own.iter().enumerate().map(cell).collect()
}

/// Three digits that count.
fn amount(number: f64) -> String {
    match number {
        0.0..10.0 => format!("{number:.2}"),
        10.0..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

/// What it was measured on and how.
pub fn conditions(options: &Options, machine: &str) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let versions = [version("nginx", "-v"), version("haproxy", "-v"), version("node", "--version")].join(", ");
    format!(
        "Medians of {} rounds of {} s each, all peers in turn, on {cores} cores shared with the load and the API; \
         {machine}. In parentheses: the ratio to nginx. CPU is the peer's own processor time per request, event or \
         message, its kernel time included. {versions}.",
        options.rounds, options.seconds,
    )
}

/// nginx says it on its standard error.
fn version(program: &str, argument: &str) -> String {
    let mut shell = tool::command("sh");
    shell.args(["-c", "\"$1\" \"$2\" 2>&1 | head -n 1", "version"]);
    shell.arg(super::build::find(program).unwrap_or_else(|| program.into())).arg(argument);
    let answer = tool::answer(shell).unwrap_or_default();
    let words = answer.split([' ', '/']);
    let number =
        words.map(|word| word.trim_start_matches('v')).find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    format!("{program} {}", number.unwrap_or("of unknown version"))
}

/// Every measurement, for who wants to look closer.
pub fn csv(all: &[Series]) -> String {
    let mut text = "case,peer,round,cpu_us,per_second,p50_us,p99_us,p999_us,rss_kib\n".to_owned();
    for series in all {
        for (round, sample) in (1..).zip(&series.samples) {
            let Sample { cpu, rate, latency: [low, middle, high], rss } = sample;
            let Series { case, peer, .. } = series;
            let _ = writeln!(text, "{case},{peer},{round},{cpu:.2},{rate:.1},{low:.0},{middle:.0},{high:.0},{rss:.0}");
        }
    }
    text
}

/// Puts the table into the files that show it.
///
/// # Errors
///
/// When one cannot be written.
pub fn insert(table: &str) -> Result<()> {
    for file in SHOWN_IN {
        let path = place::root().join(file);
        if let Some(text) = path.is_file().then(|| super::read(&path)).transpose()?
            && let Some(text) = between_marks(&text, table)
        {
            super::write(&path, &text)?;
        }
    }
    Ok(())
}

fn between_marks(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::super::result::tests::series;
    use super::*;

    #[test]
    fn compares_with_nginx() {
        let all = [series("get", "nginx", &[20.0]), series("get", "vestibule", &[25.0, 30.0, 10.0])];
        let text = markdown(&all, "Conditions.");
        assert!(text.contains("| GET 200 B, 64 connections | nginx | 20.0 (1.00) | 5000 (1.00) |"), "{text}");
        assert!(text.contains("|  | Vestibule | 25.0 (1.25) | 4000 (0.80) | 0.03 (1.25) |"), "{text}");
    }

    #[test]
    fn goes_without_nginx() {
        let text = markdown(&[series("ws", "haproxy", &[123.4])], "");
        assert!(text.contains("| HAProxy | 123 | 810 |"), "{text}");
    }

    #[test]
    fn keeps_every_round() {
        let text = csv(&[series("ws", "haproxy", &[1.0, 2.0])]);
        assert_eq!(text.lines().count(), 3);
        assert!(text.ends_with("ws,haproxy,2,2.00,50000.0,2,2,2,2048\n"), "{text}");
    }

    #[test]
    fn replaces_what_is_between_the_marks() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(between_marks(&text, "new\n").unwrap(), format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(between_marks("a\n", "new\n"), None);
    }
}
