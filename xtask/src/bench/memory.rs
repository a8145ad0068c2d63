//! `cargo xtask bench memory`: what large bodies and many streams cost the server.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::RESULTS;
use super::load::Driver;
use super::options::Options;
use super::peer::Peer;
use super::stack::{Api, Running};
use crate::job::Job;
use crate::{Result, place, say};

const BODY: usize = 2 << 30;
/// What comes before, so that code, buffers and the allocator's first pages are not counted.
const SMALL_BODY: usize = 4 << 20;
const STREAMS: usize = 5_000;
/// How often memory is looked at meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// Measures and saves the table.
///
/// # Errors
///
/// When an answer is wrong or missing, or the file cannot be written.
pub fn run(_: &Options) -> Result<()> {
    say::heading("Starting the server on the loopback interface");
    let api = Api::start()?;
    // All streams are one person's here.
    let many = |server: &mut std::process::Command| {
        server.env("VESTIBULE_PROXY__MAX_CONCURRENT_PER_SESSION", "0");
    };
    let server = Arc::new(Running::start(Peer::Vestibule, &api, many)?);
    let mut text =
        "| Load | RSS before MiB | most RSS meanwhile MiB | growth |\n| --- | ---: | ---: | ---: |\n".to_owned();
    for (load, title) in [("upload", "2 GiB upload"), ("download", "2 GiB download")] {
        say::heading(title);
        body(&server, load, SMALL_BODY)?;
        let before = server.used()?.rss;
        let watch = Watch::start(&server);
        body(&server, load, BODY)?;
        let most = watch.end()?;
        line(&mut text, title, before, most, &format!("{} MiB", mebibytes(most.saturating_sub(before))));
    }
    say::heading("5,000 event streams");
    let (before, most) = streams(&server)?;
    #[expect(clippy::cast_precision_loss, reason = "kibibytes of memory stay far below 2^52")]
    let each = most.saturating_sub(before) as f64 / STREAMS as f64;
    line(&mut text, "5,000 event streams", before, most, &format!("{each:.1} KiB each"));
    println!("\n{text}");
    super::write(place::root().join(RESULTS).join("memory.md"), &text)
}

fn body(server: &Running, load: &'static str, length: usize) -> Result<()> {
    Driver::start(server, load, length, 0.0)?.end()
}

/// Resident memory before and with all streams open, in KiB.
fn streams(server: &Arc<Running>) -> Result<(u64, u64)> {
    let before = server.used()?.rss;
    let watch = Watch::start(server);
    let mut driver = Driver::start(server, "hold", STREAMS, 0.0)?;
    driver.wait_until_ready()?;
    thread::sleep(Duration::from_secs(5));
    driver.go()?;
    driver.end()?;
    Ok((before, watch.end()?))
}

/// Looks at a server's memory until it is told to end.
struct Watch {
    ended: Arc<AtomicBool>,
    job: Job<u64>,
}

impl Watch {
    fn start(server: &Arc<Running>) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let (server, until) = (Arc::clone(server), Arc::clone(&ended));
        let job = Job::start(move || {
            let mut most = 0;
            while !until.load(Ordering::Relaxed) {
                let now = server.used().map_or(0, |used| used.rss);
                most = most.max(now);
                thread::sleep(PAUSE);
            }
            most
        });
        Self { ended, job }
    }

    /// The most that was seen, in KiB.
    fn end(self) -> Result<u64> {
        self.ended.store(true, Ordering::Relaxed);
        self.job.wait()
    }
}

fn line(text: &mut String, title: &str, before: u64, most: u64, growth: &str) {
    let line = format!("| {title} | {} | {} | {growth} |", mebibytes(before), mebibytes(most));
    say::note(&line);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

#[expect(clippy::cast_precision_loss, reason = "kibibytes of memory stay far below 2^52")]
fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1}", kibibytes as f64 / 1024.0)
}
