//! The scale of the `reliable` tests: small unless the environment says otherwise.
//!
//! The full scale takes about a quarter of an hour:
//!
//! ```text
//! RINGWAY_LINK_FULL=1 cargo test --release --test link reliable -- --nocapture
//! ```
//!
//! `RINGWAY_LINK_MESSAGES`, `_KILLS`, `_STOP_MS`, `_CUTS`, `_CUT_MS` and `_SUCCESSIONS` set one number each.

use std::time::Duration;

/// Longer than every time-out of a gateway: a connection is given up meanwhile. One stop and one hole last so long at any
/// scale.
pub const LONG: Duration = Duration::from_secs(6);

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
    /// Reads the scale from the environment.
    pub fn of_environment() -> Self {
        let is_full = std::env::var_os("RINGWAY_LINK_FULL").is_some();
        let number = |name: &str, little: u64, full: u64| {
            let Ok(value) = std::env::var(format!("RINGWAY_LINK_{name}")) else {
                return if is_full { full } else { little };
            };
            value.parse().unwrap_or_else(|_| panic!("RINGWAY_LINK_{name} is no number: {value}"))
        };
        Self {
            messages: number("MESSAGES", 100_000, 10_000_000),
            kills: number("KILLS", 3, 20) as usize,
            stop: Duration::from_millis(number("STOP_MS", 1000, 7000)),
            cuts: number("CUTS", 2, 10) as usize,
            cut: Duration::from_millis(number("CUT_MS", 1000, 10_000)),
            successions: number("SUCCESSIONS", 1, 5) as usize,
        }
    }
}
