//! What is measured, one file for each kind of work.

pub mod asleep;
pub mod broadcast;
pub mod bursts;
pub mod cold_start;
pub mod crowd;
pub mod fan_out;
pub mod footprint;
pub mod lossy;
pub mod nearly_full;
pub mod parked;
pub mod round_trip;
pub mod throughput;
pub mod wakes;
pub mod waking_cost;

use std::time::Duration;

/// Messages in a batch.
pub const BATCH: usize = 64;

/// How many operations fit into `time`, judged by how long some took; between `least` and `most`.
pub fn as_many_as_fit(time: Duration, took: Duration, of: u64, least: u64, most: u64) -> u64 {
    let each = took.as_secs_f64().max(1e-9) / of as f64;
    ((time.as_secs_f64() / each) as u64).clamp(least, most)
}
