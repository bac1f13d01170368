//! What is said of a ring that is to be exported.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

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
    /// Most messages beyond the slowest ack; a quarter of the ring's slots if it isn't said.
    pub window: Option<u64>,
    /// Most bytes beyond the slowest ack.
    #[serde(default = "in_flight")]
    pub in_flight: u64,
    /// Number of sinks without which `reliable` releases nothing.
    #[serde(default = "one")]
    pub sinks: usize,
    /// After which silence a sink is forgotten.
    #[serde(default, deserialize_with = "crate::config::some_duration")]
    pub forget_after: Option<Duration>,
}

/// What a source has in flight if it isn't told: less than what fits Zenoh's queue.
pub fn in_flight() -> u64 {
    768 * 1024
}

fn one() -> usize {
    1
}
