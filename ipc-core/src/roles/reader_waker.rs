//! Waking a ring's readers from a thread that isn't the producer's.
//!
//! It has a mapping of its own, so it outlives the producer, and shares nothing with it but the ring's words. What it
//! does there is right whatever has become of the producer: it raises no message, adds to the doorbell as each ring
//! does, and leaves the flag so that each later publish looks again.

use core::fmt;
use std::sync::{Arc, Mutex};

use crate::format::error::AttachError;
use crate::memory::access::{AsWaker, ReadWrite};
use crate::memory::liveness::{HandleStatus, Liveness};
use crate::memory::region::Region;
use crate::memory::{Hints, ProducerPage};
use crate::protocol::doorbell;
use crate::roles::producer::Producer;

/// Wakes a ring's readers, from any thread: see [`Producer::waker`](crate::Producer::waker).
///
/// It is for a producer whose own thread is to make no system call, and that
/// [defers](crate::Producer::set_deferred_wake) its wake-ups. Clones share one mapping. A waker is good for as long as
/// it lives. After its producer is gone it wakes the readers of the next one, which does no harm. As each handle does,
/// it keeps the ring from being removed.
///
/// # Examples
/// ```
/// use ringway::{Config, Ring};
/// use std::sync::mpsc;
/// use std::thread;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut producer = ring.producer()?;
/// producer.set_deferred_wake(true);
/// let waker = producer.waker()?;
/// let (published, heard) = mpsc::channel();
/// let thread = thread::spawn(move || {
///     // What was published before the signal, the readers see when they are woken.
///     for () in heard {
///         waker.wake();
///     }
/// });
/// producer.publish(b"no system call")?;
/// published.send(())?;
/// drop(published);
/// thread.join().expect("no panic");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a waker that is dropped wakes nobody"]
pub struct ReaderWaker {
    shared: Arc<Shared>,
}

struct Shared {
    producer_page: ProducerPage<ReadWrite>,
    hints: Hints<ReadWrite>,
    status: HandleStatus,
    /// Last, so that it is dropped last: it owns the mapping. The lock is never taken: it lets threads share the rest.
    _keeper: Mutex<Box<dyn Liveness>>,
}

impl ReaderWaker {
    /// Makes a waker of what it holds of a ring.
    pub fn new(region: Region<AsWaker>) -> Self {
        let Region { producer_page, hints, fork: status, keeper, .. } = region;
        Self { shared: Arc::new(Shared { producer_page, hints, status, _keeper: Mutex::new(keeper) }) }
    }

    /// Wakes the readers that sleep. Whether there were any. Where none sleeps it costs a fence, and no system call.
    ///
    /// Readers see what was published before, where the program orders the two: by a channel, a lock, or a release store
    /// that this thread has seen. In a forked child, and once the ring's file was cut short, it wakes nobody.
    #[inline]
    pub fn wake(&self) -> bool {
        let Shared { producer_page, hints, status, .. } = &*self.shared;
        status.check().is_ok() && doorbell::wake_from_elsewhere(producer_page, hints)
    }
}

impl fmt::Debug for ReaderWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderWaker").finish_non_exhaustive()
    }
}

impl Producer {
    /// A handle by which another thread wakes this ring's readers, for a producer that
    /// [defers](Self::set_deferred_wake) its wake-ups. It maps the ring once more, and holds no borrow of the producer.
    ///
    /// # Errors
    /// `Forked`, `Truncated`; `Replaced` if the ring's file has lost its name or has another one; `Detached` where the
    /// ring's placement knows no wakers; `ProcUnavailable`, `NoAddressSpace`, `Os`.
    pub fn waker(&self) -> Result<ReaderWaker, AttachError> {
        self.region.fork.check()?;
        Ok(ReaderWaker::new(self.region.keeper.ring()?.waker_region()?))
    }
}
