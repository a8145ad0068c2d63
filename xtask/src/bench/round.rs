//! Measures everybody in turn, round after round, so that whatever else the machine does meets all
//! alike.

use std::time::Instant;

use super::case::{CASES, Case};
use super::options::Options;
use super::result::{Sample, Series};
use super::stack::{self, Api, Running};
use super::{RESULTS, account, load, plot, table};
use crate::{Result, place, say};

/// Where the numbers go when not everything was measured, relative to the target folder.
const PARTIAL: &str = "bench/results";
/// How long everybody is loaded before the first round, in seconds: Node.js compiles what is hot.
const WARM_UP: f64 = 1.0;

/// `cargo xtask bench`
///
/// # Errors
///
/// When a peer cannot be started, answers wrongly, or a file cannot be written.
pub fn run(options: &Options) -> Result<()> {
    say::heading("Starting everybody on the loopback interface");
    let api = Api::start()?;
    let peers = stack::start(&api, options)?;
    let cases: Vec<&Case> = CASES.iter().filter(|case| options.has_case(case.name)).collect();
    let pairs: Vec<(&Case, &Running)> = cases
        .iter()
        .flat_map(|case| peers.iter().filter(|peer| peer.can(case)).map(move |peer| (*case, peer)))
        .collect();
    if options.rounds > 1 {
        say::heading("Warming up");
        for (case, peer) in &pairs {
            load::measure(peer, case, WARM_UP, &api.folder)?;
        }
    }
    let mut all: Vec<Series> = pairs
        .iter()
        .map(|(case, peer)| Series { case: case.name, peer: peer.peer.name(), samples: Vec::new() })
        .collect();
    let (began, before) = (Instant::now(), Busy::now());
    for round in 1..=options.rounds {
        say::heading(&format!("Round {round} of {}", options.rounds));
        for ((case, peer), series) in pairs.iter().zip(&mut all) {
            let sample = load::measure(peer, case, options.seconds, &api.folder)?;
            announce(case, peer, sample.as_ref());
            series.samples.extend(sample);
        }
    }
    say::note(&format!("measured for {}", say::duration(began.elapsed())));
    save(&all, options, &before.until(&Busy::now()))
}

fn announce(case: &Case, peer: &Running, sample: Option<&Sample>) {
    let Some(sample) = sample else {
        say::note(&format!("{:<9} {:<14} gave no answer in time", case.name, peer.peer.title()));
        return;
    };
    let (cpu, rate, p99) = (sample.cpu, sample.rate, sample.latency[1] / 1000.0);
    let (title, unit) = (peer.peer.title(), case.unit);
    say::note(&format!("{:<9} {title:<14} {cpu:8.1} µs CPU/{unit} {rate:9.0} {unit}s/s  p99 {p99:.1} ms", case.name));
}

fn save(all: &[Series], options: &Options, machine: &str) -> Result<()> {
    let folder = if options.is_whole() { place::root().join(RESULTS) } else { place::target().join(PARTIAL) };
    let text = table::markdown(all, &table::conditions(options, machine));
    println!("\n{text}");
    super::write(folder.join("results.md"), &text)?;
    super::write(folder.join("rounds.csv"), &table::csv(all))?;
    for plot in plot::PLOTS {
        super::write(folder.join(plot.file), &plot.draw(all))?;
    }
    if options.is_whole() {
        table::insert(&text)?;
    }
    say::heading(&format!("Saved in {}", folder.display()));
    Ok(())
}

/// The whole machine's processor time.
#[derive(Debug)]
struct Busy {
    busy: u64,
    all: u64,
}

impl Busy {
    fn now() -> Self {
        let (busy, all) = account::machine();
        Self { busy, all }
    }

    /// How busy the machine was, and how much its processors were asked for beyond that.
    fn until(&self, later: &Self) -> String {
        let share = (later.busy - self.busy) * 100 / (later.all - self.all).max(1);
        let load = super::read("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        format!("its processors {share} % busy with all of it, load {load} at the end")
    }
}
