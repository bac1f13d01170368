//! `ringway`: the command line, and what its commands share.

mod info;
mod input;
mod output;
mod patience;
mod publish;
mod publisher;
mod reader;
mod remove;
mod shape;
mod subscribe;
mod summary;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Parser, Subcommand};
use ringway::file::FileError;

use crate::torture;

/// Tag of a message that no newline follows: a chunk of raw input, or a last line that had none. With it `sub`
/// writes what `pub` read, byte for byte. The high bit, which leaves the others to programs.
const NO_NEWLINE: u32 = 1 << 31;

/// Publish to, read from and inspect Ringway rings in files
#[derive(Parser)]
#[command(name = "ringway", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Pub(publish::Args),
    Sub(subscribe::Args),
    Info(info::Args),
    Rm(remove::Args),
    Torture(torture::Args),
    #[command(hide = true)]
    TortureRole(torture::RoleArgs),
    #[command(hide = true)]
    TortureKeeper(torture::KeeperArgs),
}

/// Runs `ringway` with the arguments of this process.
pub fn main() -> ExitCode {
    let command = Args::parse().command;
    // A file that is cut short while it is used is an error that says so, rather than a signal.
    if let Err(error) = ringway::file::guard_truncation() {
        return crate::fail("ringway", &anyhow!(error).context("can't handle SIGBUS"));
    }
    let result = match command {
        Command::Pub(args) => publish::run(&args),
        Command::Sub(args) => subscribe::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Rm(args) => remove::run(&args),
        Command::Torture(args) => torture::run(&args),
        Command::TortureRole(args) => torture::play(&args),
        Command::TortureKeeper(args) => torture::keep(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<torture::Interrupted>() => {
            crate::say(format_args!("ringway: {error}"));
            ExitCode::from(130)
        }
        Err(error) => match error.downcast_ref::<publish::Cut>() {
            Some(cut) => {
                crate::say(format_args!("ringway pub: {cut}"));
                ExitCode::from(cut.exit_code())
            }
            None => crate::fail("ringway", &with_flag(error)),
        },
    }
}

/// Adds what the command line calls what the library's error advises.
fn with_flag(error: anyhow::Error) -> anyhow::Error {
    let flag = match error.downcast_ref() {
        Some(FileError::Owner { .. }) => "--any-owner",
        Some(FileError::CopyOnWrite { .. }) => "--allow-copy-on-write",
        Some(FileError::OtherBoot { .. }) => "sub --observe --allow-other-boot",
        _ => return error,
    };
    anyhow!("{error} (here: {flag})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_an_option_answers_names_the_flag() {
        let copy_on_write = FileError::CopyOnWrite { path: "ring".into(), name: "btrfs" };
        let owner = FileError::Owner { path: "ring".into(), found: 1, expected: 2 };
        assert!(with_flag(copy_on_write.into()).to_string().ends_with("(here: --allow-copy-on-write)"));
        assert!(with_flag(owner.into()).to_string().ends_with("(here: --any-owner)"));
        assert_eq!(with_flag(anyhow!("another")).to_string(), "another");
    }
}
