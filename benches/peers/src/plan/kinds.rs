//! What is done with each peer, and the variants that come of it.

use super::{Experiment, SLOTS};
use crate::message::Msg;
use crate::peer::Peer;
use crate::peers::{Visit, each};
use crate::work::{broadcast, cold_start, fan_out, footprint, nearly_full, round_trip, throughput};

/// What is done with each peer.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    RoundTrip(usize),
    Stream(usize, usize),
    Broadcast,
    FanOut(usize, usize),
    NearlyFull,
    ColdStart,
    Footprint,
}

impl Kind {
    /// Length of the messages.
    fn bytes(self) -> usize {
        match self {
            Kind::RoundTrip(size) | Kind::Stream(size, _) => size,
            Kind::Broadcast | Kind::FanOut(..) | Kind::NearlyFull => Msg::<8>::BYTES,
            Kind::ColdStart | Kind::Footprint => Msg::<6>::BYTES,
        }
    }
}

impl Experiment {
    /// The same, with one variant or more for each peer.
    pub(super) fn peers(self, kind: Kind) -> Self {
        let mut peers = Peers { experiment: self, kind };
        each(&mut peers);
        peers.experiment
    }
}

struct Peers {
    experiment: Experiment,
    kind: Kind,
}

impl Visit for Peers {
    fn peer<P: Peer>(&mut self) {
        let experiment = &mut self.experiment;
        let [few, _] = SLOTS;
        if P::LONGEST < self.kind.bytes() {
            return;
        }
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
