//! The results as pictures: for each case a bar per peer, as a multiple of nginx.

use std::fmt::Write;

use super::case::{CASES, Case};
use super::peer::ALL;
use super::result::{Sample, Series, find};

/// What is drawn.
#[derive(Debug)]
pub struct Plot {
    pub file: &'static str,
    title: &'static str,
    number: fn(&Sample) -> f64,
    /// The number in words.
    label: fn(f64) -> String,
}

pub const PLOTS: &[Plot] = &[
    Plot {
        file: "cpu.svg",
        title: "Processor time per request, event or message (shorter is better)",
        number: |sample| sample.cpu,
        label: |microseconds| format!("{microseconds:.1} µs"),
    },
    Plot {
        file: "rate.svg",
        title: "Requests, events or messages a second (longer is better)",
        number: |sample| sample.rate,
        label: |rate| format!("{rate:.0}/s"),
    },
    Plot {
        file: "p99.svg",
        title: "Latency at 99 % (shorter is better)",
        number: |sample| sample.latency[1],
        label: |microseconds| format!("{:.1} ms", microseconds / 1000.0),
    },
];

/// Sizes in the picture's own units.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 120.0;
const BAR: f64 = 16.0;
const STEP: f64 = 21.0;
const GAP: f64 = 38.0;
const TOP: f64 = 40.0;
/// One multiple of nginx.
const ONCE: f64 = 110.0;
/// Longer bars are cut here: with Next.js to scale nobody could tell the others apart.
const MOST: f64 = 4.0;

/// Text and grid take the colours that fit a light page, and on a dark one those for it.
const STYLE: &str = "<style>\
    text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:15px}.case{font-weight:600}\
    .base{stroke:#59636e;stroke-dasharray:3 3}rect{fill:#8c959f}.vestibule,.vestibule-pgo{fill:#b3540f}.cut{fill:#fff}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.base{stroke:#9198a1}rect{fill:#6e7681}\
    .vestibule,.vestibule-pgo{fill:#f0883e}.cut{fill:#0d1117}}</style>";

impl Plot {
    /// The picture as SVG.
    pub fn draw(&self, all: &[Series]) -> String {
        let mut body = String::new();
        let mut y = TOP;
        for case in CASES {
            y = self.case(&mut body, all, case, y);
        }
        let title = self.title;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" role=\"img\" aria-label=\"{title}\">\n\
             {STYLE}\n<text class=\"title\" x=\"8\" y=\"22\">{title}</text>\n{body}</svg>\n"
        )
    }

    /// Draws a case from `y` on, and tells where the next one begins.
    fn case(&self, body: &mut String, all: &[Series], case: &Case, y: f64) -> f64 {
        let numbers: Vec<_> = ALL
            .iter()
            .filter_map(|peer| Some((peer, (self.number)(&find(all, case.name, peer.name())?.median()))))
            .collect();
        let Some((_, base)) = numbers.first().filter(|(_, base)| *base > 0.0) else { return y };
        let begin = y + 24.0;
        // Writing to a string cannot fail.
        let _ = writeln!(body, "<text class=\"case\" x=\"8\" y=\"{}\">{}</text>", y + 14.0, case.title);
        let mut row = begin;
        for (peer, number) in &numbers {
            let label = format!("{} · {:.2} ×", (self.label)(*number), number / base);
            bar(body, row, peer.name(), peer.title(), number / base, &label);
            row += STEP;
        }
        let base = LEFT + ONCE;
        let _ = writeln!(body, "<path class=\"base\" d=\"M{base} {}V{}\"/>", begin - 3.0, row - 2.0);
        row + GAP - STEP
    }
}

fn bar(body: &mut String, y: f64, class: &str, title: &str, ratio: f64, label: &str) {
    let length = ratio.min(MOST) * ONCE;
    let text = y + 13.0;
    let _ = writeln!(body, "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{title}</text>", LEFT - 8.0);
    let _ = writeln!(body, "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\"/>");
    if ratio > MOST {
        let cut = LEFT + length - 22.0;
        let _ = writeln!(body, "<path class=\"cut\" d=\"M{cut} {y}h5l-5 {BAR}h-5z\"/>");
    }
    let _ = writeln!(body, "<text x=\"{:.1}\" y=\"{text}\">{label}</text>", LEFT + length + 8.0);
}

#[cfg(test)]
mod tests {
    use super::super::result::tests::series;
    use super::*;

    #[test]
    fn draws_bars_to_scale_and_cuts_the_longest() {
        let all =
            [series("get", "nginx", &[20.0]), series("get", "vestibule", &[30.0]), series("get", "next", &[900.0])];
        let svg = PLOTS[0].draw(&all);
        assert_eq!(svg.matches("<rect class=").count(), 3);
        assert!(svg.contains("width=\"110.0\"") && svg.contains("width=\"165.0\"") && svg.contains("width=\"440.0\""));
        assert!(svg.contains("30.0 µs · 1.50 ×") && svg.contains("45.00 ×"), "{svg}");
        assert_eq!(svg.matches("class=\"cut\"").count(), 1);
    }

    #[test]
    fn leaves_out_what_was_not_measured() {
        assert!(!PLOTS[0].draw(&[series("get", "vestibule", &[])]).contains("<rect class="));
    }
}
