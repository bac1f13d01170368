//! `ipc-pingpong`: two processes, two rings, one message at a time there and back.
//!
//! The round trip is reported beside its floors: the same two processes, on the same cores, passing a number through
//! bare cache lines, measured in the same run in alternating blocks. One floor stays on two lines. The other takes the
//! next two each time, as many as the rings have slots: a ring's messages go over new lines, too. What the rings add is
//! the ratio to that one.

mod curves;
mod echo;
mod floor;
mod measure;
mod pattern;
mod plan;
mod report;
mod rings;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser};

use crate::floor::cores::Cores;
use crate::floor::lines::Lines;
use crate::options::{PlacementChoice, StrideChoice, WaitChoice, WaitParser};
use crate::plot;
use crate::signals::Signals;
use crate::units;
pub(crate) use floor::wait_for;
use measure::Figures;
pub(crate) use measure::Interrupted;
use plan::Plan;
use report::Report;
use rings::Rings;

const AFTER: &str = "\
Examples:
  ipc-pingpong                                  48 bytes, in anonymous memory
  ipc-pingpong --placement file --size 1KiB     in files of /dev/shm
  ipc-pingpong --wait park --iterations 20000   both sides sleep while they wait
  ipc-pingpong --json | jq .ratio_p50_rotating  by bare cache lines

Exit status: 0 measured, 1 an error, 2 no such option, 130 a signal ended it:
then nothing is reported.";

/// Measure the round trip of a message between two processes, beside that of bare cache lines
///
/// A second process echoes every message; every byte that comes back is compared.
#[derive(Parser)]
#[command(name = "ipc-pingpong", version, max_term_width = 80, after_help = AFTER)]
struct Args {
    /// Where the rings lie
    #[arg(long, default_value = "anon")]
    placement: PlacementChoice,
    /// Bytes in a message, with a unit or without
    #[arg(long, default_value = "48", value_parser = units::size)]
    size: u64,
    /// Round trips to measure [default: 500000, or 100000 where there is only one core]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    iterations: Option<u64>,
    /// Slots of each ring, a power of two
    #[arg(long, default_value_t = 64)]
    slots: u64,
    /// How slots lie one after another
    #[arg(long, default_value = "aligned")]
    stride: StrideChoice,
    /// How to wait for the other process [default: spin, or yield where there is only one core]
    #[arg(long, value_parser = WaitParser)]
    wait: Option<WaitChoice>,
    /// Directory for rings in files, which are removed again
    #[arg(long, default_value = "/dev/shm")]
    dir: PathBuf,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// Draw the distributions of the round trips and their floors into a file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write percentiles into a file: percentile_percent, then round trips in nanoseconds, in 47 rows
    ///
    /// Columns: percentile_percent, ring_ns, rotating_floor_ns, two_line_floor_ns. Rows: 0, 10 .. 80, 90, 91 .. 98, 99,
    /// 99.1 and so on to 99.999 percent, and 100, the longest round trip.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// What both processes need to know.
#[derive(Clone, Copy)]
struct Game<'a> {
    rings: &'a Rings,
    /// Bare lines that trips stay on.
    lines: &'a Lines,
    /// Bare lines that trips take in turn.
    rotation: &'a Lines,
    plan: Plan,
    /// Bytes in a message.
    size: usize,
    wait: WaitChoice,
    /// Whether a terminal may show how far the game is.
    progress: bool,
}

/// The command line, for the manual.
pub(crate) fn command() -> clap::Command {
    Args::command()
}

/// Runs `ipc-pingpong` with the arguments of this process, which must have no other thread.
pub fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            crate::say(format_args!("ipc-pingpong: {error}"));
            ExitCode::from(130)
        }
        Err(error) => crate::fail("ipc-pingpong", &error),
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    let cores = Cores::choose().context("can't ask for this process's cores")?;
    // A spinning process would keep the only core from the one it waits for.
    let wait = match args.wait {
        Some(wait) if wait != WaitChoice::Spin => wait,
        _ if cores.pair.is_none() => WaitChoice::Yield,
        _ => WaitChoice::Spin,
    };
    let iterations = args.iterations.unwrap_or(if cores.pair.is_some() { 500_000 } else { 100_000 });
    let rings = Rings::new(args)?;
    let floors = Floors::new(args)?;
    let game = floors.game(args, &rings, wait, iterations, true)?;
    let figures = play(&game, &cores, &signals)?;
    if let Some(file) = &args.svg {
        plot::write(file, &curves::svg(args, &cores, &game, &figures)?)?;
    }
    if let Some(file) = &args.csv {
        std::fs::write(file, curves::csv(&figures)).with_context(|| {
            format!("can't write the table {}: name a file in a directory that is there", file.display())
        })?;
    }
    Report::new(args, &cores, &game, &figures).show(args.json)
}

/// The lines that floors are measured with.
struct Floors {
    lines: Lines,
    rotation: Lines,
}

impl Floors {
    fn new(args: &Args) -> anyhow::Result<Self> {
        let lines = Lines::new().context("can't map the floor's cache lines")?;
        let rotation = Lines::rotation(usize::try_from(args.slots)?);
        Ok(Self { lines, rotation: rotation.context("can't map the floor's cache lines")? })
    }

    fn game<'a>(
        &'a self,
        args: &Args,
        rings: &'a Rings,
        wait: WaitChoice,
        iterations: u64,
        progress: bool,
    ) -> anyhow::Result<Game<'a>> {
        let (lines, rotation) = (&self.lines, &self.rotation);
        let size = usize::try_from(args.size)?;
        Ok(Game { rings, lines, rotation, plan: Plan::new(iterations), size, wait, progress })
    }
}

fn play(game: &Game<'_>, cores: &Cores, signals: &Signals) -> anyhow::Result<Figures> {
    let mut echo = echo::start(game, cores)?;
    cores.bind(0)?;
    let figures = measure::run(game, &mut echo, signals)?;
    echo.finish()?;
    Ok(figures)
}

/// Medians of so many round trips, in nanoseconds: through two rings in anonymous memory, over bare lines in turn, and
/// over the same two.
pub(crate) fn round_trips(
    size: usize,
    iterations: u64,
    wait: WaitChoice,
    cores: &Cores,
    signals: &Signals,
) -> anyhow::Result<[f64; 3]> {
    let args = Args::try_parse_from(["ipc-pingpong", "--size", &size.to_string()])?;
    let rings = Rings::new(&args)?;
    let floors = Floors::new(&args)?;
    let figures = play(&floors.game(&args, &rings, wait, iterations, false)?, cores, signals)?;
    Ok([&figures.rtt, &figures.rotation, &figures.floor].map(|times| times.value_at_quantile(0.5) as f64))
}
