//! How long a call waits: a way to wait, a time, and slices between which an interruption is seen.

use std::time::{Duration, Instant};

use ringway::Wait;

use crate::codes::{
    RINGWAY_WAIT_ADAPTIVE, RINGWAY_WAIT_NONE, RINGWAY_WAIT_PARK, RINGWAY_WAIT_SPIN, RINGWAY_WAIT_YIELD,
};
use crate::error::{Failure, Misuse};
use crate::interrupt::Interrupts;

/// The longest time for which no interruption is looked for.
const SLICE: Duration = Duration::from_millis(20);

/// The same where a slice costs more than a look: what waits for a file tells the kernel anew in each.
pub(crate) const LONG_SLICE: Duration = Duration::from_millis(100);

/// The way to wait that C names; `None` for not at all.
#[inline(always)]
pub(crate) fn way(wait: i32) -> Result<Option<Wait>, Failure> {
    match wait {
        RINGWAY_WAIT_NONE => Ok(None),
        RINGWAY_WAIT_SPIN => Ok(Some(Wait::Spin)),
        RINGWAY_WAIT_YIELD => Ok(Some(Wait::Yield)),
        RINGWAY_WAIT_PARK => Ok(Some(Wait::Park)),
        RINGWAY_WAIT_ADAPTIVE => Ok(Some(Wait::Adaptive)),
        _ => Err(unknown(wait)),
    }
}

/// Whether it is a way to wait, or for not at all.
#[inline(always)]
pub(crate) fn is_way(wait: i32) -> bool {
    const { assert!(RINGWAY_WAIT_NONE == 0 && RINGWAY_WAIT_ADAPTIVE == 4) };
    (0..=4).contains(&wait)
}

#[cold]
fn unknown(wait: i32) -> Failure {
    Misuse::Constant { what: "wait", found: wait.into(), expected: "RINGWAY_WAIT_…" }.into()
}

/// A time of C's: negative is without end.
pub(crate) fn time(timeout_ns: i64) -> Option<Duration> {
    u64::try_from(timeout_ns).ok().map(Duration::from_nanos)
}

/// Tries for slice after slice until `attempt` gives something, or the time is up: then `None`.
///
/// `attempt` waits for the time that it is given, and gives `None` if that was in vain.
pub(crate) fn in_slices<R>(
    timeout_ns: i64,
    interrupts: &Interrupts,
    attempt: impl FnMut(Duration) -> Result<Option<R>, Failure>,
) -> Result<Option<R>, Failure> {
    in_slices_of(SLICE, timeout_ns, interrupts, attempt)
}

/// The same in slices of `longest`.
pub(crate) fn in_slices_of<R>(
    longest: Duration,
    timeout_ns: i64,
    interrupts: &Interrupts,
    mut attempt: impl FnMut(Duration) -> Result<Option<R>, Failure>,
) -> Result<Option<R>, Failure> {
    let limit = time(timeout_ns);
    let mut slice = limit.map_or(longest, |limit| limit.min(longest));
    // The clock is read once the first slice has passed: most waits are shorter.
    let mut end = None;
    loop {
        if interrupts.take() {
            return Err(Misuse::Interrupted.into());
        }
        if let Some(found) = attempt(slice)? {
            return Ok(Some(found));
        }
        let Some(limit) = limit else { continue };
        let now = Instant::now();
        // A time that no clock shows is without end.
        let end = end.get_or_insert_with(|| now.checked_add(limit.saturating_sub(slice)));
        let Some(end) = *end else { continue };
        if now >= end {
            return Ok(None);
        }
        slice = longest.min(end - now);
    }
}
