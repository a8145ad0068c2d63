//! Runs a load and reads what it achieved.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::account::Use;
use super::build;
use super::case::{Case, Load};
use super::process::command;
use super::result::Sample;
use super::stack::Running;
use crate::{Result, tool};

/// What a load achieved.
#[derive(Debug, PartialEq)]
struct Achieved {
    units: f64,
    latency: [f64; 3],
}

/// Loads a peer for some seconds; `None` when it was too slow to answer once.
///
/// # Errors
///
/// When an answer is wrong or missing: numbers with failures among them mean nothing.
pub fn measure(running: &Running, case: &Case, seconds: f64, folder: &Path) -> Result<Option<Sample>> {
    let (before, begin, achieved) = match case.load {
        Load::Sse | Load::WebSocket => driven(running, case, seconds)?,
        Load::Get(_) | Load::Post(_) | Load::Http2 { .. } => {
            let log = folder.join("h2load.log");
            let command = generator(running, case, seconds, &log)?;
            let (before, begin) = (running.used()?, Instant::now());
            let output = output(command)?;
            let achieved = if matches!(case.load, Load::Http2 { .. }) {
                h2load(&output, &super::read(&log)?)?
            } else {
                wrk(&output)?
            };
            (before, begin, achieved)
        }
    };
    let elapsed = begin.elapsed();
    Ok(sample(before, running.used()?, elapsed, &achieved))
}

/// Has wrk get the home page for some seconds.
///
/// # Errors
///
/// When an answer is wrong or missing.
pub fn page(running: &Running, seconds: f64) -> Result<()> {
    let mut wrk = command(Path::new("wrk"));
    wrk.args(["-t", "1", "-c", "8", "-d"]).arg(format!("{}s", seconds.ceil())).args(["-s", "bench/wrk/load.lua"]);
    wrk.arg(format!("http://{}/", running.address(Load::Get("/"))));
    self::wrk(&output(wrk)?).map(|_| ())
}

#[expect(clippy::cast_precision_loss, reason = "microseconds and kibibytes stay far below 2^52")]
fn sample(before: Use, after: Use, elapsed: Duration, achieved: &Achieved) -> Option<Sample> {
    (achieved.units > 0.0).then(|| Sample {
        cpu: (after.cpu - before.cpu) as f64 / achieved.units,
        rate: achieved.units / elapsed.as_secs_f64(),
        latency: achieved.latency,
        rss: after.rss as f64,
    })
}

/// The command of wrk or h2load.
fn generator(running: &Running, case: &Case, seconds: f64, log: &Path) -> Result<Command> {
    let address = running.address(case.load);
    let (path, body) = match case.load {
        Load::Get(path) | Load::Http2 { path, .. } => (path, 0),
        Load::Post(length) => ("/upload", length),
        Load::Sse | Load::WebSocket => ("", 0),
    };
    let url = format!("http://{address}/api/proxy{path}");
    let cookie = format!("Cookie: {}", running.cookie()?);
    let browser = ["-H", &cookie, "-H", "Sec-Fetch-Site: same-origin"];
    if let Load::Http2 { streams, .. } = case.load {
        // It appends to the log of the run before.
        let _ = fs::remove_file(log);
        let mut h2load = command(Path::new("h2load"));
        h2load.args(["-t", "1", "-c", &case.connections.to_string(), "-m", &streams.to_string()]);
        h2load.arg("-D").arg(format!("{}", seconds.ceil())).arg(format!("--log-file={}", log.display()));
        h2load.args(browser).arg(url);
        return Ok(h2load);
    }
    let mut wrk = command(Path::new("wrk"));
    // wrk takes whole seconds only.
    wrk.args(["-t", "1", "-c", &case.connections.to_string(), "-d"]).arg(format!("{}s", seconds.ceil()));
    wrk.args(["-s", "bench/wrk/load.lua", "--timeout", "10s"]).args(browser).arg(url);
    wrk.env("WRK_BODY", body.to_string());
    Ok(wrk)
}

