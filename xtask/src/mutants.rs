//! `cargo xtask mutants`: what if a line of the protocol did something else? cargo-mutants makes one such change after
//! another, and the tests must notice each, or `survivors.json` says why nothing observable changes.
//!
//! Two oracles, the quick one first. `ipc-core/tests/promises/` shows what one thread can see of the promises, on rings
//! in heap memory: only `ipc-core` and one test program are built, without debug information. The mutants that it lets
//! live are tried on the loom models, which see orderings and wake-ups.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::survivors::{self, Mutant};
use crate::{Failure, add_cfg_loom, number, root, target};

pub const USAGE: &str = "usage: cargo xtask mutants [--file NAME]... [--jobs N]
  Mutates the protocol's files in ipc-core/src, and fails if a mutant lives that xtask/survivors.json doesn't name.
  --file NAME  only this file, e.g. `gate`; may be repeated
  --jobs N     so many mutants at once, each in a copy of its own (at first: 1)
  Needs cargo-mutants: cargo install cargo-mutants. Change no source meanwhile.
  There are some 510 mutants. The role handles (producer, consumer, observer) delegate to these files, and are left out.
  The quick tests take 1 to 5 seconds for each, the models about a minute for each that the quick tests let live.";

/// Where the protocol lies.
const SOURCES: &str = "ipc-core/src";
/// The role handles (`producer`, `consumer`, `observer`) aren't among them: they delegate to these.
const FILES: [&str; 15] = [
    "gate", "slot", "watch", "join", "resume", "cursor", "batch", "space", "bell", "run", "claim", "page",
    "seq", "end", "slice",
];

/// Bounds a hang of the quick tests, which take a second; in seconds.
const QUICK_TIMEOUT: &str = "30";
/// The same of the models, which have bounds of their own: one that takes longer has shown nothing.
const MODELS_TIMEOUT: &str = "1800";

/// Models that take as long as all the others: deaths around a takeover, of which others show a part each.
const SLOW_MODELS: [&str; 3] = ["death_in_takeover", "death_in_reopening", "death_in_wake"];

pub fn run(args: &[&str]) -> Result<(), Failure> {
    let (files, jobs) = arguments(args)?;
    let installed =
        Command::new("cargo-mutants").args(["mutants", "--version"]).stdout(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        let missing = "cargo-mutants isn't installed: `cargo install cargo-mutants` installs it";
        return Err(Failure::Run(missing.to_owned()));
    }
    let output = target("mutants");
    fs::create_dir_all(&output).map_err(|error| format!("{}: {error}", output.display()))?;

    println!("mutants of {}: the quick tests", files.join(", "));
    let mut quick = mutants(&files, jobs, &output, "mutants");
    quick.args(["--timeout", QUICK_TIMEOUT, "--cargo-arg=--test=promises"]);
    let first = outcomes(quick, &output)?;
    let mut alive = first.missed;
    if !alive.is_empty() {
        println!("{} mutants live on: the loom models", alive.len());
        let mut models = mutants(&files, jobs, &output, "mutants-loom");
        models.args(["--iterate", "--timeout", MODELS_TIMEOUT]).args([
            "--cargo-arg=--features=loom-models",
            "--cargo-arg=--test=loom_models",
            "--",
            "--",
        ]);
        for slow in SLOW_MODELS {
            models.args(["--skip", slow]);
        }
        add_cfg_loom(&mut models);
        let second = outcomes(models, &output)?;
        alive = alive.difference(&second.caught).cloned().collect();
        alive.extend(second.hung);
    }
    judge(&files, &alive, first.tried)
}

fn arguments<'a>(args: &[&'a str]) -> Result<(Vec<&'a str>, u32), Failure> {
    let (mut files, mut jobs) = (Vec::new(), 1);
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        match arg {
            "--file" => {
                let name = args.next().ok_or_else(|| Failure::Arguments("--file needs a name".to_owned()))?;
                let name = name.trim_start_matches(SOURCES).trim_start_matches('/').trim_end_matches(".rs");
                if !FILES.contains(&name) {
                    let known = FILES.join(", ");
                    return Err(Failure::Arguments(format!(
                        "no file {name:?} of the protocol: they are {known}"
                    )));
                }
                files.push(name);
            }
            "--jobs" => jobs = number("--jobs", args.next())?,
            other => return Err(Failure::Arguments(format!("unknown argument {other:?}"))),
        }
    }
    if files.is_empty() {
        files.extend(FILES);
    }
    Ok((files, jobs))
}

