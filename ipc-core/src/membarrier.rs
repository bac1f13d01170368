//! The sleeper asks the kernel to fence every registered process, so that publishing and releasing need no fence.
//!
//! # Safety
//!
//! The calls take no address.

#![allow(unsafe_code)]

use crate::region::{Region, Role};

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

impl<R: Role> Region<R> {
    /// Says whether this role may register its process for membarrier; at first it may.
    ///
    /// A process is registered until it ends, and then any process can slow it down. Where it may not be, its
    /// producers are [`Fenced`](crate::WakeMode::Fenced), and an `Asymmetric` producer elsewhere that waits for its
    /// consumers looks again every millisecond.
    #[must_use]
    pub fn with_membarrier(self, yes: bool) -> Self {
        Self { membarrier: yes, ..self }
    }

    /// Has this process take part in others' barriers, if this role may do that. Whether it does.
    pub(crate) fn register(&self) -> bool {
        self.membarrier && register()
    }
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
