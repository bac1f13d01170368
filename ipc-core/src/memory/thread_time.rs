//! The processor time of the calling thread.
//!
//! # Safety
//!
//! The kernel writes the time to a variable of this function's own.

#![allow(unsafe_code)]

use core::time::Duration;

/// The calling thread's processor time so far; `None` where the kernel denies the question. A model takes no time.
#[cold]
#[inline(never)]
pub(crate) fn thread_time() -> Option<Duration> {
    if cfg!(loom) {
        return None;
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the time to `time`.
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
    (outcome == 0).then(|| Duration::new(seconds, nanoseconds))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_polls_takes_processor_time() {
        let before = thread_time().expect("a clock of the thread");
        while thread_time().expect("a clock of the thread") == before {}
        assert!(thread_time().expect("a clock of the thread") > before);
    }
}