/// cargo-mutants on these files, with a build profile.
fn mutants(files: &[&str], jobs: u32, output: &Path, profile: &str) -> Command {
    let mut command = Command::new("cargo-mutants");
    command.current_dir(root()).arg("mutants").args(["--package", "ipc-core", "--no-shuffle"]);
    for file in files {
        command.arg("--file").arg(format!("{SOURCES}/{file}.rs"));
    }
    command.args(["--profile", profile, "--jobs", &jobs.to_string(), "--output"]).arg(output);
    if jobs == 1 {
        // Dependencies are built once for all runs. Several at once would wait for each other here.
        command.env("CARGO_TARGET_DIR", output.join("build"));
    } else {
        command.env_remove("CARGO_TARGET_DIR");
    }
    command.env("CARGO_INCREMENTAL", "1");
    command
}

/// What became of the mutants of one run.
#[derive(Default)]
struct Outcomes {
    tried: usize,
    caught: BTreeSet<Mutant>,
    /// Of those that were caught: the tests hung.
    hung: BTreeSet<Mutant>,
    missed: BTreeSet<Mutant>,
}

fn outcomes(mut command: Command, output: &Path) -> Result<Outcomes, String> {
    let report = output.join("mutants.out/outcomes.json");
    let status = command.status().map_err(|error| format!("can't run cargo-mutants: {error}"))?;
    // 2: some mutants live. 3: some time out. Else it couldn't try them.
    if !matches!(status.code(), Some(0 | 2 | 3)) {
        let log = output.join("mutants.out/log");
        return Err(format!("cargo-mutants failed ({status}): its logs are in {}", log.display()));
    }
    let text = fs::read_to_string(&report).map_err(|error| format!("{}: {error}", report.display()))?;
    let report: Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", report.display()))?;
    let mut outcomes = Outcomes::default();
    for outcome in report["outcomes"].as_array().into_iter().flatten() {
        let mutant = &outcome["scenario"]["Mutant"];
        if mutant.is_null() {
            continue;
        }
        let mutant = Mutant::of(mutant)?;
        outcomes.tried += 1;
        match outcome["summary"].as_str() {
            Some("CaughtMutant") => drop(outcomes.caught.insert(mutant)),
            Some("Timeout") => {
                outcomes.hung.insert(mutant.clone());
                outcomes.caught.insert(mutant);
            }
            Some("MissedMutant") => drop(outcomes.missed.insert(mutant)),
            // It doesn't compile.
            _ => {}
        }
    }
    // Of two changes that read the same, one that lives counts.
    outcomes.caught.retain(|mutant| !outcomes.missed.contains(mutant));
    Ok(outcomes)
}

/// Compares the survivors with those that are accounted for.
fn judge(files: &[&str], alive: &BTreeSet<Mutant>, tried: usize) -> Result<(), Failure> {
    let listed = survivors::listed()?;
    println!("\n{tried} mutants, {} survivors", alive.len());
    for (mutant, reason) in &listed {
        if alive.contains(mutant) {
            println!("  {mutant}\n    lives: {reason}");
        } else if files.contains(&mutant.file.as_str()) {
            println!(
                "  {mutant}\n    obsolete in xtask/survivors.json: it is caught now, or isn't made any more"
            );
        }
    }
    let unlisted: Vec<&Mutant> = alive.iter().filter(|mutant| !listed.contains_key(mutant)).collect();
    if unlisted.is_empty() {
        println!("every survivor is accounted for");
        return Ok(());
    }
    for mutant in &unlisted {
        println!(
            "  {mutant}\n    LIVES. For xtask/survivors.json, if nothing observable changes:\n{}",
            mutant.entry()
        );
    }
    let count = unlisted.len();
    Err(Failure::Run(format!(
        "{count} mutants live that no test notices: write a test that does, or say in xtask/survivors.json why none can"
    )))
}
