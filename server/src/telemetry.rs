//! Logs: text on a terminal, JSON otherwise. Each line about a request has its id.

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

use crate::request_context::RequestContext;

/// Starts logging; `VESTIBULE_LOG` sets what is logged, like `debug` or `vestibule=trace`.
pub(crate) fn start() {
    let chosen = std::env::var("VESTIBULE_LOG").unwrap_or_default();
    let logs = tracing_subscriber::fmt().with_env_filter(filter(&chosen));
    // Only a test can have set another subscriber; that one is kept.
    let _ = if stdout().is_terminal() {
        let lines = logs.with_ansi(wants_colour()).with_target(false).compact();
        lines.map_event_format(|format| WithRequestContext { format, append: append_text }).try_init()
    } else {
        let lines = logs.json().flatten_event(true).with_current_span(false).with_span_list(false);
        lines.map_event_format(|format| WithRequestContext { format, append: append_json }).try_init()
    };
}

/// The log filter. The Redis client logs each attempt to reach a cluster, and the session store logs the outcome
/// once, so the client is silent unless the filter names it.
fn filter(chosen: &str) -> EnvFilter {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .parse_lossy(chosen);
    match "redis=off".parse() {
        Ok(silent) if !chosen.split(',').any(|part| part.trim().starts_with("redis")) => filter.add_directive(silent),
        _ => filter,
    }
}

/// Whether `NO_COLOR` is unset or empty (<https://no-color.org>).
fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes log lines in a format, with the request that they belong to.
struct WithRequestContext<F> {
    format: F,
    /// Appends the request to a line.
    append: fn(&mut String, &RequestContext) -> fmt::Result,
}

impl<S, N, F> FormatEvent<S, N> for WithRequestContext<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(request) = RequestContext::current() else {
            return self.format.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        line.truncate(line.trim_end().len());
        (self.append)(&mut line, &request)?;
        writeln!(writer, "{line}")
    }
}

fn append_text(line: &mut String, context: &RequestContext) -> fmt::Result {
    use fmt::Write;
    // A path may contain characters that move a terminal's cursor or reverse its text.
    write!(line, " id={} {} {}", context.id(), context.method(), context.path().escape_debug())
}

/// Adds the request as a member of the line's object.
fn append_json(line: &mut String, context: &RequestContext) -> fmt::Result {
    #[derive(Serialize)]
    struct Span<'a> {
        id: &'a str,
        method: &'a str,
        path: &'a str,
        name: &'static str,
    }
    let span = Span { id: context.id(), method: context.method(), path: context.path(), name: "request" };
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
    use crate::request_context::RequestContext;

    #[test]
    fn a_path_does_nothing_to_a_terminal() {
        let mut line = String::new();
        append_text(&mut line, &RequestContext::for_test("/a\u{9b}31m\u{202e}\u{e4}%1b")).unwrap();
        assert!(line.ends_with(" GET /a\\u{9b}31m\\u{202e}\u{e4}%1b"), "{line}");
    }

    #[test]
    fn the_redis_client_is_silent_unless_it_is_named() {
        let text = |chosen| filter(chosen).to_string();
        for (chosen, level) in [("", "info"), (" ", "info"), ("debug", "debug"), ("vestibule=trace", "vestibule=trace")]
        {
            let text = text(chosen);
            assert!(text.contains("redis=off") && text.contains(level), "{chosen}: {text}");
        }
        assert_eq!(text("redis=debug"), "redis=debug");
        assert!(text("vestibule=verbose").contains("info"), "an invalid filter silences nothing");
    }
}
