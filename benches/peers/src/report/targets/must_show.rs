//! The rows of the table of targets.
//!
//! Where nothing else is said, Ringway stands there with the stride that it has by default, and trusted peers. Peers
//! that pass messages one by one are compared with it doing so, batches with batches.

use super::Bound::{self, AtLeast, AtMost};
use super::Target;
use crate::floors::{bulk, futex, head_only, lines};
use crate::peer::{Across, Peer};
use crate::peers::ringway::{Aligned, AsItComes, STRIDES, Trusted, lines_per_message};
use crate::peers::ringway_asleep::{Parks, Way};
use crate::plan::{CROWD, PLACES, SLOTS, places_name, waking};
use crate::report::stats::{Spread, ratio};
use crate::rounds::{Done, Row};
use crate::work::waking_cost::SPIN_ONLY;

const TRUSTED: &str = <Trusted<Aligned> as Peer>::NAME;
const AS_IT_COMES: &str = <AsItComes as Peer>::NAME;
const RINGFIRE: &str = "ringfire";
const PIPE: &str = "pipe, batches";

/// All rows.
pub fn all(done: &[Done], instructions: &[(&str, Option<f64>)]) -> Vec<Target> {
    let mut table = Table { done, rows: Vec::new() };
    round_trips(&mut table);
    streams(&mut table);
    batches(&mut table);
    long_messages(&mut table);
    lines_moved(&mut table);
    table.row(
        "lossy delivered ÷ ringfire's",
        AtLeast(1.1),
        of(done, "lossy", |it| it.ratio(TRUSTED, RINGFIRE)),
    );
    consumers(&mut table);
    waking(&mut table);
    counted(&mut table, instructions);
    cold_start(&mut table);
    table.rows
}

struct Table<'a> {
    done: &'a [Done],
    rows: Vec<Target>,
}

impl Table<'_> {
    fn row(&mut self, figure: impl Into<String>, bound: Bound, spread: Option<Spread>) {
        self.rows.push(Target::new(figure, bound, spread));
    }

    fn beside(
        &mut self,
        figure: impl Into<String>,
        bound: Bound,
        spread: Option<Spread>,
        floor: Option<Spread>,
    ) {
        self.rows.push(Target::new(figure, bound, spread).beside(bound, floor));
    }
}

fn find<'a>(done: &'a [Done], id: &str) -> Option<&'a Done> {
    done.iter().find(|done| done.experiment.id == id)
}

fn of(done: &[Done], id: &str, value: impl Fn(&Done) -> Option<Spread>) -> Option<Spread> {
    find(done, id).and_then(value)
}

/// A variant by the best process peer that passes messages as it does.
fn to_process(done: &Done, name: &str) -> Option<Spread> {
    done.to_best_peer(done.row(name)?, Across::Processes)
}

/// The same, by the best thread peer.
fn to_thread(done: &Done, name: &str) -> Option<Spread> {
    done.to_best_peer(done.row(name)?, Across::Threads)
}

/// A variant by the best peer of any kind.
fn to_any(done: &Done, name: &str) -> Option<Spread> {
    done.ratio(name, &done.best(Row::is_peer)?.name)
}

/// A variant's name where messages go in batches.
fn batched(name: &str) -> String {
    format!("{name}, batches")
}

/// The best variant of all strides.
fn best_stride(done: &Done, batches: bool) -> Option<&Row> {
    let is_one = |row: &Row| {
        STRIDES.iter().any(|(name, _)| row.name == if batches { batched(name) } else { (*name).to_owned() })
    };
    done.best(is_one)
}

