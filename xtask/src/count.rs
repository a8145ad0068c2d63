//! Reads from a test runner's output how many tests passed and failed, because a run without a
//! single test must not look like success.

/// Tests of one run, or of several added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: u64,
    pub failed: u64,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Whose output it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    Nextest,
    Libtest,
    Playwright,
}

impl Runner {
    /// Counts the tests in the whole output of a run.
    pub fn count(self, output: &str) -> Count {
        let lines = output.lines().map(strip_escapes);
        match self {
            Self::Nextest => total(lines.map(|line| nextest(&line))),
            // One result per test binary.
            Self::Libtest => {
                total(lines.filter(|line| line.trim_start().starts_with("test result: ")).map(|line| Count {
                    passed: number_before(&line, "passed"),
                    failed: number_before(&line, "failed"),
                }))
            }
            Self::Playwright => total(lines.map(|line| playwright(&line))),
        }
    }
}

fn total(counts: impl Iterator<Item = Count>) -> Count {
    let mut sum = Count::default();
    counts.for_each(|count| sum += count);
    sum
}

/// `Summary [ 1.2s] 20 tests run: 17 passed (1 flaky), 1 failed, 1 timed out, 1 exec failed, 2 skipped`
fn nextest(line: &str) -> Count {
    let summary = line.split_once(" tests run: ").or(line.split_once(" test run: "));
    let Some((_, results)) = summary else {
        return Count::default();
    };
    let failed = ["failed", "timed", "exec"].iter();
    Count { passed: number_before(results, "passed"), failed: failed.map(|word| number_before(results, word)).sum() }
}

/// The closing lines: `  3 failed`, `  1 flaky`, `  12 passed (8.1s)`. A flaky test passed in the end.
fn playwright(line: &str) -> Count {
    let mut words = line.split_whitespace();
    let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let result = (words.next(), words.next());
    let timed = matches!(result, (Some("passed"), Some(time)) if time.starts_with('('));
    let mut count = Count::default();
    if timed || matches!(result, (Some("passed" | "flaky"), None)) {
        count.passed = number;
    } else if matches!(result, (Some("failed" | "interrupted"), None)) {
        count.failed = number;
    }
    count
}

/// The number that stands before a word: 17 for `passed` in `17 passed, 1 failed`.
fn number_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> =
        text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.windows(2).filter(|pair| pair[1] == word).find_map(|pair| pair[0].parse().ok()).unwrap_or(0)
}

/// Removes terminal escape sequences (ECMA-48 control sequences: `ESC [ … letter`).
fn strip_escapes(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character != '\x1b' {
            plain.push(character);
        } else if characters.next() == Some('[') {
            characters.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runner: Runner, output: &str, passed: u64, failed: u64) {
        assert_eq!(runner.count(output), Count { passed, failed }, "{output}");
    }

    #[test]
    fn nextest_summaries() {
        check(Runner::Nextest, "     Summary [   0.012s] 20 tests run: 20 passed, 2 skipped", 20, 0);
        check(Runner::Nextest, "     Summary [   0.012s] 1 test run: 1 passed, 0 skipped", 1, 0);
        check(
            Runner::Nextest,
            "Summary [ 9s] 20/24 tests run: 15 passed (1 slow, 1 flaky), 2 failed, 2 timed out, 1 exec failed, 2 skipped",
            15,
            5,
        );
        check(
            Runner::Nextest,
            "\x1b[32;1m     Summary\x1b[0m [ 0s] \x1b[1m3\x1b[0m tests run: \x1b[1m3\x1b[0m \x1b[32;1mpassed\x1b[0m",
            3,
            0,
        );
        check(
            Runner::Nextest,
            "    Starting 0 tests across 2 binaries\n     Summary [ 0s] 0 tests run: 0 passed, 0 skipped",
            0,
            0,
        );
    }

    #[test]
    fn libtest_results_add_up() {
        let output = "test a ... ok\n\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        check(Runner::Libtest, output, 4, 2);
        check(Runner::Libtest, "error: could not compile `x`", 0, 0);
    }

    #[test]
    fn playwright_results() {
        check(
            Runner::Playwright,
            "Running 14 tests using 2 workers\n\n  1 flaky\n  1 skipped\n  12 passed (8.1s)\n",
            13,
            0,
        );
        check(Runner::Playwright, "  2 failed\n    a.spec.ts:1:1 › b\n  3 did not run\n  9 passed (1.2m)\n", 9, 2);
        check(Runner::Playwright, "\x1b[32m  4 passed\x1b[39m\x1b[2m (2.0s)\x1b[22m", 4, 0);
        check(Runner::Playwright, "Error: No tests found", 0, 0);
    }

    #[test]
    fn titles_of_tests_are_no_results() {
        check(Runner::Playwright, "  ✓  3 notes.spec.ts:9:1 › 5 passed candles are listed (120ms)\n", 0, 0);
        check(Runner::Playwright, "3 passed candles are listed\n", 0, 0);
    }
}
