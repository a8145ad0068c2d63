//! The table at the end: what was done, how it went, how long it took.

use std::time::Duration;

use crate::Result;
use crate::count::Count;

/// How one piece of work went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed,
    Skipped,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub outcome: Outcome,
    pub time: Duration,
    /// What was found, or why it failed or was skipped.
    pub remark: String,
    /// Tests, where the work is a test run.
    pub count: Count,
}

impl Row {
    /// A line for work that ended with a remark or with an error.
    pub fn new(name: &str, result: Result<String>, time: Duration) -> Self {
        let outcome = if result.is_ok() { Outcome::Done } else { Outcome::Failed };
        let remark = result.unwrap_or_else(|message| message);
        Self { name: name.to_owned(), outcome, time, remark, count: Count::default() }
    }

    /// A line for work that could not be done because other work failed.
    pub fn skipped(name: &str, because: &str) -> Self {
        let remark = format!("needs {because}");
        Self { outcome: Outcome::Skipped, ..Self::new(name, Ok(remark), Duration::ZERO) }
    }
}

/// All that was done.
#[derive(Clone, Debug, Default)]
pub struct Report(Vec<Row>);

impl FromIterator<Row> for Report {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl Extend<Row> for Report {
    fn extend<I: IntoIterator<Item = Row>>(&mut self, rows: I) {
        self.0.extend(rows);
    }
}

impl IntoIterator for Report {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Report {
    /// Adds a line.
    pub fn push(&mut self, row: Row) {
        self.0.push(row);
    }

    /// The first of these names whose work was tried and is not done.
    pub fn first_missing<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        let missing = |name: &str| self.0.iter().any(|row| row.name == name && row.outcome != Outcome::Done);
        names.iter().copied().find(|name| missing(name))
    }

    /// The tests of all lines. Work that failed without a failed test counts as one failure, so
    /// that the sum never looks better than the run was.
    pub fn count(&self) -> Count {
        let mut sum = Count::default();
        for row in &self.0 {
            sum += row.count;
            if row.outcome == Outcome::Failed && row.count.failed == 0 {
                sum.failed += 1;
            }
        }
        sum
    }

    /// Prints the table.
    pub fn print(&self) {
        let width = self.0.iter().map(|row| row.name.len()).max().unwrap_or(0);
        println!("\n{:width$}  result   seconds", "step");
        for row in &self.0 {
            let result = match row.outcome {
                Outcome::Done => "ok",
                Outcome::Failed => "FAILED",
                Outcome::Skipped => "skipped",
            };
            println!("{:width$}  {result:<7}  {:>7.1}  {}", row.name, row.time.as_secs_f64(), row.remark);
        }
    }

    /// Fails if any line did not succeed.
    ///
    /// # Errors
    ///
    /// Names the lines.
    pub fn into_result(self) -> Result<()> {
        let bad: Vec<String> = self
            .0
            .into_iter()
            .filter(|row| row.outcome != Outcome::Done)
            .map(|row| match row.outcome {
                Outcome::Skipped => format!("{} (skipped)", row.name),
                _ => row.name,
            })
            .collect();
        if bad.is_empty() { Ok(()) } else { Err(format!("failed: {}", bad.join(", "))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, result: Result<String>, passed: u64, failed: u64) -> Row {
        Row { count: Count { passed, failed }, ..Row::new(name, result, Duration::ZERO) }
    }

    #[test]
    fn a_failure_without_tests_counts_as_one() {
        let rows = [
            row("format", Err("x".into()), 0, 0),
            row("unit", Ok(String::new()), 7, 0),
            row("browser", Err("x".into()), 3, 2),
        ];
        let report = Report::from_iter(rows);
        assert_eq!(report.count(), Count { passed: 10, failed: 3 });
        assert_eq!(report.into_result(), Err("failed: format, browser".to_owned()));
    }

    #[test]
    fn skipped_work_is_no_success() {
        let report = Report::from_iter([row("unit", Ok(String::new()), 7, 0), Row::skipped("browser", "build")]);
        assert_eq!(report.first_missing(&["unit", "browser"]), Some("browser"));
        assert_eq!(report.first_missing(&["unit", "never tried"]), None);
        assert_eq!(report.into_result(), Err("failed: browser (skipped)".to_owned()));
    }

    #[test]
    fn all_done_is_success() {
        assert_eq!(Report::from_iter([row("unit", Ok(String::new()), 7, 0)]).into_result(), Ok(()));
    }
}
