//! Ways to wait, and what a handle has learnt of its waits.

use core::time::Duration;

use crate::memory::thread_time::thread_time;
use crate::protocol::poll_budget::PollBudget;

/// How a call that can't go on waits.
///
/// # Examples
/// ```
/// use ringway::{Config, Ring, Start, Wait};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// let mut consumer = ring.consumer(Start::Latest)?;
/// assert_eq!(consumer.wait(), Wait::Park);
/// consumer.set_wait(Wait::Spin); // the shortest latency, at the price of a processor core
/// # Ok(())
/// # }
/// ```
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
    /// As [`Park`](Self::Park), but polls for this long: see [`park_after`](Self::park_after).
    ParkAfter(Duration),
    /// As [`Park`](Self::Park), but polls for as long as pays: the handle learns from its waits.
    ///
    /// Where messages come at a quick pace, it polls until they are there, up to twice as long as a sleep costs. Where
    /// they come seldom it sleeps at once. It follows a change of pace within a few waits. Whatever the pace,
    /// polling and sleeping together take little more than twice the processor time of the better of the two.
    Adaptive,
}

impl Wait {
    /// Polls for `time`, then sleeps until the other side wakes it. [`Duration::ZERO`] sleeps at once, after a first
    /// look of about a microsecond.
    ///
    /// # Examples
    /// ```
    /// use core::time::Duration;
    /// use ringway::{Config, Ring, Start, Wait};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// let mut consumer = ring.consumer(Start::Latest)?;
    /// // Messages come each 10 microseconds: none is slept for.
    /// consumer.set_wait(Wait::park_after(Duration::from_micros(20)));
    /// assert_eq!(consumer.wait(), Wait::ParkAfter(Duration::from_micros(20)));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn park_after(time: Duration) -> Self {
        Wait::ParkAfter(time)
    }

    /// How often a call reads the clock, in polls: reading it takes longer than a poll.
    pub(crate) fn polls_per_clock(self) -> u32 {
        match self {
            _ if cfg!(loom) => 1,
            // These polls have a limit that the caller chose, or cost what is to be known.
            Wait::ParkAfter(_) | Wait::Adaptive => 16,
            Wait::Spin | Wait::Yield | Wait::Park => 64,
        }
    }
}

/// For how long a call that [parks](Wait::Park) polls, from its first look at the clock on: about as long as to fall
/// asleep and be woken takes.
const SPIN_BEFORE_SLEEP: Duration = Duration::from_micros(5);

/// How the calls of one handle wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WaitPolicy {
    wait: Wait,
    /// Changed by adaptive waits alone.
    budget: PollBudget,
}

impl From<Wait> for WaitPolicy {
    fn from(wait: Wait) -> Self {
        Self { wait, ..Self::default() }
    }
}

impl WaitPolicy {
    pub(crate) fn set(&mut self, wait: Wait) {
        self.wait = wait;
    }

    pub(crate) fn wait(&self) -> Wait {
        self.wait
    }

    /// For how long the next wait polls before it sleeps; `None` if it never sleeps.
    pub(crate) fn polls_for(&self) -> Option<Duration> {
        let time = match self.wait {
            Wait::Spin | Wait::Yield => return None,
            Wait::Park => SPIN_BEFORE_SLEEP,
            Wait::ParkAfter(time) => time,
            Wait::Adaptive => self.budget.time(),
        };
        // A modelled call polls once.
        Some(if cfg!(loom) { Duration::ZERO } else { time })
    }

    /// A sleep that would be shorter than this isn't worth its price.
    pub(crate) fn shortest_sleep(&self) -> Duration {
        if self.wait == Wait::Adaptive && !cfg!(loom) { self.budget.price() } else { Duration::ZERO }
    }

    /// A wait has ended after `waited`: what it waited for `came`, or its time was up. Whether it `slept`.
    pub(crate) fn ended(&mut self, waited: Duration, slept: bool, came: bool) {
        // A time that was up tells of a long wait, or of nothing.
        if self.wait == Wait::Adaptive && (came || waited >= 2 * self.budget.price()) {
            self.budget.ended(waited, slept);
        }
    }

    /// Calls `sleep`, and notes now and then what that took of this thread's processor time.
    pub(crate) fn sleep<R>(&mut self, sleep: impl FnOnce() -> R) -> R {
        if self.wait == Wait::Adaptive && self.budget.is_due() {
            let before = thread_time();
            let slept = sleep();
            if let (Some(before), Some(after)) = (before, thread_time()) {
                self.budget.measured(after.saturating_sub(before));
            }
            return slept;
        }
        sleep()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_policy_polls_for_its_time() {
        let polls_for = |wait| WaitPolicy::from(wait).polls_for();
        assert_eq!(polls_for(Wait::Spin), None);
        assert_eq!(polls_for(Wait::Yield), None);
        assert_eq!(polls_for(Wait::Park), Some(Duration::from_micros(5)));
        assert_eq!(polls_for(Wait::park_after(Duration::ZERO)), Some(Duration::ZERO));
        assert_eq!(polls_for(Wait::park_after(Duration::MAX)), Some(Duration::MAX));
        assert!(polls_for(Wait::Adaptive).is_some_and(|time| time > Duration::ZERO));
    }

    #[test]
    fn only_an_adaptive_policy_learns_and_only_from_waits_that_tell_something() {
        let mut adaptive = WaitPolicy::from(Wait::Adaptive);
        let (first, long) = (adaptive.polls_for(), Duration::from_secs(1));
        // How long these would have been isn't known.
        (0..10).for_each(|_| adaptive.ended(Duration::from_nanos(1), true, false));
        assert_eq!(adaptive.polls_for(), first);
        (0..10).for_each(|_| adaptive.ended(long, true, false));
        assert_eq!(adaptive.polls_for(), Some(Duration::ZERO));
        let mut fixed = WaitPolicy::from(Wait::Park);
        (0..10).for_each(|_| fixed.ended(long, true, true));
        assert_eq!(fixed.polls_for(), Some(SPIN_BEFORE_SLEEP));
        fixed.set(Wait::Adaptive);
        assert_eq!(fixed.polls_for(), first);
    }

    #[test]
    fn the_price_of_a_sleep_is_measured_where_the_policy_learns() {
        let mut adaptive = WaitPolicy::from(Wait::Adaptive);
        let price = adaptive.shortest_sleep();
        // A "sleep" that takes the most that is measured, and more, of this thread's time.
        let busy = || {
            let enough = thread_time().unwrap_or_default() + Duration::from_micros(100);
            while thread_time().is_some_and(|time| time < enough) {}
        };
        adaptive.sleep(busy);
        adaptive.ended(Duration::ZERO, true, true);
        assert!(adaptive.shortest_sleep() > price);
        let mut park = WaitPolicy::from(Wait::Park);
        park.sleep(busy);
        assert_eq!(park.shortest_sleep(), Duration::ZERO);
    }
}
