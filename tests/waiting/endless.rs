//! Sleeps that don't end by themselves: a reader that sleeps through something is found out, instead of looking
//! again at the end of a slice.

#![allow(unsafe_code, reason = "a function of libc's is replaced")]
#![allow(clippy::disallowed_types, reason = "private to the process")]

use std::sync::atomic::{AtomicI64, Ordering};

/// How far this process's clock is ahead of the kernel's, in seconds.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// From here on, the kernel is told deadlines that lie a day too late: a thread that sleeps through something
/// sleeps until the test's alarm. Differences between times are what they were.
pub fn sleep_without_end() {
    AHEAD.store(86_400, Ordering::Relaxed);
}

/// In the place of libc's, for the standard library and for Ringway: the kernel's clock, and how far this process's
/// is ahead of it.
#[unsafe(no_mangle)]
extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    // SAFETY: the caller's pointer, for the call that it means.
    let outcome = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if outcome == 0 && clock == libc::CLOCK_MONOTONIC {
        // SAFETY: the kernel has just written there.
        unsafe { (*time).tv_sec += AHEAD.load(Ordering::Relaxed) };
    }
    if outcome == 0 { 0 } else { -1 }
}
