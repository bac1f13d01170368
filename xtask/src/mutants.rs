//! `cargo xtask mutants`: what if a line of the protocol did something else? cargo-mutants makes one such change after
//! another, and the tests must notice each, or `survivors.json` says why nothing observable changes.
//!
//! Two oracles, the quick one first. `ipc-core/tests/promises/` shows what one thread can see of the promises, on rings
//! in heap memory: only `ipc-core` and one test program are built, without debug information. The mutants that it lets
//! live are tried on the loom models that concern their file, which see orderings and wake-ups.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::protocol::{self, File};
use crate::survivors::{self, Mutant};
use crate::{Failure, add_cfg_loom, number, root, target};

pub const USAGE: &str = "usage: cargo xtask mutants [--file NAME]... [--jobs N]
  Mutates the protocol's files in ipc-core/src, and fails if a mutant lives that xtask/survivors.json doesn't name.
  --file NAME  only this file, e.g. `scan`; may be repeated
  --jobs N     so many mutants at once, each in a copy of its own (at first: 1)
  Needs cargo-mutants: cargo install cargo-mutants. Change no source meanwhile.
  There are some 510 mutants. The role handles (producer, consumer, observer) delegate to these files, and are left out.
  The quick tests take 1 to 5 seconds for each. Those that they let live and that xtask/survivors.json doesn't name are
  tried on the loom models that concern the file (xtask/src/protocol.rs): 10 to 60 seconds for each.";

/// Where the protocol lies.
const SOURCES: &str = "ipc-core/src";

/// Bounds a hang of the quick tests, which take a second; in seconds.
const QUICK_TIMEOUT: &str = "30";
/// The same of the models: those of one file take less than a minute. One that takes longer has shown nothing.
const MODELS_TIMEOUT: &str = "300";

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
    let listed = survivors::listed()?;
    let mut alive = 0;
    for file in files {
        alive += judge(file.stem(), &tried(file, jobs, &output, &listed)?, &listed);
    }
    if alive == 0 {
        println!("every survivor is accounted for");
        return Ok(());
    }
    Err(Failure::Run(format!(
        "{alive} mutants live that no test notices: write a test that does, or say in xtask/survivors.json why none can"
    )))
}

/// What became of a file's mutants.
struct Tried {
    quick: Outcomes,
    /// Those that the models caught.
    by_models: BTreeSet<Mutant>,
    alive: BTreeSet<Mutant>,
}

fn tried(file: &File, jobs: u32, output: &Path, listed: &BTreeMap<Mutant, String>) -> Result<Tried, Failure> {
    println!("\n{}: the quick tests", file.name);
    let mut command = mutants(file, jobs, output, "mutants");
    command.args(["--timeout", QUICK_TIMEOUT, "--cargo-arg=--test=promises"]);
    if has_unit_tests(file)? {
        command.arg("--cargo-arg=--lib");
    }
    let quick = outcomes(command, output)?;
    let mut alive: BTreeSet<Mutant> = quick.missed.keys().cloned().collect();
    let mut by_models = BTreeSet::new();
    // Models can't tell more of those whose listed reason is that nothing changes.
    let names: Vec<&String> = quick
        .missed
        .iter()
        .filter(|(mutant, _)| !listed.contains_key(mutant))
        .flat_map(|(_, names)| names)
        .collect();
    if !names.is_empty() {
        println!("\n{}: {} live on: the loom models {}", file.name, names.len(), file.models);
        let mut command = mutants(file, jobs, output, "mutants-loom");
        for name in names {
            command.arg("--re").arg(format!("^{}$", literally(name)));
        }
        command.args(["--timeout", MODELS_TIMEOUT]).args([
            "--cargo-arg=--features=loom-models",
            "--cargo-arg=--test=loom_models",
            "--",
            "--",
            "--exact",
        ]);
        command.args(file.models.split_whitespace()).env("RINGWAY_LOOM_PREEMPTIONS", "2");
        add_cfg_loom(&mut command);
        let models = outcomes(command, output)?;
        by_models = models.caught.difference(&models.hung).cloned().collect();
        alive = alive.difference(&by_models).cloned().collect();
    }
    Ok(Tried { quick, by_models, alive })
}

