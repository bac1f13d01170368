//! `ringway`: the command line, and what its commands share.

mod columns;
mod create;
mod dump;
mod framing;
mod info;
mod input;
mod inspect;
mod intake;
mod ls;
mod maps;
mod message_type;
mod meter;
mod output;
mod pace;
mod patience;
mod publish;
mod publisher;
mod reader;
mod remove;
mod shape;
mod stopped;
mod stream_start;
mod sub_summary;
mod subscribe;
mod summary;
mod template;
mod watch;
mod wording;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Parser, Subcommand};

use crate::torture;
use wording::Task;

/// Tag of a message that no newline follows: a chunk of raw input, or a last line that had none. With it `sub`
/// writes what `pub` read, byte for byte. The high bit, which leaves the others to programs. Rings whose messages have
/// one length have no tags: of those, `sub --raw` does.
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
    Create(create::Args),
    Pub(publish::Args),
    Sub(subscribe::Args),
    Info(info::Args),
    Dump(dump::Args),
    Ls(ls::Args),
    Maps(maps::Args),
    Watch(watch::Args),
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
    let task = Task::of(&command);
    let result = match command {
        Command::Create(args) => create::run(&args),
        Command::Pub(args) => publish::run(&args),
        Command::Sub(args) => subscribe::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Dump(args) => dump::run(&args),
        Command::Ls(args) => ls::run(&args),
        Command::Maps(args) => maps::run(&args),
        Command::Watch(args) => watch::run(&args),
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
        Err(error) if error.is::<watch::Ended>() => {
            ExitCode::from(error.downcast_ref().map_or(1, watch::Ended::exit_code))
        }
        Err(error) => match error.downcast_ref::<stopped::Stopped>() {
            Some(stopped) => {
                if stopped.cut.is_some() {
                    crate::say(format_args!("ringway pub: {stopped}"));
                }
                ExitCode::from(stopped.exit_code())
            }
            None => crate::fail("ringway", &wording::in_words_of(task, error)),
        },
    }
}
