//! Ringway's own cargo commands: `cargo loom`, and what `cargo xtask --help` lists.

mod header;
mod house;
mod install_c;
mod loom;
mod mutants;
mod protocol;
mod soak;
mod survivors;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo loom [--slow]
       cargo xtask header [--check]
       cargo xtask house
       cargo xtask install-c --destdir DIRECTORY [--prefix PATH] [--profile NAME]
       cargo xtask mutants [--file NAME]... [--jobs N]
       cargo xtask soak [--runs N] [-- ARGUMENTS OF CARGO TEST]
  `cargo xtask COMMAND --help` says more of each";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let Some((command, args)) = args.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let (usage, run): (&str, Run) = match command.as_str() {
        "header" => (header::USAGE, header::run),
        "house" => (house::USAGE, house::run),
        "install-c" => (install_c::USAGE, install_c::run),
        "loom" => (loom::USAGE, loom::run),
        "mutants" => (mutants::USAGE, mutants::run),
        "soak" => (soak::USAGE, soak::run),
        _ => {
            eprintln!("unknown command {command:?}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let ["--help" | "-h"] = args[..] {
        println!("{usage}");
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Arguments(message)) => {
            eprintln!("{message}\n{usage}");
            ExitCode::from(2)
        }
        Err(Failure::Run(message)) => {
            eprintln!("{command}: {message}");
            ExitCode::FAILURE
        }
    }
}

/// A command, with its arguments.
type Run = fn(&[&str]) -> Result<(), Failure>;

/// Why a command fails.
enum Failure {
    /// It was called in a way that it doesn't know.
    Arguments(String),
    /// What it looks for isn't so.
    Run(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Failure::Run(message)
    }
}

/// The argument after an option, as a number from 1.
fn number(option: &str, value: Option<&&str>) -> Result<u32, Failure> {
    let number = value.and_then(|value| value.parse().ok()).filter(|&number| number > 0);
    number.ok_or_else(|| Failure::Arguments(format!("{option} needs a number from 1")))
}

/// The repository.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Where builds go: a folder of cargo's own target directory, wherever that is.
fn target(folder: &str) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").filter(|target| !target.is_empty());
    let target = target.map_or_else(|| root().join("target"), PathBuf::from);
    // A relative one is relative to where cargo was called.
    env::current_dir().map_or_else(|_| target.clone(), |here| here.join(&target)).join(folder)
}

/// Cargo, in the repository.
fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Adds `--cfg loom` to the rustc flags in force.
///
/// Cargo takes rustc flags from one source only: an exported `RUSTFLAGS` would silently replace those of a
/// configuration file, and the models would be compiled out.
fn add_cfg_loom(command: &mut Command) {
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
