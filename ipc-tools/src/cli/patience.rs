//! How a command waits that can't go on.
//!
//! A wait is sliced, so that a signal or a closed stdout is noticed soon. A wait that sleeps in its slices takes no
//! processor time. One that yields polls for the first second: what comes then is met within microseconds. After that
//! the command sleeps between single polls. That takes a hundredth of a core instead of a whole one, and meets what
//! ends the silence up to a millisecond late.

use std::time::{Duration, Instant};

use ringway::Wait;

/// How long a silence is met with polling.
const EAGER: Duration = Duration::from_secs(1);
/// Length of a slice.
const SLICE: Duration = Duration::from_millis(50);
/// A slice that polls a few times and asks whether the peer lives.
const GLANCE: Duration = Duration::from_nanos(1);
/// Pause between two glances.
const NAP: Duration = Duration::from_millis(1);

/// How the current silence is being passed.
pub(super) struct Patience {
    wait: Wait,
    since: Option<Instant>,
    weary: bool,
}

impl Patience {
    /// A user that chose to spin asked for a whole core, and gets no naps.
    pub(super) fn new(wait: Wait) -> Self {
        Self { wait, since: None, weary: false }
    }

    /// How the next blocking call waits, and for how long at most.
    pub(super) fn slice(&self) -> (Wait, Duration) {
        (self.wait, if self.weary { GLANCE } else { SLICE })
    }

    /// Something came: the next silence is a new one. Returns whether there was a silence.
    pub(super) fn reset(&mut self) -> bool {
        self.weary = false;
        self.since.take().is_some()
    }

    /// Takes note that `slice` came to nothing. Returns how long the silence has lasted, and how long to nap
    /// before the next slice.
    pub(super) fn nothing_for(&mut self, slice: Duration) -> (Duration, Duration) {
        let now = Instant::now();
        let waited = now.duration_since(*self.since.get_or_insert(now)) + slice;
        self.weary = self.wait == Wait::Yield && waited >= EAGER;
        (waited, if self.weary { NAP } else { Duration::ZERO })
    }
}
