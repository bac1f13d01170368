//! `cargo loom`: every model and every seeded fault. What ran is counted, so that models that are compiled out fail.
//!
//! Each test is a process of its own, one on each processor. The model checker maps and unmaps a stack for each thread
//! of each execution: two explorations in one process spend two thirds of their time on waiting for its page tables.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::Value;

use crate::{Failure, add_cfg_loom, cargo, target};

pub const USAGE: &str = "usage: cargo loom [--slow | --only NAME]
  Explores every model of ipc-core and ipc-async at preemption bound 2 and checks that every seeded fault is caught.
  --slow  explores the models at preemption bound 4, the longest five at 3 (about an hour)
  --only NAME  only the models and the seeded faults whose tests' names contain NAME
  Builds into the folder `loom` of cargo's target directory.";

/// What the tests printed.
#[derive(Default)]
struct Counts {
    passed: usize,
    failed: Vec<String>,
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
    let mut programs = Vec::new();
    for models in MODELS {
        programs.extend(build(models)?);
    }
    let mut tests = Vec::new();
    for program in &programs {
        tests.extend(program.tests(only)?);
    }
    let all = tests.len();
    let Counts { passed, failed, models, executions, faults } = run_each(tests, preemptions)?;
    if !failed.is_empty() {
        return Err(format!("a model failed or a fault wasn't caught: {}", failed.join(", ")));
    }
    if models == 0 || faults == 0 || passed != all {
        return Err(format!(
            "{models} models, {faults} faults, {passed} of {all} tests passed: expected some of each, and all"
        ));
    }
    let bound = if preemptions == "4" { "4, the longest five models 3" } else { preemptions };
    println!(
        "loom: {models} models passed ({executions} executions, preemption bound {bound}); seeded faults caught: {faults}, missed: 0"
    );
    Ok(())
}

/// A test program, and the directory that cargo runs it in.
struct Program {
    path: PathBuf,
    directory: PathBuf,
}

/// One test of a program.
struct Test<'a> {
    program: &'a Program,
    name: String,
}

/// Builds the test programs of a package that are models.
fn build(models: &[&str]) -> Result<Vec<Program>, String> {
    let mut command = cargo();
    command.args(["test", "--release", "--target-dir"]).arg(target("loom")).arg("--package").args(models);
    command.args(["--no-run", "--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    add_cfg_loom(&mut command);
    let built = command.output().map_err(|error| format!("can't run cargo: {error}"))?;
    if !built.status.success() {
        return Err(format!("the models don't build ({})", built.status));
    }
    Ok(String::from_utf8_lossy(&built.stdout).lines().filter_map(built_program).collect())
}

/// The test program that a line of cargo's messages tells of.
fn built_program(line: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = message["executable"].as_str()?.into();
    let directory = Path::new(message["manifest_path"].as_str()?).parent()?.into();
    Some(Program { path, directory })
}

impl Program {
    /// The tests whose names contain one of `only`, or all.
    fn tests(&self, only: &[&str]) -> Result<Vec<Test<'_>>, String> {
        let listed = self.call(["--list", "--format", "terse"].iter().chain(only), "")?;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let names = listed.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(|name| Test { program: self, name: name.to_owned() }).collect())
    }

    fn call(
        &self,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        preemptions: &str,
    ) -> Result<Output, String> {
        let mut command = Command::new(&self.path);
        command.args(args).current_dir(&self.directory).env("RINGWAY_LOOM_PREEMPTIONS", preemptions);
        command.output().map_err(|error| format!("can't run {}: {error}", self.path.display()))
    }
}

/// Runs the tests, as many at once as there are processors, and counts what they print.
fn run_each(tests: Vec<Test<'_>>, preemptions: &str) -> Result<Counts, String> {
    let (left, counts) = (Mutex::new(tests.into_iter()), Mutex::new(Counts::default()));
    let work = || -> Result<(), String> {
        loop {
            // In a statement of its own: the lock is held no longer than it.
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(Test { program, name }) = next else { return Ok(()) };
            let args = ["--exact", &name, "--nocapture", "--test-threads", "1"];
            let ended = program.call(args, preemptions)?;
            counts.lock().unwrap_or_else(PoisonError::into_inner).add(&name, &ended);
        }
    };
    let processors = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a worker panicked".to_owned())?)
    })?;
    Ok(counts.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Counts {
    /// Passes on what a test said, all of it if it failed, and counts it.
    fn add(&mut self, name: &str, ended: &Output) {
        let said = String::from_utf8_lossy(&ended.stdout);
        let passed =
            ended.status.success() && said.lines().any(|line| line.starts_with("test result: ok. 1 passed"));
        if !passed {
            println!("{name} FAILED ({})\n{said}{}", ended.status, String::from_utf8_lossy(&ended.stderr));
            self.failed.push(name.to_owned());
            return;
        }
        self.passed += 1;
        let mut told = false;
        for line in said.lines() {
            if line.starts_with("model ") {
                self.models += 1;
                let executions = line.split(' ').nth(2).and_then(|word| word.parse::<u64>().ok());
                self.executions += executions.unwrap_or(0);
            } else if line.starts_with("fault ") {
                self.faults += 1;
            } else {
                continue;
            }
            println!("{line}");
            told = true;
        }
        if !told {
            println!("test {name} ... ok");
        }
    }
}