fn output(mut command: Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| tool::start_failure(&command, &error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{}` ended with {}: {text}{error}", tool::line(&command), output.status))
}

/// The driver connects first, which is not counted, and begins on a word.
fn driven(running: &Running, case: &Case, seconds: f64) -> Result<(Use, Instant, Achieved)> {
    let load = if case.load == Load::Sse { "sse" } else { "ws" };
    let mut driver = Driver::start(running, load, case.connections, seconds)?;
    driver.wait_until_ready()?;
    let (before, begin) = (running.used()?, Instant::now());
    driver.go()?;
    Ok((before, begin, driver.finish()?))
}

/// The program for the loads that wrk and h2load do not make.
#[derive(Debug)]
pub struct Driver {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<std::process::ChildStdout>,
    load: &'static str,
}

impl Driver {
    /// Starts it: `count` connections, or bytes.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(running: &Running, load: &'static str, count: usize, seconds: f64) -> Result<Self> {
        let mut driver = command(&build::program("driver"));
        driver.arg(load).arg(running.address(Load::Sse).to_string()).arg(running.cookie()?);
        driver.arg(count.to_string()).arg(seconds.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = driver.spawn().map_err(|error| tool::start_failure(&driver, &error))?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("the driver has no output")?;
        Ok(Self { child, input, output: BufReader::new(output), load })
    }

    /// Waits until all is connected.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        if self.line()? == "ready" { Ok(()) } else { Err(self.failure()) }
    }

    /// Gives the word to begin.
    ///
    /// # Errors
    ///
    /// When nobody hears it.
    pub fn go(&mut self) -> Result<()> {
        let input = self.input.take();
        input.and_then(|mut input| writeln!(input).ok()).ok_or_else(|| self.failure())
    }

    fn finish(mut self) -> Result<Achieved> {
        let line = self.line()?;
        let numbers = numbers(&line);
        match (self.child.wait(), numbers.as_slice()) {
            (Ok(status), [units, latency @ ..]) if status.success() => {
                Ok(Achieved { units: *units, latency: latency.try_into().map_err(|_| self.failure())? })
            }
            _ => Err(self.failure()),
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// When an answer was wrong or missing.
    pub fn end(self) -> Result<()> {
        self.finish().map(|_| ())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| format!("cannot read from the driver: {error}"))?;
        Ok(line.trim().to_owned())
    }

    fn failure(&self) -> String {
        format!("the load `{}` failed; what it wrote stands above", self.load)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It has ended, unless something failed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The numbers of the line that begins with `result`.
fn numbers(output: &str) -> Vec<f64> {
    let line = output.lines().find_map(|line| line.strip_prefix("result "));
    line.unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect()
}

/// Our script has wrk print the requests, three latencies, and the failures.
fn wrk(output: &str) -> Result<Achieved> {
    match numbers(output).as_slice() {
        [units, low, middle, high, failed] if *failed <= 0.0 => {
            Ok(Achieved { units: *units, latency: [*low, *middle, *high] })
        }
        [units, _, _, _, failed] => Err(format!("{failed} of {units} requests failed")),
        _ => Err(format!("wrk gives no result: {output}")),
    }
}

/// What the end of the time cut off is in neither the status codes nor the answered lines.
fn h2load(output: &str, log: &str) -> Result<Achieved> {
    let codes = output.lines().find_map(|line| line.strip_prefix("status codes: ")).unwrap_or_default();
    let bad = ["0 3xx", "0 4xx", "0 5xx"].iter().any(|none| !codes.contains(&format!(", {none}")));
    let mut times: Vec<f64> = log.lines().filter_map(answered).collect();
    if bad || times.is_empty() {
        return Err(format!("h2load: some requests failed: {codes}"));
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times[(times.len() * share / 1000).min(times.len() - 1)];
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^52 answers")]
    Ok(Achieved { units: times.len() as f64, latency: [at(500), at(990), at(999)] })
}

/// h2load writes a line per request: when it was sent, its status, and how long its answer took, in
/// microseconds.
fn answered(line: &str) -> Option<f64> {
    let mut words = line.split('\t');
    let answered = words.nth(1)?.trim() == "200";
    words.next()?.trim().parse().ok().filter(|_| answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_wrk() {
        let achieved = wrk("Running\nresult 100 5 9 12 0\n").unwrap();
        assert_eq!(achieved, Achieved { units: 100.0, latency: [5.0, 9.0, 12.0] });
        assert!(wrk("result 100 5 9 12 3\n").unwrap_err().contains("3 of 100"));
        assert!(wrk("unable to connect").is_err());
    }

    #[test]
    fn reads_h2load() {
        let output = "requests: 2 total\nstatus codes: 2 2xx, 0 3xx, 0 4xx, 0 5xx\n";
        let log = "1\t200\t30\n2\t200\t10\n3\t-1\t99\n";
        assert_eq!(h2load(output, log).unwrap(), Achieved { units: 2.0, latency: [30.0, 30.0, 30.0] });
        assert!(h2load("status codes: 1 2xx, 0 3xx, 1 4xx, 0 5xx\n", log).is_err());
        assert!(h2load(output, "").is_err());
    }

    #[test]
    fn divides_the_time_by_the_work() {
        let (before, after) = (Use { cpu: 1_000, rss: 0 }, Use { cpu: 5_000, rss: 64 });
        let achieved = Achieved { units: 100.0, latency: [1.0; 3] };
        let sample = sample(before, after, Duration::from_secs(2), &achieved).unwrap();
        assert_eq!(sample, Sample { cpu: 40.0, rate: 50.0, latency: [1.0; 3], rss: 64.0 });
    }
}