fn round_trips(table: &mut Table<'_>) {
    let done = table.done;
    let at =
        |size: usize, value: &dyn Fn(&Done) -> Option<Spread>| of(done, &format!("round-trip-{size}"), value);
    table.row(
        "round trip 48 B ÷ rotating floor",
        AtMost(1.1),
        at(48, &|it| it.ratio(TRUSTED, lines::ROTATING)),
    );
    for (size, most) in [(48, 0.9), (64, 0.85)] {
        table.beside(
            format!("round trip {size} B ÷ best peer"),
            AtMost(most),
            at(size, &|it| to_any(it, TRUSTED)),
            at(size, &|it| to_any(it, lines::ROTATING)),
        );
    }
    for (size, text) in [(1_024, "1 KiB"), (8_192, "8 KiB")] {
        table.row(
            format!("round trip {text} ÷ best process peer"),
            AtMost(0.95),
            at(size, &|it| to_process(it, TRUSTED)),
        );
    }
    table.row(
        "round trip 48 B as it comes ÷ trusted",
        AtMost(1.15),
        at(48, &|it| it.ratio(AS_IT_COMES, TRUSTED)),
    );
}

fn stream(
    table: &Table<'_>,
    size: usize,
    slots: usize,
    value: impl Fn(&Done) -> Option<Spread>,
) -> Option<Spread> {
    of(table.done, &format!("stream-{size}-{slots}"), value)
}

fn streams(table: &mut Table<'_>) {
    let process = |it: &Done, name: &str| to_process(it, name);
    for slots in SLOTS {
        table.beside(
            format!("single stream 48 B, {slots} slots ÷ best process peer"),
            AtLeast(1.0),
            stream(table, 48, slots, |it| process(it, TRUSTED)),
            stream(table, 48, slots, |it| process(it, head_only::NAME)),
        );
    }
    for slots in SLOTS {
        let figure = format!("single stream 64 B, {slots} slots ÷ best process peer");
        let floor = stream(table, 64, slots, |it| process(it, head_only::NAME));
        let default = stream(table, 64, slots, |it| process(it, TRUSTED));
        let best = stream(table, 64, slots, |it| process(it, &best_stride(it, false)?.name));
        table.beside(format!("{figure}, default stride"), AtLeast(0.8), default, floor.clone());
        table.beside(format!("{figure}, best stride"), AtLeast(1.0), best, floor);
    }
}

fn batches(table: &mut Table<'_>) {
    let ours = batched(TRUSTED);
    for slots in SLOTS {
        let figure = format!("batches 48 B, {slots} slots");
        let of = |value: &dyn Fn(&Done) -> Option<Spread>| stream(table, 48, slots, value);
        let (process, floor) =
            (of(&|it| to_process(it, &ours)), of(&|it| to_process(it, head_only::BATCHES)));
        let (thread, floor_too) =
            (of(&|it| to_thread(it, &ours)), of(&|it| to_thread(it, head_only::BATCHES)));
        table.beside(format!("{figure} ÷ best process peer"), AtLeast(1.0), process, floor);
        table.beside(format!("{figure} ÷ best thread peer"), AtLeast(0.85), thread, floor_too);
    }
    for slots in SLOTS {
        let figure = format!("batches 64 B, {slots} slots, best stride");
        let of = |value: &dyn Fn(&Done) -> Option<Spread>| stream(table, 64, slots, value);
        let process = of(&|it| to_process(it, &best_stride(it, true)?.name));
        let pipe = of(&|it| it.ratio(&best_stride(it, true)?.name, PIPE));
        let floors =
            [of(&|it| to_process(it, head_only::BATCHES)), of(&|it| it.ratio(head_only::BATCHES, PIPE))];
        let [floor, floor_too] = floors;
        table.beside(format!("{figure} ÷ best process peer"), AtLeast(1.0), process, floor);
        table.beside(format!("{figure} ÷ a pipe in batches"), AtLeast(1.2), pipe, floor_too);
    }
}

fn long_messages(table: &mut Table<'_>) {
    let ours = batched(TRUSTED);
    let slots = SLOTS[0];
    // A floor of lines has no batches: by the best peer that has them it is divided all the same.
    let floor = |batched| {
        let by_best =
            move |it: &Done| it.ratio(bulk::NAME_1M, &it.best_peer(Across::Processes, batched)?.name);
        stream(table, 1_024, slots, by_best)
    };
    let (single_floor, batch_floor) = (floor(false), floor(true));
    let single = stream(table, 1_024, slots, |it| to_process(it, TRUSTED));
    let batches = stream(table, 1_024, slots, |it| to_process(it, &ours));
    table.beside("1 KiB single ÷ best process peer", AtLeast(0.95), single, single_floor);
    table.beside("1 KiB batches ÷ best process peer", AtLeast(0.9), batches, batch_floor);
    let in_place = stream(table, 65_536, 16, |it| it.ratio(TRUSTED, bulk::NAME_1M));
    table.row("64 KiB in place ÷ bulk hand-off", AtLeast(0.95), in_place);
}

