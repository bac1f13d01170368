//! What is said at the end.

use std::fmt::{self, Display};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::measure::Figures;
use super::{Args, Game};
use crate::floor::cores::Cores;
use crate::options::{PlacementChoice, StrideChoice, WaitChoice};
use crate::units::counted;

/// The outcome of a run. Times are in nanoseconds.
#[derive(Serialize)]
pub(super) struct Report {
    placement: PlacementChoice,
    size: u64,
    iterations: u64,
    verified: u64,
    slots: u64,
    stride: StrideChoice,
    wait: WaitChoice,
    /// Number of cores this program may use.
    usable_cores: usize,
    /// The cores that the processes were bound to: the measuring one's, the echoing one's.
    cpus: Option<[usize; 2]>,
    /// What a read of the clock takes: each time below includes one.
    timer_ns: f64,
    rtt_ns: Times,
    /// Through two bare lines.
    floor_ns: Times,
    /// The rings' median by that of two bare lines.
    ratio_p50: f64,
    /// Through rotating bare lines.
    rotating_floor_ns: Times,
    /// How many pairs of lines these are.
    rotating_floor_pairs: usize,
    /// The rings' median by that of rotating bare lines.
    ratio_p50_rotating: f64,
}

#[derive(Serialize)]
struct Times {
    min: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    p99_9: u64,
    max: u64,
    mean: f64,
}

impl Times {
    fn of(histogram: &Histogram<u64>) -> Self {
        let quantile = |q| histogram.value_at_quantile(q);
        Self {
            min: histogram.min(),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p99_9: quantile(0.999),
            max: histogram.max(),
            mean: histogram.mean(),
        }
    }
}

impl Report {
    pub(super) fn new(args: &Args, cores: &Cores, game: &Game<'_>, figures: &Figures) -> Self {
        let [rtt_ns, floor_ns, rotating_floor_ns] =
            [&figures.rtt, &figures.floor, &figures.rotation].map(Times::of);
        Self {
            placement: args.placement,
            size: args.size,
            iterations: game.plan.iterations(),
            verified: figures.verified,
            slots: args.slots,
            stride: args.stride,
            wait: game.wait,
            usable_cores: cores.usable,
            cpus: cores.pair,
            timer_ns: figures.timer,
            ratio_p50: rtt_ns.p50 as f64 / floor_ns.p50 as f64,
            ratio_p50_rotating: rtt_ns.p50 as f64 / rotating_floor_ns.p50 as f64,
            rotating_floor_pairs: game.rotation.pairs(),
            rtt_ns,
            floor_ns,
            rotating_floor_ns,
        }
    }

    /// Writes the report to stdout.
    pub(super) fn show(&self, json: bool) -> anyhow::Result<()> {
        let text = if json { serde_json::to_string(self)? + "\n" } else { self.to_string() };
        crate::answer(&text)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, slots, iterations, verified, timer_ns, ratio_p50, ratio_p50_rotating, .. } = self;
        let placement = match self.placement {
            PlacementChoice::Anon => "anonymous memory",
            PlacementChoice::File => "files",
        };
        let stride = StrideChoice::name(self.stride.into());
        let size = counted(*size, "byte");
        writeln!(f, "messages of {size}, two rings of {slots} slots ({stride}) in {placement}")?;
        match (self.cpus, self.wait) {
            (Some([here, there]), WaitChoice::Spin) => {
                writeln!(f, "two processes spinning on cores {here} and {there}")?;
            }
            (Some([here, there]), WaitChoice::Yield) => {
                writeln!(f, "two processes on cores {here} and {there}, yielding while they wait")?;
            }
            (Some([here, there]), WaitChoice::Park) => writeln!(
                f,
                "two processes on cores {here} and {there}, which sleep after some microseconds of polling"
            )?,
            (Some([here, there]), WaitChoice::ParkAfter(time)) => writeln!(
                f,
                "two processes on cores {here} and {there}, which sleep after polling for {}",
                humantime::format_duration(time)
            )?,
            (Some([here, there]), WaitChoice::Adaptive) => writeln!(
                f,
                "two processes on cores {here} and {there}, which poll for as long as pays, and then sleep"
            )?,
            (None, _) => writeln!(
                f,
                "only one core is usable: the processes yield it to each other, so these times are the scheduler's"
            )?,
        }
        writeln!(f, "{iterations} round trips, {verified} verified byte for byte\n")?;
        writeln!(
            f,
            "{:24}{:>9}{:>9}{:>9}{:>9}{:>9}{:>11}{:>11}",
            "round trip, ns", "min", "p50", "p90", "p99", "p99.9", "max", "mean"
        )?;
        let pairs = self.rotating_floor_pairs;
        let rows = [
            ("rings".to_owned(), &self.rtt_ns),
            (format!("{} rotating bare lines", 2 * pairs), &self.rotating_floor_ns),
            ("two bare lines".to_owned(), &self.floor_ns),
        ];
        for (name, times) in rows {
            let Times { min, p50, p90, p99, p99_9, max, mean } = times;
            writeln!(f, "{name:24}{min:9}{p50:9}{p90:9}{p99:9}{p99_9:9}{max:11}{mean:11.1}")?;
        }
        writeln!(
            f,
            "\nratio of the medians: {ratio_p50_rotating:.2} to rotating bare lines, which are new ones each time as a \
             ring's slots are; {ratio_p50:.2} to two bare lines\neach time includes a clock read of {timer_ns:.0} ns"
        )
    }
}
