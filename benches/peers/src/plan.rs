//! What is measured beside what.

mod kinds;
pub mod waking;

use std::path::PathBuf;

use crate::crew::{Job, Measured};
use crate::floors::{bulk, head_only, lines, memcpy};
use crate::message::Msg;
use crate::other_build::{OtherBuild, SUFFIX};
use crate::peer::{Across, Lossy, Peer};
use crate::peers::ringway::{Aligned, AsItComes, Trusted};
use crate::peers::{VisitLossy, each_lossy};
use crate::work::throughput::a_megabyte;
use crate::work::{crowd, lossy, nearly_full, round_trip};
use kinds::Kind;

/// Slots of the smaller rings, and of the larger ones.
pub const SLOTS: [usize; 2] = [1_024, 16_384];
/// Numbers of consumers for which the cost of a publish is measured.
pub const CONSUMERS: [usize; 3] = [1, 8, 64];
/// Payload bytes of the messages that are streamed.
pub const SIZES: [usize; 4] = [48, 64, 1_024, 65_536];

/// Numbers of places for consumers that are compared.
pub const PLACES: [usize; 2] = [16, 1_024];
/// Name of the experiment that compares them, for programs.
pub const CROWD: &str = "max-consumers";
/// Slots of its ring.
const CROWD_SLOTS: usize = 4;

/// Bytes in flight of the two bulk hand-offs.
const IN_FLIGHT: [usize; 2] = [1 << 16, 1 << 20];

/// What a variant does, in a process of its own.
pub type Run = Box<dyn Fn(&Job) -> anyhow::Result<Measured>>;

/// A way to do an experiment's work.
pub struct Variant {
    /// As it is printed.
    pub name: String,
    /// Between what.
    pub across: Across,
    /// Does it once.
    pub run: Run,
    /// Another program that does it, instead of this one.
    pub other_build: Option<OtherBuild>,
}

impl Variant {
    fn new(name: String, across: Across, run: impl Fn(&Job) -> anyhow::Result<Measured> + 'static) -> Self {
        Self { name, across, run: Box::new(run), other_build: None }
    }

    /// The same, done by another program.
    pub fn in_other_build(&self, program: PathBuf) -> Self {
        let other = OtherBuild { program, variant: self.name.clone() };
        let never = |_: &Job| anyhow::bail!("this is another program's to do");
        let name = format!("{}{SUFFIX}", self.name);
        Self { other_build: Some(other), ..Self::new(name, self.across, never) }
    }
}

/// What variants are compared with.
pub struct Floor {
    /// The ratio, as it is printed.
    pub heading: &'static str,
    /// The variant that those which pass messages one by one are divided by.
    pub single: &'static str,
    /// The same of those that pass batches.
    pub batched: &'static str,
}

/// Work that is done in several ways, in turn.
pub struct Experiment {
    /// For programs.
    pub id: String,
    /// For people.
    pub title: String,
    /// The figure that counts.
    pub main: &'static str,
    /// Figures that are printed beside it.
    pub beside: &'static [&'static str],
    /// Whether less is better.
    pub less: bool,
    /// What the variants are compared with.
    pub floors: Vec<Floor>,
    /// How often each variant runs in each round.
    pub repeats: usize,
    /// The ways.
    pub variants: Vec<Variant>,
}

