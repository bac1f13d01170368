//! How a blocked call passes its time.

use core::time::Duration;
use std::time::Instant;

use crossbeam_utils::Backoff;

use crate::format::error::RecvError;
use crate::protocol::message::Outcome;

/// How a call that can't go on waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Wait {
    /// Polls without a pause: the shortest latency, at the price of a processor core.
    Spin,
    /// Polls a few times, then lets other threads run between polls.
    Yield,
    /// Polls for a few microseconds, then sleeps until the other side wakes it: takes no processor time while
    /// nothing happens. An observer, which can't ask to be woken, looks again every millisecond.
    #[default]
    Park,
}

/// How often the clock is read, in polls: reading it takes longer than a poll.
const POLLS_PER_CLOCK: u32 = if cfg!(loom) { 1 } else { 64 };
/// How long a blocked call waits between its questions to the kernel whether its peer lives.
const LIVENESS_SLICE: Duration = Duration::from_millis(10);
/// For how long a call that may sleep polls, from its first look at the clock on: about as long as to fall asleep
/// and be woken takes.
const SPIN_BEFORE_SLEEP: Duration = Duration::from_micros(if cfg!(loom) { 0 } else { 5 });

/// What a blocked call does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pause {
    /// Poll again.
    Again,
    /// Sleep for so long at most, then poll again.
    Sleep(Duration),
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
    /// Whether the call has polled for long enough, and sleeps from now on.
    sleeps: bool,
    /// When the wait began and when the peer's life was last asked for; set at the first look at the clock,
    /// some polls into the wait, so that a short wait never reads it.
    times: Option<(Instant, Instant)>,
}

impl Waiter {
    pub(crate) fn new(wait: Wait, timeout: Duration) -> Self {
        Self { wait, timeout, backoff: Backoff::new(), polls: 0, sleeps: false, times: None }
    }

    /// Passes a moment.
    pub(crate) fn pause(&mut self) -> Pause {
        if self.timeout.is_zero() {
            return Pause::TimedOut;
        }
        self.polls = self.polls.wrapping_add(1);
        // Who yields or sleeps reads the clock at each turn: that costs nothing beside the turn.
        let look = self.polls.is_multiple_of(POLLS_PER_CLOCK)
            || self.sleeps
            || (self.wait == Wait::Yield && self.backoff.is_completed());
        if look {
            let now = Instant::now();
            let (began, asked) = self.times.get_or_insert((now, now));
            let waited = now.duration_since(*began);
            if waited >= self.timeout {
                return Pause::TimedOut;
            }
            if now.duration_since(*asked) >= LIVENESS_SLICE {
                *asked = now;
                return Pause::CheckLiveness;
            }
            if self.wait == Wait::Park && waited >= SPIN_BEFORE_SLEEP {
                self.sleeps = true;
                return Pause::Sleep(self.timeout - waited);
            }
        }
        match self.wait {
            Wait::Spin | Wait::Park => core::hint::spin_loop(),
            Wait::Yield => self.backoff.snooze(),
        }
        Pause::Again
    }
}

/// A reader, as far as waiting is concerned.
pub(crate) trait Reader {
    /// What it gets.
    type Got;

    /// Looks whether something has come.
    fn poll(&mut self) -> Result<Outcome<Self::Got>, RecvError>;

    /// Asks the kernel whether the producer lives.
    fn ask(&mut self) -> Result<Option<Outcome<()>>, RecvError>;

    /// Sleeps for `time` at most, unless something has come.
    fn sleep(&mut self, time: Duration) -> Result<Outcome<Self::Got>, RecvError>;
}

/// Has `reader` wait until something comes or the time is up.
pub(crate) fn block<R: Reader>(
    reader: &mut R,
    wait: Wait,
    timeout: Duration,
) -> Result<Outcome<R::Got>, RecvError> {
    let first = reader.poll()?;
    if !matches!(first, Outcome::Empty) || timeout.is_zero() {
        return Ok(first);
    }
    let mut waiter = Waiter::new(wait, timeout);
    loop {
        let pause = waiter.pause();
        match pause {
            Pause::Again => {}
            Pause::Sleep(time) => {
                let found = reader.sleep(time)?;
                // A modelled sleeper makes no further step.
                if cfg!(loom) || !matches!(found, Outcome::Empty) {
                    return Ok(found);
                }
            }
            Pause::CheckLiveness | Pause::TimedOut => {
                if let Some(event) = reader.ask()? {
                    return Ok(event.without_message());
                }
            }
        }
        match reader.poll()? {
            Outcome::Empty if pause != Pause::TimedOut => {}
            other => return Ok(other),
        }
    }
}
