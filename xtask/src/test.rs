//! `cargo xtask test`

use std::time::Instant;

use crate::job::Job;
use crate::report::{Outcome, Report, Row};
use crate::setup::{self, BROWSER, BUILD, Item, LAST, TOOLCHAIN, WIRE};
use crate::step::{STEPS, Step};
use crate::tool::Output;
use crate::{Result, say, stream};

/// Runs all steps, or those that are asked for, and goes on after a failure so that one run shows
/// everything that is wrong. The last line alone is `N passed, N failed`, for other programs to read.
///
/// # Errors
///
/// When a step fails, is skipped, or ran no test though it should.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments == ["--list"] {
        for step in STEPS {
            println!("{:<12} {}", step.name, step.about);
        }
        return Ok(());
    }
    let started = Instant::now();
    let steps = chosen(arguments)?;
    let report = run_all(&steps)?;
    report.print();
    println!("\nin {}", say::duration(started.elapsed()));
    let count = report.count();
    println!("{} passed, {} failed", count.passed, count.failed);
    report.into_result()
}

/// The steps that the arguments name, in the order of the list; all when they name none.
fn chosen(arguments: &[String]) -> Result<Vec<Step>> {
    let mut names = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument != "--only" {
            return Err(format!("`test` takes `--list` and `--only STEP`, not `{argument}`"));
        }
        let name = rest.next().ok_or("`--only` needs the name of a step")?;
        if !STEPS.iter().any(|step| step.name == name) {
            return Err(format!("there is no step `{name}`; `cargo xtask test --list` lists them"));
        }
        names.push(name.as_str());
    }
    Ok(STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name)).copied().collect())
}

/// Tools that take long are installed while the lints run, which leave part of two cores idle. What only the
/// last step needs comes after those, and gives way to whatever else runs.
fn run_all(steps: &[Step]) -> Result<Report> {
    let needed = |item: &&Item| steps.iter().any(|step| step.needs.contains(&item.name));
    say::heading("Tools");
    let mut report = setup::ensure_all(TOOLCHAIN.iter().filter(needed), &Output::Terminal);
    let mut installing = Some(install(WIRE.iter().chain(BROWSER).chain(BUILD).filter(needed), "setup")?);
    let mut installing_last = None;
    for step in steps {
        let needs_one_of = |items: &[Item]| step.needs.iter().any(|need| items.iter().any(|item| item.name == *need));
        let needs_tools = step.runner.is_some() || needs_one_of(BUILD) || needs_one_of(LAST);
        if let Some(job) = installing.take_if(|_| needs_tools) {
            report.extend(wait_for(job)?);
            installing_last = Some(install(LAST.iter().filter(needed), "setup-last")?);
        }
        if let Some(job) = installing_last.take_if(|_| needs_one_of(LAST)) {
            report.extend(wait_for(job)?);
        }
        let row = run_step(step, &report);
        report.push(row);
    }
    for job in installing.into_iter().chain(installing_last) {
        report.extend(wait_for(job)?);
    }
    Ok(report)
}

/// Installs in the background; `log` names the file with what the tools say.
fn install<'a>(items: impl Iterator<Item = &'a Item>, log: &str) -> Result<Job<Report>> {
    let (items, output): (Vec<Item>, _) = (items.copied().collect(), setup::log(log)?);
    Ok(Job::start(move || setup::ensure_all(&items, &output)))
}

fn wait_for(installing: Job<Report>) -> Result<Report> {
    if !installing.is_finished() {
        say::heading("Waiting for the tools");
    }
    installing.wait()
}

fn run_step(step: &Step, report: &Report) -> Row {
    say::heading(&format!("{}: {}", step.name, step.about));
    if let Some(missing) = report.first_missing(step.needs) {
        say::note(&format!("skipped: {missing} failed"));
        return Row::skipped(step.name, missing);
    }
    let started = Instant::now();
    let mut command = (step.command)();
    if say::coloured() {
        // Their output goes through a pipe, so they do not see the terminal themselves.
        command.env("CARGO_TERM_COLOR", "always").env("FORCE_COLOR", "1");
    }
    match stream::run(command) {
        Ok(ending) => judge(step, &ending, Row::new(step.name, Ok(String::new()), started.elapsed())),
        Err(message) => Row::new(step.name, Err(message), started.elapsed()),
    }
}

/// A step that shall run tests and ran none has failed, whatever its exit status says.
fn judge(step: &Step, ending: &stream::Ending, mut row: Row) -> Row {
    if !ending.success {
        row.outcome = Outcome::Failed;
    }
    if let Some(runner) = step.runner {
        row.count = runner().count(&ending.output);
        row.remark = format!("{} passed, {} failed", row.count.passed, row.count.failed);
        if row.count.passed + row.count.failed == 0 {
            row.outcome = Outcome::Failed;
            "ran no test".clone_into(&mut row.remark);
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn arguments(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn names(words: &[&str]) -> Result<Vec<&'static str>> {
        chosen(&arguments(words)).map(|steps| steps.iter().map(|step| step.name).collect())
    }

    #[test]
    fn steps_are_chosen_by_name_and_keep_their_order() {
        assert_eq!(names(&["--only", "tests", "--only", "format"]), Ok(vec!["format", "tests"]));
        assert_eq!(names(&[]).unwrap().len(), STEPS.len());
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for words in [&["--only"][..], &["--only", "everything"], &["--fast"], &["--list", "--only"]] {
            assert!(names(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn every_need_is_a_tool_or_an_earlier_step() {
        let tools = TOOLCHAIN.iter().chain(WIRE).chain(BROWSER).chain(BUILD).chain(LAST).map(|item| item.name);
        let mut known: Vec<&str> = tools.collect();
        for step in STEPS {
            assert!(step.needs.iter().all(|need| known.contains(need)), "{}: {:?}", step.name, step.needs);
            known.push(step.name);
        }
    }

    fn outcome(success: bool, output: &str) -> (Outcome, String) {
        let step = STEPS.iter().find(|step| step.name == "browser").unwrap();
        let ending = stream::Ending { success, output: output.to_owned() };
        let row = judge(step, &ending, Row::new(step.name, Ok(String::new()), Duration::ZERO));
        (row.outcome, row.remark)
    }

    #[test]
    fn a_run_without_tests_has_failed() {
        assert_eq!(outcome(true, "nothing to do\n"), (Outcome::Failed, "ran no test".to_owned()));
        assert_eq!(outcome(true, "  3 passed (1s)\n"), (Outcome::Done, "3 passed, 0 failed".to_owned()));
        assert_eq!(outcome(false, "  3 passed (1s)\n"), (Outcome::Failed, "3 passed, 0 failed".to_owned()));
    }

    #[test]
    fn what_needs_a_failed_step_is_skipped() {
        let step = STEPS.iter().find(|step| step.name == "browser").unwrap();
        let report = Report::from_iter([Row::new("build", Err("no".to_owned()), Duration::ZERO)]);
        assert_eq!(run_step(step, &report).outcome, Outcome::Skipped);
    }
}
