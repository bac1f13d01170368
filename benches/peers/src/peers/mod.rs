//! The peers, one file for each.

#[cfg(feature = "crossbeam-channel")]
pub mod crossbeam;
#[cfg(feature = "disruptor")]
pub mod disruptor;
pub mod ends;
#[cfg(feature = "iceoryx2")]
pub mod iceoryx2;
#[cfg(feature = "ipc-channel")]
pub mod ipc_channel;
#[cfg(feature = "ringfire")]
pub mod ringfire;
pub mod ringway;
pub mod ringway_asleep;
#[cfg(feature = "rtrb")]
pub mod rtrb;
#[cfg(feature = "shaq")]
pub mod shaq;
pub mod streams;

use serde::Serialize;

use crate::peer::{Lossy, Peer};

/// Something to be done with every peer.
pub trait Visit {
    /// Does it with one.
    fn peer<P: Peer>(&mut self);
}

/// Something to be done with every peer that has lossy channels.
pub trait VisitLossy {
    /// Does it with one.
    fn peer<P: Lossy>(&mut self);
}

/// Shows a visitor every peer that was built, Ringway first.
pub fn each(visitor: &mut impl Visit) {
    visitor.peer::<ringway::AsItComes>();
    ringway::each_stride(visitor);
    visitor.peer::<ringway::Anonymous>();
    #[cfg(feature = "iceoryx2")]
    visitor.peer::<iceoryx2::Iceoryx2>();
    #[cfg(feature = "ringfire")]
    visitor.peer::<ringfire::Ringfire>();
    #[cfg(feature = "shaq")]
    visitor.peer::<shaq::Shaq>();
    visitor.peer::<streams::UnixSockets>();
    visitor.peer::<streams::Pipes>();
    #[cfg(feature = "ipc-channel")]
    visitor.peer::<ipc_channel::IpcChannel>();
    #[cfg(feature = "disruptor")]
    visitor.peer::<disruptor::Disruptor>();
    #[cfg(feature = "rtrb")]
    visitor.peer::<rtrb::Rtrb>();
    #[cfg(feature = "crossbeam-channel")]
    visitor.peer::<crossbeam::CrossbeamChannel>();
}

/// Shows a visitor every peer that has lossy channels.
pub fn each_lossy(visitor: &mut impl VisitLossy) {
    visitor.peer::<ringway::AsItComes>();
    visitor.peer::<ringway::Trusted<ringway::Aligned>>();
    #[cfg(feature = "iceoryx2")]
    visitor.peer::<iceoryx2::Iceoryx2>();
    #[cfg(feature = "ringfire")]
    visitor.peer::<ringfire::Ringfire>();
}

/// What is known of a peer's crate.
#[derive(Clone, Debug, Serialize)]
pub struct Crate {
    /// Its name on crates.io.
    pub name: &'static str,
    /// Whether it was built.
    pub built: bool,
    /// What a reader of the figures should know.
    pub note: &'static str,
}

/// All the crates, built or not.
pub fn crates() -> Vec<Crate> {
    const fn peer(name: &'static str, built: bool, note: &'static str) -> Crate {
        Crate { name, built, note }
    }
    vec![
        peer("iceoryx2", cfg!(feature = "iceoryx2"), "0.10: loaned samples, no overflow where lossless"),
        peer("ringfire", cfg!(feature = "ringfire"), "0.5: BusySpin, LosslessBackpressure where lossless"),
        peer(
            "shaq",
            cfg!(feature = "shaq"),
            "3.0; 4.0 to 5.1.1 fail to build on Rust 1.95 (isolate_highest_one isn't stable there)",
        ),
        peer("disruptor", cfg!(feature = "disruptor"), "4.4: BusySpin, event pollers"),
        peer("rtrb", cfg!(feature = "rtrb"), "0.4: batches are chunks"),
        peer("crossbeam-channel", cfg!(feature = "crossbeam-channel"), "0.5: bounded, polled"),
        peer("ipc-channel", cfg!(feature = "ipc-channel"), "0.23: bytes"),
    ]
}
