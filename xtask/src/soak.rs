//! `cargo xtask soak`: the whole test suite again and again on a machine that has better things to do. A test that
//! depends on what else the machine does fails here sooner or later.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Failure, cargo, number, target};

pub const USAGE: &str = "usage: cargo xtask soak [--runs N] [--at-once N] [-- ARGUMENTS OF CARGO TEST]
  Runs the tests N times (at first: 20) while one process for each processor spins, and says which failed.
  --at-once N  so many runs beside each other (at first: 1), which load the machine, too
  Without arguments: `cargo test --workspace --no-fail-fast`.
  The output of each run is kept in the folder `soak` of cargo's target directory.";

pub fn run(args: &[&str]) -> Result<(), Failure> {
    let (mut runs, mut at_once, mut tests) = (20, 1, vec!["--workspace", "--no-fail-fast"]);
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        match arg {
            "--runs" => runs = number("--runs", args.next())?,
            "--at-once" => at_once = number("--at-once", args.next())?,
            "--" => tests = args.by_ref().copied().collect(),
            // Started by this command itself.
            "--spin" => spin(),
            other => return Err(Failure::Arguments(format!("unknown argument {other:?}"))),
        }
    }
    let folder = target("soak");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // First without load, so that only tests are run under it.
    println!("building the tests");
    let built = cargo().arg("test").args(before_dashes(&tests)).arg("--no-run").status();
    if !built.map_err(|error| format!("can't run cargo: {error}"))?.success() {
        return Err(Failure::Run("the tests don't build".to_owned()));
    }

    let _spinners = Spinners::start()?;
    let (next, broken) = (AtomicU32::new(1), Mutex::new(Vec::new()));
    let work = || -> Result<(), String> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number > runs {
                return Ok(());
            }
            if !run_once(number, runs, &tests, &folder)? {
                broken.lock().unwrap_or_else(PoisonError::into_inner).push(number);
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a run panicked".to_owned())?)
    })?;
    let mut broken = broken.into_inner().unwrap_or_else(PoisonError::into_inner);
    if broken.is_empty() {
        println!("soak: {runs} runs, all passed");
        return Ok(());
    }
    broken.sort_unstable();
    let numbers = broken.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(Failure::Run(format!("{} of {runs} runs failed: {numbers}", broken.len())))
}

/// Runs the tests once. Whether all passed.
fn run_once(number: u32, runs: u32, tests: &[&str], folder: &Path) -> Result<bool, String> {
    let began = Instant::now();
    let path = folder.join(format!("run-{number}.log"));
    let log = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let errors = log.try_clone().map_err(|error| format!("{}: {error}", path.display()))?;
    let status = cargo().arg("test").args(tests).stdout(log).stderr(errors).status();
    let passed = status.map_err(|error| format!("can't run cargo: {error}"))?.success();
    let verdict = if passed { "passed".to_owned() } else { format!("FAILED: see {}", path.display()) };
    println!("run {number} of {runs}: {verdict} ({} s)", began.elapsed().as_secs());
    if !passed {
        failures(&path).iter().for_each(|name| println!("  {name}"));
    }
    Ok(passed)
}

/// Cargo's own arguments, without those of the test programs.
fn before_dashes<'a>(tests: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    tests.iter().copied().take_while(|&arg| arg != "--")
}

/// Lines of a run's output that name what failed.
fn failures(path: &Path) -> Vec<String> {
    let Ok(log) = File::open(path) else { return Vec::new() };
    let lines = BufReader::new(log).lines().map_while(Result::ok);
    let names = |line: &String| {
        (line.starts_with("test ") && line.contains("FAILED")) || line.starts_with("error: test failed")
    };
    lines.filter(names).collect()
}

/// Processes that do nothing, and take all they get for it. They end with this command.
struct Spinners(Vec<Child>);

impl Spinners {
    fn start() -> Result<Self, String> {
        let count = thread::available_parallelism().map_or(2, usize::from);
        // This program, although building the tests may have built it anew under its name.
        let this = "/proc/self/exe";
        let mut spinners = Spinners(Vec::new());
        for _ in 0..count {
            // Its input ends when this process does, however it does.
            let mut command = Command::new(this);
            let child = command.args(["soak", "--spin"]).stdin(Stdio::piped()).spawn();
            spinners.0.push(child.map_err(|error| format!("can't start a spinning process: {error}"))?);
        }
        println!("{count} processes spin");
        Ok(spinners)
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Spins until the process that started this one is gone.
fn spin() -> ! {
    thread::spawn(|| {
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    });
    loop {
        // Now and then, so that the loop is one that the compiler may not leave out.
        let until = Instant::now() + Duration::from_millis(10);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }
}
