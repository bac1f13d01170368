//! How much of everything `reliable` does: little, unless the environment says more.
//!
//! All that has to be shown once takes about a quarter of an hour:
//!
//! ```text
//! RINGWAY_LINK_MESSAGES=10000000 RINGWAY_LINK_KILLS=20 RINGWAY_LINK_STOP_MS=7000 RINGWAY_LINK_CUTS=10 \
//!   RINGWAY_LINK_CUT_MS=10000 RINGWAY_LINK_SUCCESSIONS=5 cargo test --test link reliable
//! ```

use std::time::Duration;

/// What happens during a run.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Messages published.
    pub messages: u64,
    /// Kills of each gateway.
    pub kills: usize,
    /// How long each gateway is stopped.
    pub stop: Duration,
    /// Cuts of the link.
    pub cuts: usize,
    /// How long the link is cut.
    pub cut: Duration,
    /// Kills of the producer.
    pub successions: usize,
}

impl Scale {
    /// What the environment says.
    pub fn of_environment() -> Self {
        let number = |name: &str, default: u64| match std::env::var(format!("RINGWAY_LINK_{name}")) {
            Ok(value) => {
                value.parse().unwrap_or_else(|_| panic!("RINGWAY_LINK_{name} is no number: {value}"))
            }
            Err(_) => default,
        };
        Self {
            messages: number("MESSAGES", 100_000),
            kills: number("KILLS", 3) as usize,
            stop: Duration::from_millis(number("STOP_MS", 1000)),
            cuts: number("CUTS", 2) as usize,
            cut: Duration::from_millis(number("CUT_MS", 1000)),
            successions: number("SUCCESSIONS", 1) as usize,
        }
    }
}
