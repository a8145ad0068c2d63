//! A span of time as configurations write it.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// A span of time in seconds, whole or decimal: `5` or `0.25`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Seconds(f64);

/// Ten years: more is a mistake, and less than what overflows a clock.
const LONGEST: f64 = 10.0 * 365.0 * 86_400.0;

/// A number that is no span of time.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is no number of seconds from 0 to ten years")]
pub struct InvalidSeconds(f64);

impl Seconds {
    /// A whole number of seconds.
    pub const fn whole(seconds: u32) -> Self {
        Self(seconds as f64)
    }

    /// The span for the machine.
    pub fn duration(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }

    /// Whether it is no time at all.
    pub fn is_zero(self) -> bool {
        self.0 <= 0.0
    }
}

impl TryFrom<f64> for Seconds {
    type Error = InvalidSeconds;

    fn try_from(seconds: f64) -> Result<Self, InvalidSeconds> {
        if (0.0..=LONGEST).contains(&seconds) { Ok(Self(seconds)) } else { Err(InvalidSeconds(seconds)) }
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_and_decimal_numbers() {
        let seconds = |text| serde_json::from_str::<Seconds>(text).map(Seconds::duration);
        assert_eq!(seconds("5").unwrap(), Duration::from_secs(5));
        assert_eq!(seconds("0.25").unwrap(), Duration::from_millis(250));
    }

    #[test]
    fn refuses_what_is_no_span_of_time() {
        for text in ["-1", "1e300", "\"5\"", "null"] {
            assert!(serde_json::from_str::<Seconds>(text).is_err(), "{text}");
        }
        assert!(Seconds::try_from(f64::NAN).is_err());
    }
}