/// Whether the file has tests of its own, which are quick, too.
fn has_unit_tests(file: &File) -> Result<bool, String> {
    let path = root().join(SOURCES).join(file.name).with_extension("rs");
    let source = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(source.contains("#[cfg(test)]"))
}

/// The regular expression that this text alone matches.
fn literally(text: &str) -> String {
    let mut expression = String::new();
    for character in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(character) {
            expression.push('\\');
        }
        expression.push(character);
    }
    expression
}

fn arguments(args: &[&str]) -> Result<(Vec<&'static File>, u32), Failure> {
    let (mut files, mut jobs) = (Vec::new(), 1);
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        match arg {
            "--file" => {
                let name = args.next().ok_or_else(|| Failure::Arguments("--file needs a name".to_owned()))?;
                let name = name.trim_start_matches(SOURCES).trim_start_matches('/').trim_end_matches(".rs");
                let file = protocol::file(name).ok_or_else(|| {
                    let known: Vec<_> = protocol::FILES.iter().map(|file| file.name).collect();
                    let known = known.join(", ");
                    Failure::Arguments(format!("no file {name:?} of the protocol: they are {known}"))
                })?;
                files.push(file);
            }
            "--jobs" => jobs = number("--jobs", args.next())?,
            other => return Err(Failure::Arguments(format!("unknown argument {other:?}"))),
        }
    }
    if files.is_empty() {
        files.extend(&protocol::FILES);
    }
    Ok((files, jobs))
}

/// cargo-mutants on this file, with a build profile.
fn mutants(file: &File, jobs: u32, output: &Path, profile: &str) -> Command {
    let mut command = Command::new("cargo-mutants");
    command.current_dir(root()).arg("mutants").args(["--package", "ringway-core", "--no-shuffle"]);
    command.arg("--file").arg(format!("{SOURCES}/{}.rs", file.name));
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
    unviable: usize,
    caught: BTreeSet<Mutant>,
    /// Of those that were caught: the tests hung.
    hung: BTreeSet<Mutant>,
    /// Those that live, with what cargo-mutants calls them: several may read the same.
    missed: BTreeMap<Mutant, Vec<String>>,
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
        let name = mutant["name"].as_str().unwrap_or_default().to_owned();
        let mutant = Mutant::of(mutant)?;
        outcomes.tried += 1;
        match outcome["summary"].as_str() {
            Some("CaughtMutant") => drop(outcomes.caught.insert(mutant)),
            Some("Timeout") => {
                outcomes.hung.insert(mutant.clone());
                outcomes.caught.insert(mutant);
            }
            Some("MissedMutant") => outcomes.missed.entry(mutant).or_default().push(name),
            // It doesn't compile.
            _ => outcomes.unviable += 1,
        }
    }
    // Of two changes that read the same, one that lives counts.
    outcomes.caught.retain(|mutant| !outcomes.missed.contains_key(mutant));
    Ok(outcomes)
}

/// Compares a file's survivors with those that are accounted for. How many aren't.
fn judge(file: &str, tried: &Tried, listed: &BTreeMap<Mutant, String>) -> usize {
    let Tried { quick, by_models, alive } = tried;
    let unlisted: Vec<&Mutant> = alive.iter().filter(|mutant| !listed.contains_key(mutant)).collect();
    println!(
        "\n{file}: {} mutants, {} of which don't compile; {} live through the quick tests, of which the models catch {}, \
        {} are accounted for, and {} aren't",
        quick.tried,
        quick.unviable,
        quick.missed.len(),
        by_models.len(),
        alive.len() - unlisted.len(),
        unlisted.len(),
    );
    for (mutant, reason) in listed.iter().filter(|(mutant, _)| mutant.file == file) {
        if alive.contains(mutant) {
            println!("  {mutant}\n    lives: {reason}");
        } else {
            println!(
                "  {mutant}\n    obsolete in xtask/survivors.json: it is caught now, or isn't made any more"
            );
        }
    }
    for mutant in &unlisted {
        println!(
            "  {mutant}\n    LIVES. For xtask/survivors.json, if nothing observable changes:\n{}",
            mutant.entry()
        );
    }
    unlisted.len()
}
