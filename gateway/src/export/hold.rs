//! What holds the source's producer back, and until where.

use std::time::Instant;

use anyhow::Result;
use ringway::Monitor;
use ringway::file::FileRing;

use super::Export;
use crate::gate::Gate;
use crate::kept::{self, Kept};
use crate::meta::Sent;
use crate::pace::Pace;
use crate::policy::Policy;

/// What is held, what may be sent, and what was.
pub(super) struct Held {
    pub(super) pace: Pace,
    pub(super) hold: Hold,
    pub(super) sent: Sent,
}

/// What holds the source's producer back.
pub(super) enum Hold {
    /// Nothing.
    None,
    /// A consumer of this process's.
    Own(Box<Gate>),
    /// One of its keeper's.
    Kept(Kept),
}

impl Hold {
    pub(super) fn of(export: &Export, ring: &FileRing, monitor: &Monitor) -> Result<Self> {
        match (export.policy, kept::keeper()) {
            (Policy::Lossy, _) => Ok(Self::None),
            (Policy::Reliable, Some(keeper)) => Ok(Self::Kept(Kept::hold(&export.name, keeper, monitor)?)),
            _ => Ok(Self::Own(Box::new(Gate::close(ring)?))),
        }
    }

    /// Whether the gateway may have another consumer, which wakes it. Its death may go unseen for a lap: the producer asks
    /// the kernel only about consumers that it waits for. Meanwhile it would write what a successor of this gateway has to
    /// hold, so that nothing would be covered.
    pub(super) fn bears_an_alarm(&self, policy: Policy) -> bool {
        match self {
            Self::None => false,
            Self::Own(_) => policy != Policy::Reliable,
            Self::Kept(_) => true,
        }
    }

    /// The first message that is held.
    pub(super) fn first(&self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Own(gate) => Some(gate.held()),
            Self::Kept(kept) => Some(kept.held()),
        }
    }

    pub(super) fn release(&mut self, seq: u64) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Own(gate) => Ok(gate.release(seq)?),
            Self::Kept(kept) => kept.release(seq),
        }
    }
}

impl Held {
    pub(super) fn release(&mut self, head: u64, now: Instant) -> Result<()> {
        self.pace.released(head, now).map_or(Ok(()), |seq| self.hold.release(seq))
    }
}
