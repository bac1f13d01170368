//! A descriptor that is readable while its reader may have something: what event loops wait for.
//!
//! It is an eventfd of this process, written by the library's sleeper thread. It is readable at first. An answer that
//! nothing is there clears it, and has the thread write it again once there may be something.
//!
//! # Safety
//! The descriptor is one that `eventfd` has just returned, and belongs to nobody else.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use ringway::Waitable;
use ringway::aio::Registration;

use crate::fork;

/// An eventfd.
struct Signal(File);

impl Signal {
    fn raise(&self) {
        // It fails only where the count is at its end, and the descriptor readable.
        let _ = (&self.0).write(&1_u64.to_ne_bytes());
    }

    fn clear(&self) {
        // It fails where the descriptor isn't readable.
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.raise();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raise();
    }
}

/// What a reader has an event loop told by.
pub struct Notify {
    signal: Arc<Signal>,
    waker: Waker,
    registration: Registration,
    /// That of the process whose descriptor it is. A forked child has the same eventfd, whose count is its parent's.
    generation: u32,
}

impl Drop for Notify {
    /// Whatever waits for a duplicate of the descriptor is to see that the reader is closed. In a forked child this is
    /// only a copy, and the parent's reader goes on.
    fn drop(&mut self) {
        self.raise();
    }
}

impl Notify {
    /// A descriptor that is readable.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        // SAFETY: `eventfd` has no preconditions.
        let fd = unsafe { libc::eventfd(1, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is open, and nobody else's.
        let signal = Arc::new(Signal(unsafe { File::from_raw_fd(fd) }));
        let waker = Waker::from(Arc::clone(&signal));
        Ok(Self { signal, waker, registration: Registration::new(), generation: fork::generation() })
    }

    /// Its number.
    pub fn fileno(&self) -> RawFd {
        self.signal.0.as_raw_fd()
    }

    /// Makes the descriptor readable, unless it is the parent's of this process.
    pub fn raise(&self) {
        if self.generation == fork::generation() {
            self.signal.raise();
        }
    }

    /// Makes it unreadable, until it is raised, unless it is the parent's of this process.
    pub fn clear(&self) {
        if self.generation == fork::generation() {
            self.signal.clear();
        }
    }

    /// Has the descriptor raised once `handle` may have something. `false` if it is to be asked again at once.
    pub fn arm<H: Waitable>(&mut self, handle: &mut H) -> bool {
        self.registration.poll_ready(handle, &mut Context::from_waker(&self.waker)).is_pending()
    }
}
