//! Logs: for people on a terminal, JSON otherwise; each line about a request carries its id.

use std::{
    fmt,
    io::{IsTerminal, stdout},
};

use serde::Serialize;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::subject::Subject;

/// Starts logging; `VESTIBULE_LOG` sets what is logged, like `debug` or `vestibule=trace`.
pub(crate) fn start() {
    let chosen = std::env::var("VESTIBULE_LOG").unwrap_or_default();
    let logs = tracing_subscriber::fmt().with_env_filter(filter(&chosen));
    // Another subscriber can only be there in a test, and then it serves.
    let _ = if stdout().is_terminal() {
        let lines = logs.with_ansi(wants_colour()).with_target(false).compact();
        lines.map_event_format(|format| WithSubject { format, append: append_text }).try_init()
    } else {
        let lines = logs.json().flatten_event(true).with_current_span(false).with_span_list(false);
        lines.map_event_format(|format| WithSubject { format, append: append_json }).try_init()
    };
}

/// What is logged. The client of Redis has a word on each of its attempts at a cluster, and the session store
/// says once what came of them: so the client is silent until it is asked for.
fn filter(chosen: &str) -> EnvFilter {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .parse_lossy(chosen);
    match "redis=off".parse() {
        Ok(silent) if !chosen.split(',').any(|part| part.trim().starts_with("redis")) => filter.add_directive(silent),
        _ => filter,
    }
}

/// Whether nobody has asked for plain text (<https://no-color.org>).
fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes log lines in some format, with the request that they are about.
struct WithSubject<F> {
    format: F,
    /// Adds the request to a line.
    append: fn(&mut String, &Subject) -> fmt::Result,
}

impl<S, N, F> FormatEvent<S, N> for WithSubject<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(subject) = Subject::current() else {
            return self.format.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        line.truncate(line.trim_end().len());
        (self.append)(&mut line, &subject)?;
        writeln!(writer, "{line}")
    }
}

fn append_text(line: &mut String, subject: &Subject) -> fmt::Result {
    use fmt::Write;
    // A path may hold characters that move a terminal's cursor or turn its text around.
    write!(line, " id={} {} {}", subject.id(), subject.method(), subject.path().escape_debug())
}

/// The request as a member of the line's object.
fn append_json(line: &mut String, subject: &Subject) -> fmt::Result {
    #[derive(Serialize)]
    struct Span<'a> {
        id: &'a str,
        method: &'a str,
        path: &'a str,
        name: &'static str,
    }
    let span = Span { id: subject.id(), method: subject.method(), path: subject.path(), name: "request" };
    let span = serde_json::to_string(&span).map_err(|_| fmt::Error)?;
    let open = line.strip_suffix('}').ok_or(fmt::Error)?.len();
    line.truncate(open);
    line.push_str(",\"span\":");
    line.push_str(&span);
    line.push('}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{append_text, filter};
    use crate::subject::Subject;

    #[test]
    fn a_path_does_nothing_to_a_terminal() {
        let mut line = String::new();
        append_text(&mut line, &Subject::of("/a\u{9b}31m\u{202e}\u{e4}%1b")).unwrap();
        assert!(line.ends_with(" GET /a\\u{9b}31m\\u{202e}\u{e4}%1b"), "{line}");
    }

    #[test]
    fn the_client_of_redis_is_silent_until_it_is_asked_for() {
        let text = |chosen| filter(chosen).to_string();
        for (chosen, level) in [("", "info"), (" ", "info"), ("debug", "debug"), ("vestibule=trace", "vestibule=trace")]
        {
            let text = text(chosen);
            assert!(text.contains("redis=off") && text.contains(level), "{chosen}: {text}");
        }
        assert_eq!(text("redis=debug"), "redis=debug");
        assert!(text("vestibule=verbose").contains("info"), "a mistake silences nothing");
    }
}
