//! Latencies of a run.

/// Latencies in microseconds.
#[derive(Default)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    pub fn add(&mut self, microseconds: u64) {
        self.0.push(microseconds);
    }

    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Prints the number of answers and the latencies at 50, 99 and 99.9 %.
    pub fn print(mut self) {
        self.0.sort_unstable();
        let at = |share: usize| {
            let index = (self.0.len() * share / 1000).min(self.0.len().saturating_sub(1));
            self.0.get(index).copied().unwrap_or(0)
        };
        println!("result {} {} {} {}", self.0.len(), at(500), at(990), at(999));
    }
}
