//! `ringway torture`: processes that use a ring are killed and stopped at random moments and replaced, and
//! what the others find is counted.
//!
//! One process directs. The others each play a [role](role): producers, of which one has the ring and the
//! others wait to succeed it, consumers, observers and best-effort readers. They keep their accounts in a [`ledger`] that outlives
//! them. The [`plan`], of which process is killed or stopped when, follows from the seed alone; where in the protocol
//! that hits a process is up to the scheduler.

mod account;
mod audit;
mod best_effort;
mod consumer;
mod crew;
mod director;
mod keeper;
mod ledger;
mod letter;
mod observer;
mod place;
mod plan;
mod producer;
mod report;
mod role;
mod takeover;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::options::PlacementChoice;
use crate::signals::Signals;
use crate::units;
use crew::{Cast, Crew};
use director::Director;
use ledger::Ledger;
use letter::HEADER;
use place::Place;
use plan::Plan;
use report::Report;

pub(crate) use keeper::{KeeperArgs, keep};
pub(crate) use role::{RoleArgs, play};

/// Kill and stop processes that use a ring, at random moments, and count what goes wrong
///
/// Nothing should. The exit status is 0 if no message was torn, duplicated, reordered, lost or left uncounted, and
/// nothing leaked.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  ringway torture                               200 kills, in anonymous memory
  ringway torture --placement file --kills 2000
  ringway torture --seed 7 --json               another plan, one JSON object

Exit status: 0 if the ring held, 1 if not, 130 if a signal ended the run: then
the report is of the part that was done.")]
pub(crate) struct Args {
    /// Where the ring lies
    #[arg(long, default_value = "anon")]
    placement: PlacementChoice,
    /// Number of processes to kill
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    kills: u64,
    /// What the plan of kills follows from
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Slots of the ring, a power of two
    #[arg(long, default_value_t = 256, value_name = "N")]
    slots: u64,
    /// Longest message, in bytes or with a unit as in 64KiB
    #[arg(long, default_value = "512", value_name = "SIZE", value_parser = units::slot_size)]
    slot_size: u64,
    /// Consumers at once; the first one is never killed, only stopped
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    consumers: u16,
    /// Observers at once
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=64))]
    observers: u16,
    /// Best-effort readers at once
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=64))]
    best_effort: u16,
    /// How long a producer waits for a best-effort reader that leaves no room, before it passes the reader over
    #[arg(long, default_value = "2ms", value_name = "TIME", value_parser = units::duration)]
    patience: Duration,
    /// Producers that wait for the one there is to die
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    successors: u16,
    /// Directory for the directory of a ring in a file, which is removed again however the run ends
    #[arg(long, default_value = "/dev/shm")]
    dir: PathBuf,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

/// The user asked the program to stop.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped by a signal: the report is of the part that was done")
    }
}

impl std::error::Error for Interrupted {}

/// Runs `ringway torture`. This process must have no other thread.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.slot_size < HEADER as u64 {
        bail!("--slot-size {}: a message has a header of {HEADER} bytes; ask for more", args.slot_size);
    }
    let began = Instant::now();
    let signals = Signals::install()?;
    let cast = Cast::new(args);
    let place = Place::new(args)?;
    let ledger = Ledger::new(cast.len(), args.slots)?;
    let crew = Crew::new(cast, &place, &ledger, args);
    let mut director = Director::new(crew, &ledger, &place, &signals)?;
    let outcome = director.run(Plan::new(args)).and_then(|()| director.end());
    let (conduct, head) = (director.leave(), outcome?);
    let findings = audit::audit(&cast, &ledger, place, head)?;
    let report = Report::new(args, &conduct, &findings, began.elapsed());
    report.show(args.json)?;
    match report.fault() {
        Some(fault) => bail!("the ring has not held: {fault}"),
        None if conduct.interrupted => Err(Interrupted.into()),
        None => Ok(()),
    }
}
