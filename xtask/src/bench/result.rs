//! What was measured.

/// One measurement of one peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Processor time of the peer per unit of work, in microseconds.
    pub cpu: f64,
    /// Units of work a second.
    pub rate: f64,
    /// Latencies at 50, 99 and 99.9 %, in microseconds.
    pub latency: [f64; 3],
    /// Resident memory after the load, in KiB.
    pub rss: f64,
}

/// All measurements of one peer in one case.
#[derive(Clone, Debug)]
pub struct Series {
    pub case: &'static str,
    pub peer: &'static str,
    pub samples: Vec<Sample>,
}

impl Series {
    /// The median of each number, apart from one another.
    pub fn median(&self) -> Sample {
        let of = |pick: fn(&Sample) -> f64| median(self.samples.iter().map(pick).collect());
        Sample {
            cpu: of(|sample| sample.cpu),
            rate: of(|sample| sample.rate),
            latency: [of(|sample| sample.latency[0]), of(|sample| sample.latency[1]), of(|sample| sample.latency[2])],
            rss: of(|sample| sample.rss),
        }
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let (upper, lower) = (numbers.len() / 2, numbers.len().saturating_sub(1) / 2);
    match (numbers.get(lower), numbers.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => f64::NAN,
    }
}

/// The series of a peer in a case.
pub fn find<'a>(all: &'a [Series], case: &str, peer: &str) -> Option<&'a Series> {
    all.iter().find(|series| series.case == case && series.peer == peer && !series.samples.is_empty())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A series whose numbers all come from `cpu`.
    pub fn series(case: &'static str, peer: &'static str, cpus: &[f64]) -> Series {
        let sample = |cpu: &f64| Sample { cpu: *cpu, rate: 1e5 / cpu, latency: [*cpu; 3], rss: 2048.0 };
        Series { case, peer, samples: cpus.iter().map(sample).collect() }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the numbers are exact in binary")]
    fn takes_the_middle() {
        assert_eq!(series("a", "b", &[9.0, 1.0, 4.0]).median().cpu, 4.0);
        assert_eq!(series("a", "b", &[1.0, 4.0]).median().cpu, 2.5);
        assert!(series("a", "b", &[]).median().cpu.is_nan());
    }
}
