//! How a ring stood at one moment, and what changed between two.

use std::time::{Duration, Instant, SystemTime};

use ringway::{AttachError, Monitor, State, Stats};
use serde::Serialize;

/// How often a ring is looked at whose producer comes or goes meanwhile.
const ATTEMPTS: u32 = 10;

/// How a ring stood.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// When it was looked at.
    pub(crate) at: Instant,
    /// The same by the clock.
    pub(crate) time: SystemTime,
    pub(crate) stats: Stats,
    pub(crate) standing: Standing,
}

/// The ring's state, seen together with its producer's lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    NoProducerYet,
    Open,
    /// Open, but no process has the producer's lock: it died, or left without closing the ring.
    ProducerLost,
    Closed,
}

impl Standing {
    pub(crate) const ALL: [Standing; 4] =
        [Standing::NoProducerYet, Standing::Open, Standing::ProducerLost, Standing::Closed];

    /// The word for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Standing::NoProducerYet => "no-producer-yet",
            Standing::Open => "open",
            Standing::ProducerLost => "producer-lost",
            Standing::Closed => "closed",
        }
    }
}

impl Snapshot {
    /// Looks at the ring.
    pub(crate) fn take(monitor: &Monitor) -> Result<Self, AttachError> {
        let mut stats = monitor.stats()?;
        // The state is read before the lock is asked about. Between the two a producer may have closed the ring and
        // freed its lock, or a successor begun. A second look that finds the same tells them from a loss.
        for _ in 0..ATTEMPTS {
            if stats.state != State::Open || stats.producer_alive {
                break;
            }
            let before = std::mem::replace(&mut stats, monitor.stats()?);
            if (before.state, before.epoch, before.producer_alive)
                == (stats.state, stats.epoch, stats.producer_alive)
            {
                break;
            }
        }
        Ok(Self { at: Instant::now(), time: SystemTime::now(), standing: standing(&stats), stats })
    }

    /// What changed since `before`.
    pub(crate) fn since(&self, before: &Self) -> Change {
        Change {
            elapsed: self.at.saturating_duration_since(before.at),
            messages: self.stats.head.checked_sub(before.stats.head),
        }
    }
}

fn standing(stats: &Stats) -> Standing {
    match stats.state {
        State::NoProducerYet => Standing::NoProducerYet,
        State::Closed => Standing::Closed,
        _ if stats.producer_alive => Standing::Open,
        _ => Standing::ProducerLost,
    }
}

/// What happened between two looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) elapsed: Duration,
    /// Number of messages published; `None` if head went back, which only damage does.
    pub(crate) messages: Option<u64>,
}

impl Change {
    /// Messages a second; `None` if no time passed, or head went back.
    pub(crate) fn rate(&self) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        self.messages.filter(|_| seconds > 0.0).map(|messages| messages as f64 / seconds)
    }
}
