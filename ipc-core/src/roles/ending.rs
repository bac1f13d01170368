//! How a producer's role ends: by closing the ring, or by leaving it open to a successor.
//!
//! A producer that is dropped frees its lock first and rings the doorbell after that. A reader asks the kernel,
//! between its load of the doorbell and its sleep, whether the producer lives. So it either finds the lock free, or
//! asked before it fell free: then the doorbell changes after the reader's load of it, and the reader doesn't sleep on.
//!
//! Once the lock is free, a successor may write the producer page. So the ended producer changes the doorbell by one
//! atomic addition and stores nothing else: the flag of the sleepers is the successor's to clear.
//!
//! # Orderings
//! `X1` and `B1` of [`crate::ordering::edge`].

use crate::format::error::PublishError;
use crate::format::layout::producer_page;
use crate::ordering::edge::Edge;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::doorbell;
use crate::protocol::events;
use crate::protocol::producer_page::EpochState;
use crate::roles::producer::Producer;

/// What becomes of the ring when the handle is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Ending {
    /// It stays open: readers lose their producer.
    #[default]
    LeaveOpen,
    /// It is closed.
    Close,
    /// It was closed before, and may be a successor's by now.
    Closed,
}

impl Producer {
    /// Closes the ring: head is final, and readers that have drained it see
    /// [`Closed`](crate::Outcome::Closed). A later producer may open it again, in a new epoch.
    ///
    /// The role ends here: from now on another producer can take it, what would publish by this handle says
    /// [`Closed`](PublishError::Closed), and dropping the handle only unmaps the ring. To close it again
    /// is `Ok`, and does nothing.
    ///
    /// # Errors
    /// `Forked` in a forked child, `Deposed` if another producer has taken over: the ring is not this handle's
    /// to close. `Truncated`.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Outcome, PublishError, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new())?;
    /// let mut consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// producer.close()?;
    /// assert!(matches!(consumer.try_recv()?, Outcome::Closed));
    /// assert_eq!(producer.publish(b"too late"), Err(PublishError::Closed));
    /// assert_eq!(producer.close(), Ok(()));
    /// // The role is free, although the old handle is still there.
    /// ring.producer()?.publish(b"in time")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&mut self) -> Result<(), PublishError> {
        if self.ending == Ending::Closed {
            return Ok(());
        }
        self.close_now()?;
        // The page and the slots are a successor's from now on.
        self.region.keeper.free_producer();
        self.report_closed();
        Ok(())
    }

    /// Sets whether dropping this producer closes the ring, as [`close`](Self::close) does. At first it doesn't:
    /// the ring is left open to a successor.
    ///
    /// A panic closes nothing: where the handle is dropped by unwinding, readers see
    /// [`ProducerLost`](crate::Outcome::ProducerLost), since what was published may be incomplete.
    pub fn close_on_drop(&mut self, closes: bool) {
        if self.ending != Ending::Closed {
            self.ending = if closes { Ending::Close } else { Ending::LeaveOpen };
        }
    }

    /// `Closed` once this handle has closed the ring.
    pub(crate) fn check_open(&self) -> Result<(), PublishError> {
        if self.ending == Ending::Closed { Err(PublishError::Closed) } else { Ok(()) }
    }

    /// Fails if this handle can publish nothing, whatever it is asked: with no message to publish, nothing later tells.
    pub(crate) fn check_call(&self, count: usize) -> Result<(), PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        if count == 0 { self.check_open() } else { Ok(()) }
    }

    fn close_now(&mut self) -> Result<(), PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        self.check_epoch()?;
        // X1 pairs with E2: a reader that sees `Closed` sees every stamp before it.
        let closed = EpochState::closed(self.epoch);
        self.region
            .producer_page
            .word::<{ producer_page::EPOCH_STATE }>()
            .store_release(closed.word(), Edge::X1);
        if !seeded(Fault::CloseWithoutBell) {
            doorbell::ring(&self.region);
        }
        self.ending = Ending::Closed;
        // The next call that would publish looks for room, and learns that there is none.
        self.position.limit = self.position.next;
        Ok(self.region.fork.check_after()?)
    }

    fn report_closed(&self) {
        events::closed(&self.region.geometry, self.epoch, self.position.next);
    }

    /// Frees the lock ahead of the mapping, and wakes the sleepers.
    fn leave_open(&self) {
        // In a forked child the lock is the parent's; a deposed producer has none.
        if !self.region.fork.is_valid() || self.check_epoch().is_err() {
            return;
        }
        if seeded(Fault::BellBeforeFree) {
            doorbell::announce(&self.region);
            self.region.keeper.free_producer();
        } else if self.region.keeper.free_producer() && !seeded(Fault::DropWithoutBell) {
            doorbell::announce(&self.region);
        }
        events::left_open(&self.region.geometry, self.epoch, self.position.next);
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        match self.ending {
            // Nobody is left to hear of an error.
            Ending::Close if !std::thread::panicking() => {
                if self.close_now().is_ok() {
                    self.report_closed();
                }
            }
            Ending::LeaveOpen | Ending::Close => self.leave_open(),
            Ending::Closed => {}
        }
    }
}
