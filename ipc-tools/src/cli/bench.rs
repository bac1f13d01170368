//! `ringway bench`: what this machine's cores make of a ring, beside what they make of bare cache lines.
//!
//! Every figure has its floor beside it, measured in the same rounds: a machine is slow now and fast in a minute, and
//! only the ratio of the two stays.

mod report;
mod stream;

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::floor::cores::Cores;
use crate::floor::placement::alone;
use crate::options::WaitChoice;
use crate::pingpong::{self, Interrupted};
use crate::signals::Signals;
use report::{Case, Report};
use stream::{Stream, Way};

/// Sizes of streamed messages, in bytes.
const SIZES: [usize; 3] = [48, 64, 1024];
/// Bytes of the message of a round trip.
const TRIP: usize = 48;
/// Messages in a stream that shows how fast streams are.
const TRIAL: u64 = 20_000;
/// Round trips in such a trial: a block of the game.
const TRIAL_TRIPS: u64 = 2_000;
/// Measurements in a round: a game of round trips and its two floors, and each size's two streams and floor.
const PARTS: u64 = 3 + 3 * SIZES.len() as u64;

/// Measure a ring on this machine, beside bare cache lines
///
/// Two processes on two cores, with a ring in anonymous memory: round trips, and streams of messages one by one and in
/// batches. The floor passes a number through as many bare cache lines as a message takes, in the same rounds. The
/// ratio to the floor is what the ring adds; the figures themselves are this machine's, at this moment.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  ringway bench                        twenty seconds
  ringway bench --seconds 60           the most: steadier figures
  ringway bench --seconds 5 --json | jq '.cases[] | {name, ratio}'

Exit status: 0 measured, 1 an error, 130 SIGINT ended it: nothing is reported.")]
pub(super) struct Args {
    /// About how long to measure
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

/// What is measured in each round.
#[derive(Clone, Copy)]
enum Part {
    /// Round trips through rings, over lines in turn and over the same lines.
    Trips,
    /// Of the size of this number.
    Stream(usize, Way),
}

/// Nanoseconds of one measurement: of a message of a stream; or of round trips through a ring, and over bare lines, in
/// turn and the same.
type Figures = [f64; 3];

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    let cores = Cores::choose().context("can't ask for this process's cores")?;
    let alone = alone().context("can't map cache lines")?;
    let rounds = (args.seconds / 2).clamp(3, 15);
    let time = Duration::from_secs(args.seconds) / (rounds * PARTS) as u32;
    let wait = if cores.pair.is_some() { WaitChoice::Spin } else { WaitChoice::Yield };
    let streams = SIZES.map(|size| Stream::new(size, wait, &cores, &signals));
    let streams = streams.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let measure = |part, count| -> anyhow::Result<Figures> {
        match part {
            Part::Trips => pingpong::round_trips(TRIP, count, wait, &cores, &signals),
            Part::Stream(size, way) => Ok([streams[size].run(way, count)?, 0.0, 0.0]),
        }
    };
    let ways = [Way::Lines, Way::Single, Way::Batch];
    let each = (0..SIZES.len()).flat_map(|size| ways.map(|way| Part::Stream(size, way)));
    let parts: Vec<Part> = std::iter::once(Part::Trips).chain(each).collect();

    // A trial of each shows how much fits into its time.
    let mut counts = Vec::new();
    for &part in &parts {
        let trial = if matches!(part, Part::Trips) { TRIAL_TRIPS } else { TRIAL };
        let figures = measure(part, trial)?;
        let each: f64 = figures.iter().sum();
        let share = if matches!(part, Part::Trips) { 3.0 } else { 1.0 };
        counts.push(((share * time.as_nanos() as f64 / each.max(0.1)) as u64).max(trial));
    }
    let progress = progress(rounds);
    let mut measured: Vec<Vec<Figures>> = vec![Vec::new(); parts.len()];
    for _ in 0..rounds {
        for ((&part, &count), measured) in parts.iter().zip(&counts).zip(&mut measured) {
            if signals.stopped() {
                return Err(Interrupted.into());
            }
            measured.push(measure(part, count)?);
        }
        progress.inc(1);
    }
    drop(progress);

    let mut report = Report::new(args.seconds, rounds, &cores);
    let bare: Vec<f64> = measured[0].iter().map(|figures| figures[2]).collect();
    report.place(&bare, alone);
    let trips: Vec<_> = measured[0].iter().map(|figures| (figures[0], figures[1])).collect();
    report.cases.push(Case::trips(format!("round trip, {TRIP} bytes"), &trips));
    for (size, three) in SIZES.into_iter().zip(measured[1..].chunks(ways.len())) {
        let [floor, single, batch] = three else { continue };
        for (name, ring) in [("one by one", single), ("in batches", batch)] {
            let pairs: Vec<_> = ring.iter().zip(floor).map(|(ring, floor)| (ring[0], floor[0])).collect();
            report.cases.push(Case::stream(format!("{size} bytes, {name}"), &pairs));
        }
    }
    report.show(args.json)
}

fn progress(rounds: u64) -> ProgressBar {
    let target =
        if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:40} round {pos} of {len}, {per_sec}, {eta} to go");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(rounds), target)
        .with_style(style)
        .with_finish(ProgressFinish::AndClear)
}
