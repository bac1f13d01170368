//! System calls that are tried, to see whether a filter denies them.
//!
//! # Safety
//! The calls get no address, or that of a word of this function's own that nobody waits on, or a count of 0, with which
//! the kernel refuses the call before it reads anything.

#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::libc;

use super::facts::Answer;

/// The commands that membarrier offers, as bits.
pub(super) fn membarrier() -> Result<u64, Errno> {
    // SAFETY: MEMBARRIER_CMD_QUERY takes no address.
    Errno::result(unsafe { libc::syscall(libc::SYS_membarrier, 0, 0, 0) }).map(|bits| bits as u64)
}

/// Whether shared futexes can be used.
pub(super) fn futex() -> Answer {
    let word = 0_u32;
    // SAFETY: FUTEX_WAKE reads nothing at the address, which lives until the call returns.
    answer(Errno::result(unsafe { libc::syscall(libc::SYS_futex, &raw const word, libc::FUTEX_WAKE, 1) }))
}

/// Whether several futexes can be waited for at once.
pub(super) fn futex_waitv() -> Answer {
    // SAFETY: with no futexes the kernel refuses the call (`EINVAL`).
    answer(Errno::result(unsafe { libc::syscall(libc::SYS_futex_waitv, 0, 0, 0, 0, 0) }))
}

/// Whether a process can be watched by a descriptor.
pub(super) fn pidfd_open() -> Answer {
    // SAFETY: there is no process 0, so no descriptor is made (`EINVAL`).
    answer(Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, 0, 0) }))
}

pub(super) fn answer<T>(found: Result<T, Errno>) -> Answer {
    match found {
        Err(Errno::ENOSYS) => Answer::Unknown,
        Err(Errno::EPERM | Errno::EACCES) => Answer::Denied,
        // Refused for what was asked for, so the call is there.
        _ => Answer::Works,
    }
}