/// In the smaller ring, which has about as much in flight as the hand-off that it is compared with.
fn lines_moved(table: &mut Table<'_>) {
    for size in [48, 64] {
        let moved = |it: &Done| {
            let row = if size == 48 { it.row(&batched(TRUSTED))? } else { best_stride(it, true)? };
            let stride = STRIDES.iter().find(|(name, _)| row.name == batched(name))?.1;
            let lines = lines_per_message(stride, size)?;
            let messages = it.ratio(&row.name, bulk::NAME_64K)?;
            Spread::of(messages.rounds.iter().map(|ratio| ratio * lines).collect())
        };
        let best = if size == 48 { "" } else { ", best stride" };
        table.beside(
            format!("lines moved, {size} B batches, {} slots{best} ÷ bulk hand-off of 64 KiB", SLOTS[0]),
            AtLeast(0.75),
            stream(table, size, SLOTS[0], moved),
            stream(table, size, SLOTS[0], |it| it.ratio(head_only::BATCHES, bulk::NAME_64K)),
        );
    }
}

fn consumers(table: &mut Table<'_>) {
    for slots in SLOTS.into_iter().rev() {
        let cost = |consumers| find(table.done, &format!("publish-{slots}-{consumers}"));
        let by = cost(64).zip(cost(1)).and_then(|(many, few)| ratio(many, TRUSTED, few, TRUSTED, "ns"));
        table.row(format!("publish with 64 consumers ÷ 1, {slots} slots"), AtMost(1.1), by);
    }
    let [few, many] = PLACES.map(|places| format!("{TRUSTED}, {}", places_name(places)));
    let by = of(table.done, CROWD, |it| it.ratio(&many, &few));
    table.row("max_consumers 1,024 ÷ 16, one consumer, 4 slots", AtMost(1.5), by);
}

fn waking(table: &mut Table<'_>) {
    let parked = of(table.done, waking::PARKED, |it| it.ratio(Parks::NAME, futex::NAME));
    table.row("parked round trip ÷ bare futex", AtMost(1.1), parked);
    let costs = waking::publish_costs().map(|id| of(table.done, &id, |it| it.ratio(Parks::NAME, SPIN_ONLY)));
    table.row("publish with parking, nobody asleep ÷ spin-only", AtMost(1.05), worst(costs));
}

fn counted(table: &mut Table<'_>, instructions: &[(&str, Option<f64>)]) {
    for (figure, name, most) in [
        ("publish+receive", "publish and receive", 80.0),
        ("empty poll", "empty poll", 14.0),
        ("publish+receive a copy", "publish and receive a copy", 130.0),
    ] {
        let count = instructions.iter().find(|(known, _)| *known == name).and_then(|(_, count)| *count);
        // As `cargo bench --bench instructions` commits them: the process around the operations isn't quite the same.
        let count = count.and_then(|count| Spread::of(vec![(count * 100.0).round() / 100.0]));
        table.row(format!("instructions: {figure}"), AtMost(most), count);
    }
}

fn cold_start(table: &mut Table<'_>) {
    let of = |value: &dyn Fn(&Done) -> Option<Spread>| of(table.done, "cold-start", value);
    let (took, by) = (of(&|it| it.row(TRUSTED)?.figure("µs")), of(&|it| it.ratio(TRUSTED, RINGFIRE)));
    table.row("cold start, µs", AtMost(350.0), took);
    table.row("cold start ÷ ringfire", AtMost(2.0), by);
}

/// The greatest, if all were measured.
fn worst<const N: usize>(spreads: [Option<Spread>; N]) -> Option<Spread> {
    let spreads: Option<Vec<_>> = spreads.into_iter().collect();
    spreads?.into_iter().max_by(|one, other| one.median.total_cmp(&other.median))
}
