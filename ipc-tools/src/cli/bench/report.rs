//! What was measured, as a table and as JSON.

use std::fmt::{self, Display};

use serde::Serialize;

use crate::cli::columns::wrapped;
use crate::floor::cores::Cores;
use crate::floor::placement::{Kind, same};

/// The report. Round trips are in nanoseconds (medians), streams in messages a second.
#[derive(Serialize)]
pub(super) struct Report {
    seconds: u64,
    pub(super) rounds: u64,
    /// Number of cores that this program may use.
    usable_cores: usize,
    /// The cores that the two processes were bound to.
    cpus: Option<[usize; 2]>,
    /// How far apart they are, by a bare round trip; nothing where there is only one.
    cores: Option<Kind>,
    /// Whether bare round trips differed so much between rounds that the host has moved a core.
    moved: bool,
    pub(super) cases: Vec<Case>,
}

/// One kind of messages, in all rounds.
#[derive(Serialize)]
pub(super) struct Case {
    name: String,
    unit: &'static str,
    /// Medians of the rounds.
    ring: f64,
    floor: f64,
    /// The ring's figure by that of the floor of the same round, the median of the rounds. Of round trips 1 is best and
    /// more is slower, of streams 1 is best and less is slower.
    ratio: f64,
    ratio_min: f64,
    ratio_max: f64,
}

impl Case {
    /// Makes a case of nanoseconds: a pair for each round, the ring's and the floor's.
    pub(super) fn trips(name: String, rounds: &[(f64, f64)]) -> Self {
        Self::of(name, "ns", rounds)
    }

    /// The same of a stream, whose nanoseconds are those of a message.
    pub(super) fn stream(name: String, rounds: &[(f64, f64)]) -> Self {
        let rates: Vec<_> = rounds.iter().map(|&(ring, floor)| (1e9 / ring, 1e9 / floor)).collect();
        Self::of(name, "messages/s", &rates)
    }

    fn of(name: String, unit: &'static str, rounds: &[(f64, f64)]) -> Self {
        let sorted = |figure: fn(&(f64, f64)) -> f64| {
            let mut figures: Vec<_> = rounds.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures
        };
        let middle = |figures: &[f64]| figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN);
        let ratios = sorted(|(ring, floor)| ring / floor);
        Self {
            name,
            unit,
            ring: middle(&sorted(|pair| pair.0)),
            floor: middle(&sorted(|pair| pair.1)),
            ratio: middle(&ratios),
            ratio_min: ratios.first().copied().unwrap_or(f64::NAN),
            ratio_max: ratios.last().copied().unwrap_or(f64::NAN),
        }
    }
}

impl Report {
    pub(super) fn new(seconds: u64, rounds: u64, cores: &Cores) -> Self {
        let (usable_cores, cpus) = (cores.usable, cores.pair);
        Self { seconds, rounds, usable_cores, cpus, cores: None, moved: false, cases: Vec::new() }
    }

    /// Tells how far apart the cores are, by bare round trips of all rounds and what one core takes alone.
    pub(super) fn place(&mut self, round_trips: &[f64], alone: f64) {
        let mut sorted = round_trips.to_vec();
        sorted.sort_by(f64::total_cmp);
        if let (Some(_), Some(&least), Some(&most)) = (self.cpus, sorted.first(), sorted.last()) {
            self.cores = Some(Kind::of(sorted[sorted.len() / 2], alone));
            self.moved = !same(least, most);
        }
    }

    pub(super) fn show(&self, json: bool) -> anyhow::Result<()> {
        let text = if json { serde_json::to_string(self)? + "\n" } else { self.to_string() };
        crate::answer(&text)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a ring of 1024 slots in anonymous memory, {} rounds", self.rounds)?;
        match (self.cpus, self.cores) {
            (Some([here, there]), kind) => {
                let apart = match kind {
                    Some(Kind::Siblings) => "two threads of one core: pin to others for less",
                    Some(Kind::Near) => "which share a cache",
                    Some(Kind::Far) => "which share no cache",
                    None => "at an unknown distance",
                };
                writeln!(f, "two processes spinning on cores {here} and {there}, {apart}")?;
            }
            (None, _) => f.write_str(&wrapped(
                "",
                0,
                "only one core may be used: the two processes take turns, and yield it to each other. So round trips are \
                 those of the scheduler, and say nothing of a ring between two cores",
            ))?,
        }
        if cfg!(debug_assertions) {
            f.write_str(&wrapped(
                "",
                0,
                "built without optimisation (use `cargo build --release`): figures say little",
            ))?;
        }
        if self.moved {
            let text = "bare round trips differed much between rounds: the host has moved a core, or others were busy. \
                        Trust the ratios, and measure again";
            f.write_str(&wrapped("", 0, text))?;
        }
        writeln!(f, "\n{:<26}{:>12}{:>13}{:>9}{:>16}", "", "ring", "bare lines", "ratio", "in all rounds")?;
        for Case { name, unit, ring, floor, ratio, ratio_min, ratio_max } in &self.cases {
            let figure = |figure: f64| match *unit {
                "ns" => format!("{figure:.0} ns"),
                _ => format!("{:.1} M/s", figure / 1e6),
            };
            let range = format!("{ratio_min:.2} to {ratio_max:.2}");
            writeln!(f, "{name:<26}{:>12}{:>13}{ratio:>9.2}{range:>16}", figure(*ring), figure(*floor))?;
        }
        let text = "Round trips: a ratio of 1 is that of bare lines, and more is slower. Streams: less than 1 is slower. \
                    A bare line carries 8 bytes, stored as one word. A ring copies a large message in bulk, and may \
                    be faster than that.";
        write!(f, "\n{}", wrapped("", 0, text))
    }
}
