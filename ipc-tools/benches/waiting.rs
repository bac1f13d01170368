//! Policies of waiting beside each other: one process publishes at a pace, and another one waits for each message.
//!
//! `cargo bench --package ringway-tools --bench waiting`: about a minute and a half on a machine that does nothing else.
//! Each message says when it was published, so its latency is known to the reader. The processor time is the reader's,
//! as the kernel counts it, and the producer's in calls that publish: the side that wakes pays, too. The producer polls
//! between messages, which isn't counted; nor are the interruptions that a reader's membarrier causes.
//!
//! All policies take part in turn, round after round. The table has medians of the rounds.

#[path = "waiting/measured.rs"]
mod measured;
#[path = "waiting/pair.rs"]
mod pair;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use measured::{Report, Round};
use pair::Pair;
use ringway::Wait;

/// Measures latency and processor time of each policy of waiting, at each pace
#[derive(Parser)]
struct Args {
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds for each policy at each pace; more where that is less than 100 messages
    #[arg(long, default_value_t = 500)]
    window: u64,
    /// Write the results as one JSON object
    #[arg(long)]
    json: bool,
    /// Draw the results into files of this directory
    #[arg(long)]
    svg: Option<PathBuf>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
    /// Waits for the messages of this ring: what the other process runs.
    #[arg(long, hide = true)]
    read: Option<PathBuf>,
}

/// A policy of waiting, by its name in the table.
#[derive(Clone, Copy)]
struct Policy {
    name: &'static str,
    wait: Wait,
}

/// Those whose choice is fixed, and then the adaptive one.
const POLICIES: [Policy; 4] = [
    Policy { name: "spin", wait: Wait::Spin },
    Policy { name: "park, 5 µs", wait: Wait::Park },
    Policy { name: "sleep at once", wait: Wait::park_after(Duration::ZERO) },
    Policy { name: "adaptive", wait: Wait::Adaptive },
];
const PACES: [Duration; 5] = [
    Duration::from_micros(1),
    Duration::from_micros(10),
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(10),
];
/// The fewest messages that a latency's percentiles are told of.
const FEWEST: u64 = 100;

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.read {
        Some(ring) => pair::read(ring),
        None => measure(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("waiting: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> anyhow::Result<()> {
    // Before this process is bound to one of them.
    let cores = std::thread::available_parallelism()?.get();
    let mut pair = Pair::start()?;
    let mut rounds: Vec<Round> = Vec::new();
    for round in 0..args.rounds {
        for pace in PACES {
            let window = Duration::from_millis(args.window);
            let messages = (window.as_nanos() / pace.as_nanos()).max(FEWEST.into()) as u64;
            // Each goes first in turn.
            for place in 0..POLICIES.len() {
                let policy = (round + place) % POLICIES.len();
                rounds.push(Round { pace, policy, figures: pair.measure(pace, policy, messages)? });
            }
        }
    }
    pair.end()?;
    let report = Report::new(cores, args.rounds, &rounds);
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        report.print();
    }
    args.svg.as_ref().map_or(Ok(()), |directory| report.draw(directory))
}
