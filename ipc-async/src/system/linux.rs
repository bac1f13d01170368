//! What the sleeper asks of the system: sleeps, wakes, and threads that no signal finds.
//!
//! # Safety
//! The kernel gets the address of an atomic that the caller borrows, to find its sleepers by; it reads and writes
//! nothing there. A signal mask is written to memory that the caller owns. A new mapping touches nothing that exists.

#![allow(unsafe_code)]

use core::mem::MaybeUninit;
use core::ptr;
use core::time::Duration;
use std::io;
use std::sync::mpsc;
use std::thread::Builder;

use ringway_core::{SleepTicket, Slept, sleep_any};

use crate::system::kernel::{Kernel, Ticket};
use crate::system::sync::AtomicU32;

impl Ticket for SleepTicket {
    fn control(word: &AtomicU32, value: u32) -> Self {
        SleepTicket::private(word, value)
    }

    fn is(&self, other: &Self) -> bool {
        self.address() == other.address() && self.value() == other.value()
    }

    fn rung(&self) -> Self {
        self.with_value(self.value().wrapping_add(1))
    }

    fn longest(&self) -> Duration {
        SleepTicket::longest(self)
    }
}

/// The kernel that this process runs on.
pub(crate) struct Linux;

impl Kernel for Linux {
    type Ticket = SleepTicket;

    fn sleep(&self, tickets: &[SleepTicket], limit: Duration) -> Slept {
        sleep_any(tickets, limit)
    }

    fn wake(&self, word: &AtomicU32) {
        // SAFETY: see the module's documentation.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                ptr::from_ref(word),
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                1,
            )
        };
    }
}

/// A zeroed `T` that the kernel zeroes again in every forked child, and that is never unmapped. `None` if there is no
/// memory, or the kernel is older than Linux 4.14, which no ring's handle is made on.
pub(crate) fn wiped_in_children<T>() -> Option<*mut T> {
    let (length, access) = (size_of::<T>(), libc::PROT_READ | libc::PROT_WRITE);
    let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: see the module's documentation.
    let page = unsafe { libc::mmap(ptr::null_mut(), length, access, private, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the page is this function's own.
    if unsafe { libc::madvise(page, length, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: as above, and nothing points to it.
        unsafe { libc::munmap(page, length) };
        return None;
    }
    Some(page.cast())
}

/// Starts a thread that blocks all signals: a program that takes them by `signalfd` or `sigwait` has them blocked in
/// all of its own threads, and counts on that.
pub(crate) fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: fills the set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: `all` was filled; the mask so far is written to `before`. The call fails only for
    // an unknown first argument.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    let started = Builder::new().name(name.into()).spawn(run);
    // SAFETY: the call above has written `before`.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    started.map(drop)
}

/// Starts a thread that works on a value, which stays. Where none can be started, nothing is left behind: a
/// task asks again and again.
pub(crate) fn start_with<T: Sync>(
    new: impl FnOnce() -> &'static T,
    work: impl FnOnce(&'static T) + Send + 'static,
) -> Option<&'static T> {
    let (send, receive) = mpsc::sync_channel::<&'static T>(1);
    let run = move || receive.recv().map_or((), work);
    start("ringway-sleeper", run).ok()?;
    let value = new();
    send.send(value).ok()?;
    Some(value)
}
