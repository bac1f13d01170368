//! Ringway's own cargo commands.
//!
//! `cargo loom` needs `--cfg loom` for every crate it builds, and cargo takes rustc flags from one source
//! only: an exported `RUSTFLAGS` would silently replace those of a configuration file, and the models would
//! be compiled out. So the flag is added to whatever is exported, and what ran is counted.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

const USAGE: &str = "usage: cargo loom [--slow]
  Explores every model of ipc-core at preemption bound 2 and checks that every seeded fault is caught.
  --slow  explores the models at preemption bound 4 (some minutes)";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["loom"] => loom("2"),
        ["loom", "--slow"] => loom("4"),
        ["loom", "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("unknown arguments {args:?}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("cargo loom: {message}");
            ExitCode::FAILURE
        }
    }
}

/// What the tests printed.
#[derive(Default)]
struct Counts {
    tests: u64,
    passed: u64,
    models: u64,
    executions: u64,
    faults: u64,
}

fn loom(preemptions: &str) -> Result<(), String> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["test", "--release", "--package", "ipc-core", "--target-dir", "target/loom"])
        .args(["--features", "loom-models", "--test", "loom_models", "--test", "loom_faults"])
        .args(["--no-fail-fast", "--", "--nocapture"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("RINGWAY_LOOM_PREEMPTIONS", preemptions)
        .stdout(Stdio::piped());
    add_cfg(&mut command);
    let mut child = command.spawn().map_err(|error| format!("can't run cargo: {error}"))?;
    let stdout = child.stdout.take().ok_or("no pipe from cargo")?;
    let counts = relay(BufReader::new(stdout)).map_err(|error| format!("reading cargo's output: {error}"))?;
    let status = child.wait().map_err(|error| format!("waiting for cargo: {error}"))?;
    if !status.success() {
        return Err(format!("a model failed or a fault wasn't caught ({status})"));
    }
    let Counts { tests, passed, models, executions, faults } = counts;
    if models == 0 || faults == 0 || passed != tests {
        return Err(format!(
            "{models} models, {faults} faults, {passed} of {tests} tests passed: expected some of each, and all"
        ));
    }
    println!(
        "loom: {models} models passed ({executions} executions, preemption bound {preemptions}); seeded faults caught: {faults}, missed: 0"
    );
    Ok(())
}

/// Adds `--cfg loom` to the flags in force.
fn add_cfg(command: &mut Command) {
    match env::var("CARGO_ENCODED_RUSTFLAGS") {
        Ok(flags) if !flags.is_empty() => {
            command.env("CARGO_ENCODED_RUSTFLAGS", flags + "\x1f--cfg\x1floom");
        }
        _ => {
            let flags = env::var("RUSTFLAGS").unwrap_or_default();
            command.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", flags + " --cfg loom");
        }
    }
}

/// Passes the output on and counts what it says.
fn relay(output: impl BufRead) -> io::Result<Counts> {
    let mut counts = Counts::default();
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
    Ok(counts)
}
