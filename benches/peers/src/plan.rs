//! What is measured beside what.

pub mod waking;

use crate::crew::{Job, Measured};
use crate::floors::{bulk, lines, memcpy};
use crate::message::Msg;
use crate::peer::{Across, Lossy, Peer};
use crate::peers::{Visit, VisitLossy, each, each_lossy};
use crate::work::throughput::a_megabyte;
use crate::work::{broadcast, cold_start, fan_out, footprint, lossy, nearly_full, round_trip, throughput};

/// Slots of the smaller rings, and of the larger ones.
pub const SLOTS: [usize; 2] = [1_024, 16_384];
/// Numbers of consumers for which the cost of a publish is measured.
pub const CONSUMERS: [usize; 3] = [1, 8, 64];
/// Payload bytes of the messages that are streamed.
pub const SIZES: [usize; 4] = [48, 64, 1_024, 65_536];

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
    /// The variant that the others are compared with.
    pub floor: Option<&'static str>,
    /// How often each variant runs in each round.
    pub repeats: usize,
    /// The ways.
    pub variants: Vec<Variant>,
}

impl Experiment {
    fn new(id: String, title: String, main: &'static str, beside: &'static [&'static str]) -> Self {
        let less = matches!(main, "p50 ns" | "ns" | "µs" | "files" | "wakes/msg");
        Self { id, title, main, beside, less, floor: None, repeats: 1, variants: Vec::new() }
    }

    fn with(
        mut self,
        name: &str,
        across: Across,
        run: impl Fn(&Job) -> anyhow::Result<Measured> + 'static,
    ) -> Self {
        self.variants.push(Variant { name: name.to_owned(), across, run: Box::new(run) });
        self
    }

    fn floor(self, name: &'static str) -> Self {
        Self { floor: Some(name), ..self }
    }

    fn add<P: Peer>(&mut self, more: &str, run: impl Fn(&Job) -> anyhow::Result<Measured> + 'static) {
        let name = if more.is_empty() { P::NAME.to_owned() } else { format!("{}, {more}", P::NAME) };
        self.variants.push(Variant { name, across: P::ACROSS, run: Box::new(run) });
    }

    /// The same, with one variant or more for each peer.
    fn peers(self, kind: Kind) -> Self {
        let mut peers = Peers { experiment: self, kind };
        each(&mut peers);
        peers.experiment
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
    all.push(
        Experiment::new(
            "nearly-full".into(),
            "a ring full all the time, 64 B, 1,024 slots".into(),
            "ns",
            &[],
        )
        .with(ALONE, Across::Nothing, nearly_full::alone::<8>)
        .floor(ALONE)
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
        .with(lines::NAME, Across::Processes, lines::run)
        .floor(lines::NAME)
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
        .floor(bulk::NAME_1M);
    let experiment =
        if W >= 128 { experiment.with(memcpy::NAME, Across::Nothing, memcpy::run::<W>) } else { experiment };
    experiment.peers(Kind::Stream(size, slots))
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

/// What is done with each peer.
#[derive(Clone, Copy)]
enum Kind {
    RoundTrip(usize),
    Stream(usize, usize),
    Broadcast,
    FanOut(usize, usize),
    NearlyFull,
    ColdStart,
    Footprint,
}

struct Peers {
    experiment: Experiment,
    kind: Kind,
}

impl Visit for Peers {
    fn peer<P: Peer>(&mut self) {
        let experiment = &mut self.experiment;
        let [few, _] = SLOTS;
        match self.kind {
            Kind::RoundTrip(48) => experiment.add::<P>("", round_trip::run::<P, 6>),
            Kind::RoundTrip(64) => experiment.add::<P>("", round_trip::run::<P, 8>),
            Kind::RoundTrip(1024) => experiment.add::<P>("", round_trip::run::<P, 128>),
            Kind::RoundTrip(_) => experiment.add::<P>("", round_trip::run::<P, 1024>),
            Kind::Stream(size, slots) => {
                let modes: &[(&str, bool)] = match size {
                    // A batch of such messages wouldn't fit.
                    65_536 => &[("", false)],
                    _ if P::CAN.batches => &[("", false), ("batches", true)],
                    _ => &[("", false)],
                };
                for &(more, batched) in modes {
                    match size {
                        48 => {
                            experiment.add::<P>(more, move |job| throughput::run::<P, 6>(job, slots, batched))
                        }
                        64 => {
                            experiment.add::<P>(more, move |job| throughput::run::<P, 8>(job, slots, batched))
                        }
                        1024 => experiment
                            .add::<P>(more, move |job| throughput::run::<P, 128>(job, slots, batched)),
                        _ => experiment
                            .add::<P>(more, move |job| throughput::run::<P, 8192>(job, slots, batched)),
                    }
                }
            }
            Kind::Broadcast if P::CAN.broadcast => {
                experiment.add::<P>("", move |job| broadcast::run::<P, 8>(job, few, false));
                if P::CAN.batches {
                    experiment.add::<P>("batches", move |job| broadcast::run::<P, 8>(job, few, true));
                }
            }
            Kind::FanOut(slots, readers) if P::CAN.broadcast => {
                experiment.add::<P>("", move |job| fan_out::run::<P, 8>(job, slots, readers));
            }
            Kind::NearlyFull => experiment.add::<P>("", move |job| nearly_full::run::<P, 8>(job, few)),
            Kind::ColdStart if P::CAN.named => {
                experiment.add::<P>("", move |job| cold_start::run::<P, 6>(job, few));
            }
            Kind::Footprint if P::CAN.named => {
                experiment.add::<P>("", move |job| footprint::run::<P, 6>(job, few));
            }
            Kind::Broadcast | Kind::FanOut(..) | Kind::ColdStart | Kind::Footprint => {}
        }
    }
}
