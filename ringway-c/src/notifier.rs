//! A descriptor for `poll` and its like: an eventfd that the process's sleeper thread writes to.
//!
//! A handle that answers that there is nothing arms it: the descriptor is cleared, the other side is told, and the
//! handle looks once more. From then on the descriptor becomes readable once there may be something.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use nix::sys::eventfd::{EfdFlags, EventFd};
use ringway::Waitable;
use ringway_async::Registration;

use crate::error::{Failure, Misuse};

/// How often a handle that is said to be ready, and has nothing, is asked again. After that the program asks.
pub(crate) const ATTEMPTS: u32 = 16;

/// What is written to once the handle is worth another try.
struct Bell(EventFd);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

impl Bell {
    /// Makes the descriptor readable. It stays so if it is: then the write fails, as no reader
    /// has come for 2^64 writes.
    fn ring(&self) {
        let _ = self.0.write(1);
    }
}

/// A handle's descriptor, and its place with the sleeper thread.
pub(crate) struct Notifier {
    registration: Registration,
    bell: Arc<Bell>,
    waker: Waker,
}

impl Notifier {
    /// One that is readable: the program has to ask first.
    fn new() -> Result<Self, Failure> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let made = EventFd::from_value_and_flags(1, flags);
        let bell = Arc::new(Bell(made.map_err(|error| Misuse::NoEventFd { error: error.into() })?));
        Ok(Self { registration: Registration::new(), waker: Waker::from(Arc::clone(&bell)), bell })
    }

    /// The descriptor of the notifier in `place`, which is made if there is none.
    pub(crate) fn fd(place: &mut Option<Box<Self>>) -> Result<RawFd, Failure> {
        let notifier = match place {
            Some(notifier) => notifier,
            None => place.insert(Box::new(Self::new()?)),
        };
        Ok(notifier.bell.0.as_fd().as_raw_fd())
    }

    /// The descriptor is readable no more.
    pub(crate) fn clear(&self) {
        // One that isn't readable is clear.
        let _ = self.bell.0.read();
    }

    /// Has the descriptor become readable once `handle` is worth another try. Not if it is worth one now.
    pub(crate) fn arm<H: Waitable>(&mut self, handle: &mut H) -> bool {
        let Self { registration, waker, .. } = self;
        registration.poll_ready(handle, &mut Context::from_waker(waker)) == Poll::Pending
    }

    /// Ends a wait of `handle`, which goes on by itself.
    pub(crate) fn settle<H: Waitable>(&mut self, handle: &mut H) {
        self.registration.settle(handle);
    }

    /// Has the program ask again.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }
}
