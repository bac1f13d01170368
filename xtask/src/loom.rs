//! `cargo loom`: every model and every seeded fault. What ran is counted, so that models that are compiled out fail.

use std::io::{self, BufRead, BufReader, Write};
use std::process::Stdio;

use crate::{Failure, add_cfg_loom, cargo, target};

pub const USAGE: &str = "usage: cargo loom [--slow | --only NAME]
  Explores every model of ipc-core and ipc-async at preemption bound 2 and checks that every seeded fault is caught.
  --slow  explores the models at preemption bound 4, the longest five at 3 (about an hour)
  --only NAME  only the models and the seeded faults whose tests' names contain NAME
  Builds into the folder `loom` of cargo's target directory.";

/// What the tests printed.
#[derive(Default)]
struct Counts {
    tests: u64,
    passed: u64,
    models: u64,
    executions: u64,
    faults: u64,
}

pub fn run(args: &[&str]) -> Result<(), Failure> {
    match args {
        [] => Ok(explore("2", &[])?),
        ["--slow"] => Ok(explore("4", &[])?),
        ["--only", name] => Ok(explore("2", &[name])?),
        _ => Err(Failure::Arguments(format!("unknown arguments {args:?}"))),
    }
}

/// The tests that are models: those of the protocol, and those of the sleeper of async tasks, which are a crate's own.
const MODELS: [&[&str]; 2] = [
    &["ringway-core", "--features", "loom-models", "--test", "loom_models", "--test", "loom_faults"],
    &["ringway-async", "--lib"],
];

fn explore(preemptions: &str, only: &[&str]) -> Result<(), String> {
    let mut counts = Counts::default();
    for models in MODELS {
        test(models, preemptions, only, &mut counts)?;
    }
    let Counts { tests, passed, models, executions, faults } = counts;
    if models == 0 || faults == 0 || passed != tests {
        return Err(format!(
            "{models} models, {faults} faults, {passed} of {tests} tests passed: expected some of each, and all"
        ));
    }
    let bound = if preemptions == "4" { "4, the longest five models 3" } else { preemptions };
    println!(
        "loom: {models} models passed ({executions} executions, preemption bound {bound}); seeded faults caught: {faults}, missed: 0"
    );
    Ok(())
}

/// Runs the tests of a package that are models, and counts what they print.
fn test(models: &[&str], preemptions: &str, only: &[&str], counts: &mut Counts) -> Result<(), String> {
    let mut command = cargo();
    command
        .args(["test", "--release", "--target-dir"])
        .arg(target("loom"))
        .arg("--package")
        .args(models)
        .args(["--no-fail-fast", "--", "--nocapture"])
        .args(only)
        .env("RINGWAY_LOOM_PREEMPTIONS", preemptions)
        .stdout(Stdio::piped());
    add_cfg_loom(&mut command);
    let mut child = command.spawn().map_err(|error| format!("can't run cargo: {error}"))?;
    let stdout = child.stdout.take().ok_or("no pipe from cargo")?;
    relay(BufReader::new(stdout), counts).map_err(|error| format!("reading cargo's output: {error}"))?;
    let status = child.wait().map_err(|error| format!("waiting for cargo: {error}"))?;
    if !status.success() {
        return Err(format!("a model failed or a fault wasn't caught ({status})"));
    }
    Ok(())
}

/// Passes the output on and counts what it says.
fn relay(output: impl BufRead, counts: &mut Counts) -> io::Result<()> {
    for line in output.lines() {
        let line = line?;
        let number = |at: usize| line.split(' ').nth(at).and_then(|word| word.parse::<u64>().ok());
        if line.starts_with("model ") {
            counts.models += 1;
            counts.executions += number(2).unwrap_or(0);
        } else if line.starts_with("fault ") {
            counts.faults += 1;
        } else if line.starts_with("running ") {
            counts.tests += number(1).unwrap_or(0);
        } else if line.starts_with("test result: ") {
            counts.passed += number(3).unwrap_or(0);
        }
        writeln!(io::stdout(), "{line}")?;
    }
    Ok(())
}
