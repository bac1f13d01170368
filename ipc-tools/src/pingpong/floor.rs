//! Waiting at a bare cache line, as the rings' calls wait.

use std::time::Instant;

use crossbeam_utils::Backoff;

use crate::floor::lines::Line;
use crate::options::WaitChoice;
use crate::partner::SLICE;

/// How often the clock is read, in polls. The rings' own waits are made the same way.
const POLLS_PER_CLOCK: u32 = 64;

/// Waits for `number` to come to `line`. After each [`SLICE`] without it `check` says whether to go on; its argument is
/// the number of slices.
#[inline(always)]
pub(crate) fn wait_for(
    line: Line,
    number: u64,
    wait: WaitChoice,
    mut check: impl FnMut(u32) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let backoff = Backoff::new();
    let (mut polls, mut slices, mut since) = (0_u32, 0, None);
    while !line.holds(number) {
        polls = polls.wrapping_add(1);
        if polls.is_multiple_of(POLLS_PER_CLOCK) || backoff.is_completed() {
            let now = Instant::now();
            let since = since.get_or_insert(now);
            if now.duration_since(*since) >= SLICE {
                *since = now;
                slices += 1;
                check(slices)?;
            }
        }
        match wait {
            WaitChoice::Spin => core::hint::spin_loop(),
            // The floor is as fast as it gets: it never sleeps.
            _ => backoff.snooze(),
        }
    }
    Ok(())
}
