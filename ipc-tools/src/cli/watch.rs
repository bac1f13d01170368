//! `ringway watch`: rings while they are used.

mod amounts;
mod draw;
mod find;
mod places;
mod plain;
mod screen;
mod sight;
mod terminal;
mod track;

use std::fmt;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::units;

/// The longest time between two looks. What is much longer is no time that a clock of the system comes to.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Watch rings live: rate, each consumer's lag, how often the producer found its ring full (read-only)
#[derive(clap::Args)]
#[command(after_help = "\
Keys: up, down (or k, j) select a ring; p pauses; ? helps; q, Esc and Ctrl-C quit.
Observers that don't show themselves can't be seen. Watching stores nothing in a
ring; between two looks nothing of it is held, so it can be removed.

Examples:
  ringway watch /dev/shm/orders
  ringway watch /dev/shm                            all rings in a directory, as they come and go
  ringway watch --json --count 10 /dev/shm/orders   ten looks, for a program
  ringway watch --interval 10s /dev/shm >>watch.log

Exit status: 0 when it is quit, or after --count looks; 1 if the last of them
found no ring; 2 wrong usage; 130 after SIGINT or Ctrl-C, 143 after SIGTERM.")]
pub(super) struct Args {
    /// Rings' files, or directories of rings
    #[arg(required = true, value_name = "RING")]
    rings: Vec<PathBuf>,
    /// Time between two looks, from 10ms to a day
    #[arg(long, default_value = "500ms", value_name = "TIME", value_parser = interval)]
    interval: Duration,
    /// End after so many looks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Write one JSON object a line for each ring and look
    #[arg(long)]
    json: bool,
    /// Write lines of text even on a terminal
    #[arg(long, conflicts_with = "json")]
    plain: bool,
    /// Look at rings even if another user owns their files
    #[arg(long)]
    any_owner: bool,
}

/// A signal ended it.
#[derive(Debug)]
pub(super) struct Ended(Signal);

impl Ended {
    pub(super) fn exit_code(&self) -> u8 {
        128 + self.0 as u8
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ended by {}", self.0)
    }
}

impl std::error::Error for Ended {}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let places = places::Places::new(&args.rings, args.any_owner);
    if args.json || args.plain || !io::stdout().is_terminal() {
        plain::run(args, &places)
    } else {
        terminal::run(args, &places)
    }
}

/// A time between looks that leaves the machine to others.
fn interval(text: &str) -> Result<Duration, String> {
    match units::duration(text)? {
        interval if interval < Duration::from_millis(10) => Err("too short: expected at least 10ms".into()),
        interval if interval > DAY => Err("too long: expected at most 1day".into()),
        interval => Ok(interval),
    }
}
