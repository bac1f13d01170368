//! How a consumer that may hold messages waits for one more.

use core::time::Duration;

use crate::format::error::RecvError;
use crate::memory::cancel_word::Cancelling;
use crate::protocol::doorbell;
use crate::protocol::message::{Outcome, Received};
use crate::protocol::wait::{self, Limit, WaitPolicy};
use crate::roles::consumer::Consumer;
use crate::roles::waitable::{Readiness, Waitable};

impl Consumer {
    /// Looks at the next message that wasn't peeked at yet, waiting for it until `timeout` has passed
    /// ([`Duration::MAX`]: without end): then [`TimedOut`](Outcome::TimedOut). Else it is as [`peek`](Self::peek), and
    /// reports `ProducerLost`, too.
    ///
    /// A consumer that holds as many messages as the ring has slots gets no other: that is `Empty`, at once. What was
    /// skipped after a message that is held counts, too.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// Pairs of messages, compared where they lie:
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn next_pair_is_equal(consumer: &mut Consumer) -> Result<Option<bool>, RecvError> {
    ///     let patience = Duration::from_secs(1);
    ///     let Outcome::Message(first) = consumer.peek_timeout(patience)? else { return Ok(None) };
    ///     let first = first.seq();
    ///     let Outcome::Message(second) = consumer.peek_timeout(patience)? else { return Ok(None) };
    ///     let second = second.seq();
    ///     let equal = consumer.peeked(first)?[..] == consumer.peeked(second)?[..];
    ///     consumer.release_through(second)?;
    ///     Ok(Some(equal))
    /// }
    /// ```
    pub fn peek_timeout(&mut self, timeout: Duration) -> Result<Outcome<Received<'_>>, RecvError> {
        if !self.holds_all() {
            let limit = Limit::After(timeout);
            let page = &self.cursor.region.producer_page;
            let missing = |there: &bool| !there && self.why_empty.is_open(page);
            if wait::look_briefly(limit, || self.is_next_there(), missing) {
                return self.peek();
            }
            match wait::block(&mut Next(self), Some(limit))? {
                Outcome::Message(()) => {}
                event => return Ok(event.without_message()),
            }
        }
        self.peek()
    }

    /// Whether the next message to peek at is there, or an error is.
    #[inline]
    fn is_next_there(&self) -> bool {
        let slot = self.cursor.region.slots.at(self.next_to_peek());
        self.cursor.tells_of(slot)
    }
}

/// A consumer that waits for the next message to peek at.
struct Next<'c>(&'c mut Consumer);

impl wait::Reader for Next<'_> {
    type Got = ();

    fn poll(&mut self) -> Result<Outcome<()>, RecvError> {
        let Self(consumer) = self;
        if consumer.is_next_there() {
            return Ok(Outcome::Message(()));
        }
        if consumer.why_empty.is_open(&consumer.cursor.region.producer_page) {
            return Ok(Outcome::Empty);
        }
        Ok(consumer.event(consumer.next_to_peek())?.unwrap_or(Outcome::Empty))
    }

    fn ask(&mut self) -> Result<Option<Outcome<()>>, RecvError> {
        self.0.ask()
    }

    fn policy(&mut self) -> &mut WaitPolicy {
        &mut self.0.wait
    }

    #[cold]
    #[inline(never)]
    fn sleep(&mut self, time: Duration) -> Result<Outcome<()>, RecvError> {
        match self.0.prepare_sleep(false) {
            Readiness::Ready => self.poll(),
            Readiness::Sleep(ticket) => {
                let Consumer { cursor, cancelling, .. } = &*self.0;
                let timed_out = doorbell::sleep(&cursor.region, &ticket, time, cancelling);
                self.0.slept(&ticket, timed_out);
                Ok(Outcome::Empty)
            }
        }
    }

    fn cancelling(&self) -> &Cancelling {
        &self.0.cancelling
    }
}
