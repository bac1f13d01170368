//! The sleeper asks the kernel to fence every registered process, so that publishing and releasing need no fence.
//!
//! # Safety
//!
//! The calls take no address.

#![allow(unsafe_code)]

#[cfg(not(loom))]
const REGISTER_GLOBAL_EXPEDITED: libc::c_int = 1 << 2;
#[cfg(not(loom))]
const GLOBAL_EXPEDITED: libc::c_int = 1 << 1;

/// Has this process take part in others' barriers. Whether it does: not where the kernel doesn't know
/// membarrier, or denies it.
///
/// A placement calls it before it takes a producer's lock: in a process of several threads the first call takes
/// some milliseconds, which are not to be part of a takeover. Further calls take no time, and a forked child is
/// registered as its parent is.
pub fn register() -> bool {
    #[cfg(loom)]
    return true;
    #[cfg(not(loom))]
    call(REGISTER_GLOBAL_EXPEDITED)
}

/// Has all running threads of registered processes, and this one, execute a full fence. Whether they did.
/// (A model's fences stand on the other side.)
pub(crate) fn barrier() -> bool {
    #[cfg(loom)]
    return true;
    #[cfg(not(loom))]
    call(GLOBAL_EXPEDITED)
}

#[cfg(not(loom))]
fn call(command: libc::c_int) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}
