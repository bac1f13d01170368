//! The command-line tools of Ringway: [`ringway`](cli) moves data through rings from a shell, and
//! [`ipc-pingpong`](pingpong) measures how long a message takes to another process and back.
//!
//! ```sh
//! cargo install ringway-tools
//! ringway sub /dev/shm/stream --raw > copy.tar &
//! tar -c some/folder | ringway pub /dev/shm/stream --raw --wait-for 1
//! ringway info /dev/shm/stream
//! ipc-pingpong
//! ```
//!
//! `ringway --help` lists the commands, and `ringway COMMAND --help` says what each does, with its options and exit
//! statuses. As a library this crate is for the benchmarks of Ringway's repository: [`floor`] is what round trips are
//! compared with, and [`plot`] draws what was measured. Programs use `ringway`.

pub mod cli;
pub mod floor;
mod options;
mod partner;
pub mod pingpong;
pub mod plot;
mod progress;
mod signals;
mod torture;
mod units;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, anyhow};

/// Reports an error the way both tools do, and makes the exit status of it.
fn fail(tool: &str, error: &anyhow::Error) -> ExitCode {
    say(format_args!("{tool}: error: {}", describe(error)));
    ExitCode::FAILURE
}

/// Makes an error of what the system said: what can't be done, why, and what to do about it.
fn failing(what: &'static str) -> impl Fn(io::Error) -> anyhow::Error {
    move |error| anyhow!("{what}: {error}{}", ringway::advice(&error))
}

/// The error and what caused it, in one line.
fn describe(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

/// Writes a line to stderr. If stderr is closed there is nobody left to tell, which is no reason to panic.
fn say(line: std::fmt::Arguments<'_>) {
    // In one write: several processes of a pipeline share a terminal.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Writes a tool's answer to stdout. That nobody reads it any more is no failure.
fn answer(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("can't write to stdout")
        }
        _ => Ok(()),
    }
}
