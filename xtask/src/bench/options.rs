//! What the person asked for.

use std::fmt::Display;
use std::str::FromStr;

use crate::Result;
use crate::bench::{case, peer};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// The processor time of all peers.
    Time,
    /// The memory of the server.
    Memory,
    /// The instructions that the server spends on a request.
    Instructions,
}

/// The options of `cargo xtask bench`.
#[derive(Debug, PartialEq)]
pub struct Options {
    pub what: What,
    /// Whether to take the server that was built before.
    pub no_build: bool,
    /// How often everybody is measured.
    pub rounds: usize,
    /// How long one measurement takes, in seconds.
    pub seconds: f64,
    /// Names of cases; none: all.
    pub cases: Vec<String>,
    /// Names of peers; none: all.
    pub peers: Vec<String>,
}

impl Options {
    /// Reads the arguments after `bench`.
    ///
    /// # Errors
    ///
    /// Names what is unknown, and what is known.
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let mut options =
            Self { what: What::Time, no_build: false, rounds: 5, seconds: 4.0, cases: Vec::new(), peers: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
            match argument.as_str() {
                "memory" => options.what = What::Memory,
                "instructions" => options.what = What::Instructions,
                "--no-build" => options.no_build = true,
                "--quick" => (options.rounds, options.seconds) = (1, 1.5),
                "--rounds" => options.rounds = number(argument, value()?, 1, 100)?,
                "--seconds" => options.seconds = number(argument, value()?, 0.5, 600.0)?,
                "--case" => options.cases.push(known(value()?, "case", case::CASES.iter().map(|case| case.name))?),
                "--peer" => options.peers.push(known(value()?, "peer", peer::ALL.iter().map(|peer| peer.name()))?),
                _ => return Err(format!("this command takes no `{argument}`")),
            }
        }
        Ok(options)
    }

    /// Whether a case was asked for.
    pub fn has_case(&self, name: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|case| case == name)
    }

    /// Whether a peer was asked for.
    pub fn has_peer(&self, name: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|peer| peer == name)
    }

    /// Whether all that there is was asked for: anything less must not replace the saved results.
    pub fn is_whole(&self) -> bool {
        self.cases.is_empty() && self.peers.is_empty() && self.rounds > 1
    }
}

fn number<T: FromStr + PartialOrd + Display + Copy>(argument: &str, text: &str, least: T, most: T) -> Result<T> {
    let fits = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    fits.ok_or_else(|| format!("`{argument}` takes a number from {least} to {most}, not `{text}`"))
}

fn known<'a>(name: &str, what: &str, all: impl Iterator<Item = &'a str>) -> Result<String> {
    let all: Vec<&str> = all.collect();
    if all.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!("there is no {what} `{name}`: there are {}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn reads_what_was_asked_for() {
        let options = parse("--case get --peer nginx --peer vestibule --rounds 3").unwrap();
        assert_eq!(options.rounds, 3);
        assert!(options.has_case("get") && !options.has_case("ws"));
        assert!(options.has_peer("nginx") && !options.has_peer("next"));
        assert!(!options.is_whole());
        assert!(parse("").unwrap().is_whole());
        assert!(!parse("--quick").unwrap().is_whole());
        assert_eq!(parse("memory").unwrap().what, What::Memory);
        assert_eq!(parse("instructions").unwrap().what, What::Instructions);
    }

    #[test]
    fn names_what_is_wrong() {
        for (line, part) in [
            ("--case nonsense", "get-100k"),
            ("--peer apache", "haproxy"),
            ("--rounds", "needs a value"),
            ("--rounds 0", "1 to 100"),
            ("--seconds NaN", "0.5"),
            ("--fast", "--fast"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
