//! The options of an export.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::pace::MAX_SINKS;
use crate::policy::Policy;

/// A ring that is exported.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Export {
    /// Path of the ring.
    pub ring: PathBuf,
    /// The name under which it is mirrored.
    pub name: String,
    /// How it is mirrored.
    #[serde(default)]
    pub policy: Policy,
    /// Most messages beyond the slowest ack; `None`: a quarter of the ring's slots.
    pub window: Option<u64>,
    /// Most bytes beyond the slowest ack; `None`: this ring's share of [`in_flight`].
    pub in_flight: Option<u64>,
    /// Number of sinks without which `reliable` releases nothing.
    #[serde(default = "one")]
    pub sinks: usize,
    /// Silence after which a sink is forgotten.
    #[serde(default, deserialize_with = "crate::config::some_duration")]
    pub forget_after: Option<Duration>,
}

/// What the sources of a process have in flight if they aren't told: less than what fits Zenoh's queue to one peer. A source
/// that found it full would wait for the slowest link, and its other sinks with it.
pub fn in_flight() -> u64 {
    768 * 1024
}

/// The shortest silence after which a sink may be forgotten. A living one acks four times meanwhile.
const SHORTEST_MEMORY: Duration = Duration::from_secs(1);

impl Export {
    /// Checks what doesn't depend on the ring.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { window, in_flight, sinks, forget_after, .. } = self;
        ensure!((1..=MAX_SINKS).contains(sinks), "{sinks} sinks, expected 1 to {MAX_SINKS}: correct `sinks`");
        for (key, value) in [("window", window), ("in-flight", in_flight)] {
            ensure!(*value != Some(0), "{key} of 0, expected at least 1: correct it, or leave it out");
        }
        if let Some(after) = forget_after {
            ensure!(
                *after >= SHORTEST_MEMORY,
                "forget-after of {after:?}, expected at least {SHORTEST_MEMORY:?}: living sinks would be forgotten"
            );
        }
        Ok(())
    }
}

fn one() -> usize {
    1
}