impl Experiment {
    fn new(id: String, title: String, main: &'static str, beside: &'static [&'static str]) -> Self {
        let less = matches!(main, "p50 ns" | "ns" | "µs" | "files" | "wakes/msg");
        Self { id, title, main, beside, less, floors: Vec::new(), repeats: 1, variants: Vec::new() }
    }

    fn with(
        mut self,
        name: &str,
        across: Across,
        run: impl Fn(&Job) -> anyhow::Result<Measured> + 'static,
    ) -> Self {
        self.variants.push(Variant::new(name.to_owned(), across, run));
        self
    }

    fn floor(self, heading: &'static str, name: &'static str) -> Self {
        self.floor_by_kind(heading, name, name)
    }

    fn floor_by_kind(mut self, heading: &'static str, single: &'static str, batched: &'static str) -> Self {
        self.floors.push(Floor { heading, single, batched });
        self
    }

    fn add<P: Peer>(&mut self, more: &str, run: impl Fn(&Job) -> anyhow::Result<Measured> + 'static) {
        let name = if more.is_empty() { P::NAME.to_owned() } else { format!("{}, {more}", P::NAME) };
        self.variants.push(Variant::new(name, P::ACROSS, run));
    }
}

/// All experiments, in order.
pub fn all() -> Vec<Experiment> {
    let mut all = vec![round_trips::<6>(), round_trips::<8>(), round_trips::<128>(), round_trips::<1024>()];
    for slots in SLOTS {
        all.push(streams::<6>(slots));
        all.push(streams::<8>(slots));
    }
    all.push(streams::<128>(a_megabyte::<128>()));
    all.push(streams::<8192>(a_megabyte::<8192>()));
    all.push(
        Experiment::new(
            "broadcast-64".into(),
            "broadcast to 2 consumers, 64 B, 1,024 slots".into(),
            "M msg/s",
            &["GB/s"],
        )
        .peers(Kind::Broadcast),
    );
    for slots in SLOTS {
        for consumers in CONSUMERS {
            let title = format!("publish 64 B with {consumers} consumers, {slots} slots, over half laps");
            let id = format!("publish-{slots}-{consumers}");
            all.push(Experiment::new(id, title, "ns", &["messages"]).peers(Kind::FanOut(slots, consumers)));
        }
    }
    all.push(crowds());
    all.push(
        Experiment::new(
            "nearly-full".into(),
            "a ring full all the time, 64 B, 1,024 slots".into(),
            "ns",
            &[],
        )
        .with(ALONE, Across::Nothing, nearly_full::alone::<8>)
        .floor("÷ floor", ALONE)
        .peers(Kind::NearlyFull),
    );
    all.push(late());
    let mut cold = Experiment::new(
        "cold-start".into(),
        "cold start: create, attach, first message; 48 B, 1,024 slots".into(),
        "µs",
        &["created µs", "attached µs"],
    );
    cold.repeats = 5;
    all.push(cold.peers(Kind::ColdStart));
    all.push(
        Experiment::new(
            "footprint".into(),
            "files and memory of a channel; 48 B, 1,024 slots".into(),
            "files",
            &["KiB"],
        )
        .peers(Kind::Footprint),
    );
    all.extend(waking::all());
    all
}

/// The floor of the ring that is full all the time.
const ALONE: &str = "the reader's work alone (floor)";

fn round_trips<const W: usize>() -> Experiment {
    let size = Msg::<W>::BYTES;
    let id = format!("round-trip-{size}");
    Experiment::new(id, format!("round trip, {size} B"), "p50 ns", &["p99 ns", "mean ns"])
        .with(lines::ROTATING, Across::Processes, |job| lines::rotating(job, round_trip::slots(W)))
        .with(lines::NAME, Across::Processes, lines::run)
        .floor("÷ rotating", lines::ROTATING)
        .floor("÷ two lines", lines::NAME)
        .peers(Kind::RoundTrip(size))
}

fn streams<const W: usize>(slots: usize) -> Experiment {
    let size = Msg::<W>::BYTES;
    let [small, large] = IN_FLIGHT;
    let per_line = size.div_ceil(64) as f64;
    // In messages of this size, so that it can be compared.
    let lines = move |measured: Measured| {
        let mut measured = measured;
        measured.figures.entry("M msg/s".into()).and_modify(|rate| *rate /= per_line);
        measured
    };
    let title = format!("one way, lossless, {size} B, {slots} slots");
    let experiment = Experiment::new(format!("stream-{size}-{slots}"), title, "M msg/s", &["GB/s"])
        .with(bulk::NAME_64K, Across::Processes, move |job| bulk::run(job, small).map(lines))
        .with(bulk::NAME_1M, Across::Processes, move |job| bulk::run(job, large).map(lines))
        .floor("÷ bulk 1 MiB", bulk::NAME_1M);
    let experiment = if W >= 128 {
        experiment.with(memcpy::NAME, Across::Nothing, memcpy::run::<W>)
    } else {
        // What a slot's header costs shows where messages are short.
        experiment
            .with(head_only::NAME, Across::Processes, move |job| head_only::run::<W>(job, slots, false))
            .with(head_only::BATCHES, Across::Processes, move |job| head_only::run::<W>(job, slots, true))
            .floor_by_kind("÷ head-only", head_only::NAME, head_only::BATCHES)
    };
    experiment.peers(Kind::Stream(size, slots))
}

fn crowds() -> Experiment {
    fn with<P: Peer>(crowds: &mut Experiment) {
        for places in PLACES {
            crowds.add::<P>(&places_name(places), move |job| crowd::run::<P, 8>(job, CROWD_SLOTS, places));
            crowds.variants.last_mut().expect("it was added").across = Across::Nothing;
        }
    }
    let title = format!("publish and receive 64 B, {CROWD_SLOTS} slots, one consumer, by max_consumers");
    let mut crowds = Experiment::new(CROWD.into(), title, "ns", &[]);
    with::<AsItComes>(&mut crowds);
    with::<Trusted<Aligned>>(&mut crowds);
    crowds
}

/// What tells variants with different numbers of places apart.
pub fn places_name(places: usize) -> String {
    format!("max_consumers {places}")
}

fn late() -> Experiment {
    struct Late(Experiment);
    impl VisitLossy for Late {
        fn peer<P: Lossy>(&mut self) {
            self.0.add::<P>("", |job| lossy::run::<P, 8>(job, SLOTS[0]));
        }
    }
    let beside = &["published M msg/s", "lost %", "loss told"];
    let title = "a sender that waits for nobody, 64 B, 1,024 slots";
    let mut late = Late(Experiment::new("lossy".into(), title.into(), "delivered M msg/s", beside));
    each_lossy(&mut late);
    late.0
}
