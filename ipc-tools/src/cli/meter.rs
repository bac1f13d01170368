//! How fast a stream goes, on a terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::summary::Tally;

/// How often the line changes.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// A line on stderr with messages and bytes a second.
pub(super) struct Meter {
    line: ProgressBar,
    since: Instant,
    messages: u64,
    bytes: u64,
}

impl Meter {
    /// A meter if stderr is a terminal, and nothing else fills it.
    pub(super) fn new(wanted: bool) -> Option<Self> {
        (wanted && std::io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{wide_msg}");
            let target = ProgressDrawTarget::stderr_with_hz(4);
            let line = ProgressBar::with_draw_target(None, target)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
                .with_finish(ProgressFinish::AndClear);
            Self { line, since: Instant::now(), messages: 0, bytes: 0 }
        })
    }

    /// Shows how fast it went since the last time, if it is time again.
    pub(super) fn tick(&mut self, tally: &Tally) {
        let passed = self.since.elapsed();
        if passed < TICK {
            return;
        }
        let per_second = |n: u64| (n as f64 / passed.as_secs_f64()) as u64;
        let messages = HumanCount(per_second(tally.messages - self.messages));
        let bytes = HumanBytes(per_second(tally.bytes - self.bytes));
        let all = (HumanCount(tally.messages), HumanBytes(tally.bytes));
        self.line
            .set_message(format!("{messages} messages/s, {bytes}/s; {} messages, {} so far", all.0, all.1));
        self.line.tick();
        (self.since, self.messages, self.bytes) = (Instant::now(), tally.messages, tally.bytes);
    }

    /// Runs `write` with the line out of its way.
    pub(super) fn aside(&self, write: impl FnOnce()) {
        self.line.suspend(write);
    }
}
