//! What must be shown, and whether it is: one object for each row of the table of targets.

use serde::Serialize;

use super::stats::{Spread, ratio};
use crate::floors::{bulk, futex, lines};
use crate::peer::Across;
use crate::peers::ringway_asleep::{Parks, Way};
use crate::plan::waking;
use crate::rounds::{Done, Row};
use crate::work::waking_cost::SPIN_ONLY;

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    /// What is measured.
    pub figure: &'static str,
    /// What it came to.
    pub value: Option<f64>,
    /// What it should be.
    pub target: &'static str,
    /// Whether it is.
    pub met: bool,
    /// What the machine's own floor would come to in Ringway's place, where that says whether the target can be met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
    /// Whether that misses the target, too.
    #[serde(skip)]
    pub floor_misses: bool,
    /// Why there is no value, or what it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    /// The rounds that it is the median of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
}

/// A bound on a figure.
#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64, &'static str),
    AtLeast(f64, &'static str),
}

const RINGWAY: &str = "ringway";
/// Bytes of the slot that a message of 64 bytes takes at least.
const SLOT_OF_64: f64 = 80.0;
/// The variant of rtrb that moves several messages at once.
const CHUNKED: &str = "rtrb, batches";
const NOT_MEASURED: &str = "not measured in this run";

/// All rows.
pub fn all(done: &[Done], instructions: &[(&str, Option<f64>)]) -> Vec<Target> {
    use Bound::{AtLeast, AtMost};
    let find = |id: &str| done.iter().find(|done| done.experiment.id == id);
    let of = |id: &str, value: &dyn Fn(&Done) -> Option<Spread>| find(id).and_then(value);
    let counted = |name: &str| {
        let count = instructions.iter().find(|(known, _)| *known == name)?.1?;
        Spread::of(vec![count])
    };
    let fan_out = |few: &str, many: &str| {
        let (few, many) = (find(few)?, find(many)?);
        ratio(many, RINGWAY, few, RINGWAY, "ns")
    };
    let files = of("footprint", &|done| done.row(RINGWAY)?.figure("files"));
    // Of no value without its other half.
    let started = of("cold-start", &|done| done.row(RINGWAY)?.figure("µs")).filter(|_| files.is_some());
    let mut cold = row("cold start, µs (and one file)", AtMost(500.0, "≤ 500"), started);
    cold.met &= files.is_some_and(|files| files.max == 1.0);
    vec![
        row(
            "round trip 48 B, p50 ÷ bare two-line floor",
            AtMost(1.15, "≤ 1.15"),
            of("round-trip-48", &|done| done.ratio(RINGWAY, lines::NAME)),
        ),
        beside(
            "round trip 64 B, p50 ÷ best peer's",
            AtMost(1.0, "≤ 1.0"),
            of("round-trip-64", &|done| to_best(done, is_peer)),
            of("round-trip-64", &|done| by_best(done, lines::NAME, is_peer)),
        ),
        beside(
            "round trip 48 B, p50 ÷ best peer's",
            AtMost(0.85, "≤ 0.85"),
            of("round-trip-48", &|done| to_best(done, is_peer)),
            of("round-trip-48", &|done| by_best(done, lines::NAME, is_peer)),
        ),
        beside(
            "round trip 8 KiB ÷ iceoryx2's",
            AtMost(0.7, "≤ 0.70"),
            of("round-trip-8192", &|done| done.ratio(RINGWAY, "iceoryx2")),
            of("round-trip-8192", &|done| done.ratio(lines::NAME, "iceoryx2")),
        ),
        beside(
            "lossless 64 B throughput, 16,384 slots ÷ best cross-process peer's",
            AtLeast(1.3, "≥ 1.3"),
            of("stream-64-16384", &|done| to_best(done, is_process)),
            of("stream-64-16384", &|done| Some(in_slots(by_best(done, bulk::NAME_1M, is_process)?))),
        ),
        beside(
            "  the same ÷ rtrb chunked, between threads (as it comes)",
            AtLeast(1.0, "aim: 1"),
            of("stream-64-16384", &|done| to_best(done, |row| row.name == CHUNKED)),
            of("stream-64-16384", &|done| Some(in_slots(done.ratio(bulk::NAME_1M, CHUNKED)?))),
        ),
        row(
            "lossless 48 B, lines/s ÷ bulk hand-off's at 1 MiB in flight",
            AtLeast(0.7, "≥ 0.7"),
            of("stream-48-16384", &|done| to_best(done, |row| row.name == bulk::NAME_1M)),
        ),
        row(
            "64 KiB claimed and borrowed in place, GB/s ÷ bulk hand-off",
            AtLeast(0.9, "≥ 0.9"),
            of("stream-65536-16", &|done| to_best(done, |row| row.name == bulk::NAME_1M)),
        ),
        row(
            "publish with 64 consumers ÷ with 1, 16,384 slots",
            AtMost(1.1, "≤ 1.1"),
            fan_out("publish-16384-1", "publish-16384-64"),
        ),
        row(
            "publish with 64 consumers ÷ with 1, 1,024 slots",
            AtMost(1.5, "≤ 1.5"),
            fan_out("publish-1024-1", "publish-1024-64"),
        ),
        row(
            "parked wake-up round trip ÷ bare futex ping-pong",
            AtMost(1.15, "≤ 1.15"),
            of(waking::PARKED, &|done| done.ratio(Parks::NAME, futex::NAME)),
        ),
        row(
            "publish with parking enabled and nobody asleep ÷ spin-only",
            AtMost(1.05, "≤ 1.05"),
            worst(waking::publish_costs().map(|id| of(&id, &|done| done.ratio(Parks::NAME, SPIN_ONLY)))),
        ),
        row(
            "instructions, publish + receive of 48 B (single-message API)",
            AtMost(120.0, "≤ 120"),
            counted("publish and receive"),
        ),
        row("instructions, empty poll", AtMost(15.0, "≤ 15"), counted("empty poll")),
        cold,
    ]
}

