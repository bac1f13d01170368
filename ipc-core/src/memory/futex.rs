//! Sleeping on a word of shared memory, and waking its sleepers.
//!
//! # Safety
//!
//! The kernel gets the address of an atomic that the caller borrows, and reads it as 4 aligned bytes; it writes
//! nothing there. The futexes are shared ones: without `FUTEX_PRIVATE_FLAG` the kernel goes by the page behind
//! the address, which is how processes that map a ring in different places find each other. Only a word of this
//! process's own is a private one.

#![allow(unsafe_code)]

use core::ptr;
use core::time::Duration;

use crate::ordering::sync::{AtomicU32, PrivateU32};

/// How long to sleep where the kernel doesn't know futexes, or may not be asked.
pub(super) const BLIND: Duration = Duration::from_millis(1);

/// Sleeps while `word` is `value`, until somebody wakes it, a signal comes, or `time` has passed. Whether the time was
/// up.
#[cold]
#[inline(never)]
pub(crate) fn wait(word: &AtomicU32, value: u32, time: Duration) -> bool {
    let deadline = deadline(time);
    // SAFETY: see the module's documentation; `deadline` outlives the call.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT_BITSET,
            value,
            &raw const deadline,
            ptr::null::<u32>(),
            u32::MAX,
        )
    };
    if outcome != -1 {
        return false;
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::ETIMEDOUT) => true,
        Some(libc::EAGAIN | libc::EINTR) => false,
        _ => {
            std::thread::sleep(time.min(BLIND));
            false
        }
    }
}

/// Wakes all threads that sleep on `word`. Whether there were any. A failure isn't told: the caller has nothing to do
/// about it.
#[cold]
#[inline(never)]
pub(crate) fn wake_all(word: &AtomicU32) -> bool {
    // SAFETY: see the module's documentation.
    let woken = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, libc::c_int::MAX) };
    woken > 0
}

/// Wakes all threads of this process that sleep on a word of its own.
#[cold]
#[inline(never)]
pub(crate) fn wake_private(word: &PrivateU32) {
    let wake = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: see the module's documentation.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), wake, libc::c_int::MAX) };
}

/// The same from a signal handler, too: `errno` is as before, whatever the kernel says.
#[cold]
#[inline(never)]
pub(crate) fn wake_own(word: &AtomicU32) {
    let wake = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: see the module's documentation; `errno` is this thread's own.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        libc::syscall(libc::SYS_futex, word.as_ptr(), wake, libc::c_int::MAX);
        *errno = before;
    }
}

/// The moment `time` from now on the clock that this futex operation goes by, CLOCK_MONOTONIC. A deadline is
/// not put off by signals, as a duration would be.
pub(super) fn deadline(time: Duration) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the time to `now`.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    // A second more than anybody sleeps here is still far from an overflow.
    let nanoseconds = now.tv_nsec + libc::c_long::from(time.subsec_nanos() as i32);
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    libc::timespec {
        tv_sec: now.tv_sec.saturating_add(seconds).saturating_add(nanoseconds / 1_000_000_000),
        tv_nsec: nanoseconds % 1_000_000_000,
    }
}
