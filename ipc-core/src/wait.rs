//! How a blocked call passes its time.

use core::time::Duration;
use std::time::Instant;

use crossbeam_utils::Backoff;

use crate::error::RecvError;
use crate::message::Outcome;

/// How a call that can't go on waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Wait {
    /// Polls without a pause: the shortest latency, at the price of a processor core.
    Spin,
    /// Polls a few times, then lets other threads run between polls.
    #[default]
    Yield,
}

/// How often the clock is read, in polls: reading it takes longer than a poll.
const POLLS_PER_CLOCK: u32 = if cfg!(loom) { 1 } else { 64 };
/// How long a blocked call waits between its questions to the kernel whether its peer lives.
const LIVENESS_SLICE: Duration = Duration::from_millis(10);

/// What a blocked call does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pause {
    /// Poll again.
    Again,
    /// Ask whether the peer lives, then poll again.
    CheckLiveness,
    /// Give up.
    TimedOut,
}

/// One blocked call.
pub(crate) struct Waiter {
    wait: Wait,
    timeout: Duration,
    backoff: Backoff,
    polls: u32,
    /// When the wait began and when the peer's life was last asked for; set at the first look at the clock,
    /// some polls into the wait, so that a short wait never reads it.
    times: Option<(Instant, Instant)>,
}

impl Waiter {
    pub(crate) fn new(wait: Wait, timeout: Duration) -> Self {
        Self { wait, timeout, backoff: Backoff::new(), polls: 0, times: None }
    }

    /// Passes a moment.
    pub(crate) fn pause(&mut self) -> Pause {
        if self.timeout.is_zero() {
            return Pause::TimedOut;
        }
        self.polls = self.polls.wrapping_add(1);
        // A yielding wait reads the clock at each turn once it yields: that costs nothing beside the yield.
        let look = self.polls.is_multiple_of(POLLS_PER_CLOCK)
            || (self.wait == Wait::Yield && self.backoff.is_completed());
        if look {
            let now = Instant::now();
            let (began, asked) = self.times.get_or_insert((now, now));
            if now.duration_since(*began) >= self.timeout {
                return Pause::TimedOut;
            }
            if now.duration_since(*asked) >= LIVENESS_SLICE {
                *asked = now;
                return Pause::CheckLiveness;
            }
        }
        match self.wait {
            Wait::Spin => core::hint::spin_loop(),
            Wait::Yield => self.backoff.snooze(),
        }
        Pause::Again
    }
}

/// Repeats `attempt` until it comes to something or the time is up. Its argument says whether to ask first
/// if the peer lives.
pub(crate) fn block<M>(
    wait: Wait,
    timeout: Duration,
    mut attempt: impl FnMut(bool) -> Result<Outcome<M>, RecvError>,
) -> Result<Outcome<M>, RecvError> {
    let first = attempt(false)?;
    if !matches!(first, Outcome::Empty) || timeout.is_zero() {
        return Ok(first);
    }
    let mut waiter = Waiter::new(wait, timeout);
    loop {
        let pause = waiter.pause();
        match attempt(pause != Pause::Again)? {
            Outcome::Empty if pause != Pause::TimedOut => {}
            other => return Ok(other),
        }
    }
}