impl Bound {
    fn is_met(self, value: f64) -> bool {
        match self {
            Bound::AtMost(most, _) => value <= most,
            Bound::AtLeast(least, _) => value >= least,
        }
    }
}

fn row(figure: &'static str, bound: Bound, spread: Option<Spread>) -> Target {
    let (Bound::AtMost(_, target) | Bound::AtLeast(_, target)) = bound;
    let Some(spread) = spread else { return unmeasured(figure, target, NOT_MEASURED) };
    let value = spread.median;
    Target {
        value: Some(value),
        met: bound.is_met(value),
        why: None,
        spread: Some(spread),
        ..unmeasured(figure, target, "")
    }
}

/// A row, and what the floor came to in Ringway's place, in the same rounds.
fn beside(figure: &'static str, bound: Bound, spread: Option<Spread>, floor: Option<Spread>) -> Target {
    let floor = floor.map(|floor| floor.median);
    let floor_misses = floor.is_some_and(|floor| !bound.is_met(floor));
    Target { floor, floor_misses, ..row(figure, bound, spread) }
}

/// Messages of 64 bytes in slots, by a floor's messages without slots around them.
fn in_slots(floor: Spread) -> Spread {
    let rounds = floor.rounds.iter().map(|ratio| ratio * 64.0 / SLOT_OF_64).collect();
    Spread::of(rounds).unwrap_or(floor)
}

fn unmeasured(figure: &'static str, target: &'static str, why: &'static str) -> Target {
    let (met, floor_misses) = (false, false);
    Target { figure, value: None, target, met, floor: None, floor_misses, why: Some(why), spread: None }
}

/// The greatest, if all were measured.
fn worst<const N: usize>(spreads: [Option<Spread>; N]) -> Option<Spread> {
    let spreads: Option<Vec<_>> = spreads.into_iter().collect();
    spreads?.into_iter().max_by(|one, other| one.median.total_cmp(&other.median))
}

/// Whether a row is somebody else's, and no floor.
fn is_peer(row: &Row) -> bool {
    !row.name.starts_with(RINGWAY) && !row.name.ends_with("(floor)")
}

/// The same, of those that work between processes.
fn is_process(row: &Row) -> bool {
    is_peer(row) && row.across == Across::Processes
}

/// Ringway's best variant by the best of some others, both by their medians.
fn to_best(done: &Done, others: impl Fn(&Row) -> bool) -> Option<Spread> {
    by_best(done, &best(done, |row| row.name.starts_with(RINGWAY))?, others)
}

/// A variant by the best of some others.
fn by_best(done: &Done, name: &str, others: impl Fn(&Row) -> bool) -> Option<Spread> {
    done.ratio(name, &best(done, others)?)
}

/// The best variant, by its median.
fn best(done: &Done, wanted: impl Fn(&Row) -> bool) -> Option<String> {
    let rows = done.rows.iter().filter(|row| wanted(row));
    let figures = rows.filter_map(|row| Some((row, row.figure(done.experiment.main)?.median)));
    let better = |one: &(&Row, f64), other: &(&Row, f64)| {
        if done.experiment.less { one.1.total_cmp(&other.1) } else { other.1.total_cmp(&one.1) }
    };
    Some(figures.min_by(better)?.0.name.clone())
}
