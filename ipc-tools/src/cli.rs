//! `ringway`: the command line, and what its commands share.

mod bench;
mod columns;
mod create;
mod departure;
mod doctor;
mod dump;
mod framing;
mod info;
mod input;
mod inspect;
mod intake;
mod ls;
mod manual;
mod maps;
mod message_type;
mod meter;
mod naming;
mod output;
mod pace;
mod patience;
mod publish;
mod publisher;
mod reader;
mod remove;
mod resume;
mod ring_wait;
mod shape;
mod slot_io;
mod stopped;
mod stream_start;
mod sub_summary;
mod subscribe;
mod summary;
mod template;
mod trust;
mod watch;
mod wording;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Parser, Subcommand};

use crate::{pingpong, torture};
use wording::Task;

/// Tag of a message that no newline follows: a chunk of raw input, or a last line that had none. With it `sub`
/// writes what `pub` read, byte for byte. The high bit, which leaves the others to programs. Rings whose messages have
/// one length have no tags: of those, `sub --raw` does.
const NO_NEWLINE: u32 = 1 << 31;

const AFTER: &str = "\
Examples:
  ringway sub /dev/shm/stream > copy &   start the reader, which makes the ring,
  ringway pub /dev/shm/stream < file     and publish: each line is a message
  ringway info /dev/shm/stream           how the ring stands, and what uses it
  ringway dump /dev/shm/stream           what it holds, after a crash
  ringway rm /dev/shm/stream             remove it
  ringway doctor                         whether this machine is fit for rings
  ringway bench                          what this machine makes of a ring
  ringway pub --help                     a command's options, with examples

Exit status:
  0    what was asked for is done, and nothing is wrong
  1    an error, which is named; also what a command looks for: a damaged ring
       (dump), an unfit machine (doctor), a ring that hasn't held (torture)
  2    no such command or option, or no such value of it
  130  SIGINT ended the command, or SIGTERM where this isn't 143 (pub, sub)

Colours are for terminals: there are none in a pipe, or if NO_COLOR is set.";

/// Publish to, read from and inspect Ringway rings in files
#[derive(Parser)]
#[command(name = "ringway", version, max_term_width = 80, after_help = AFTER)]
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
    Doctor(doctor::Args),
    Rm(remove::Args),
    Torture(torture::Args),
    Bench(bench::Args),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
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
        Command::Doctor(args) => doctor::run(&args),
        Command::Rm(args) => remove::run(&args),
        Command::Torture(args) => torture::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
        Command::TortureRole(args) => torture::play(&args),
        Command::TortureKeeper(args) => torture::keep(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<torture::Interrupted>() || error.is::<pingpong::Interrupted>() => {
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
