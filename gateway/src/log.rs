//! What a gateway writes to its standard error.

use std::io::Write;
use std::time::{Duration, Instant};

/// Most lines at once.
const BURST: u32 = 10;
/// Time after which one more line is admitted.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes a line. A line that can't be written is left out: a broken standard error must not end the gateway.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Rations the lines about peers, so that no peer fills a log.
#[derive(Debug)]
pub struct Sparing {
    left: u32,
    since: Instant,
    left_out: u64,
}

impl Sparing {
    /// Starts with a full ration at `now`.
    pub fn new(now: Instant) -> Self {
        Self { left: BURST, since: now, left_out: 0 }
    }

    /// The text to write for a line, or `None` if the ration is used up. A later line says how many were left out.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let now = Instant::now();
    /// let mut log = ringway_gateway::log::Sparing::new(now);
    /// assert_eq!((0..50).filter_map(|_| log.admit(now, "a sink came")).count(), 10);
    /// let later = log.admit(now + Duration::from_secs(1), "a sink came");
    /// assert_eq!(later.as_deref(), Some("a sink came (40 such lines were left out)"));
    /// ```
    pub fn admit(&mut self, now: Instant, text: &str) -> Option<String> {
        let gained = now.saturating_duration_since(self.since).as_secs() / PAUSE.as_secs();
        if gained > 0 {
            self.left = self.left.saturating_add(gained.min(u64::from(BURST)) as u32).min(BURST);
            self.since = now;
        }
        if self.left == 0 {
            self.left_out += 1;
            return None;
        }
        self.left -= 1;
        Some(match std::mem::take(&mut self.left_out) {
            0 => text.into(),
            left_out => format!("{text} ({left_out} such lines were left out)"),
        })
    }

    /// Writes a line if the ration admits it.
    pub fn line(&mut self, now: Instant, text: &str) {
        if let Some(text) = self.admit(now, text) {
            line(&text);
        }
    }
}
