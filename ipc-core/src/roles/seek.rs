//! Readers that go elsewhere without reading what lies between.

use crate::format::error::{Damaged, RecvError, SeekError};
use crate::format::message_type::Message;
use crate::format::seq::Seq;
use crate::memory::access::Role;
use crate::memory::region::Region;
use crate::protocol::stamp::{self, Look};
use crate::roles::attempt::oldest;
use crate::roles::consumer::Consumer;
use crate::roles::observer::Observer;
use crate::roles::typed::{TypedConsumer, TypedObserver};

impl Consumer {
    /// Releases up to `n` messages unread, and no further than head. Returns how many. Head may be newer by the time
    /// this returns.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`; nothing is released then.
    ///
    /// # Examples
    /// ```no_run
    /// # use ringway_core::{Consumer, RecvError};
    /// # fn catch_up(consumer: &mut Consumer) -> Result<(), RecvError> {
    /// let behind = consumer.len()?;
    /// let skipped = consumer.skip(behind.saturating_sub(16))?;
    /// println!("{skipped} messages passed over, the last 16 come next");
    /// # Ok(())
    /// # }
    /// ```
    pub fn skip(&mut self, n: u64) -> Result<u64, RecvError> {
        let next = self.cursor.next();
        let head =
            self.cursor.region.read(|region| -> Result<_, RecvError> { Ok(head_of(region, next)?) })?;
        let skipped = head.since(next).min(n);
        if skipped > 0 {
            self.cursor.release_many(skipped);
        }
        Ok(skipped)
    }

    /// Goes forward to message `seq`, and releases those before it unread. It can go to any message that is published,
    /// and to the next one to be published. A batch of the producer's counts once head counts it. Peeking goes on there, or
    /// where it was if that is further.
    ///
    /// # Errors
    /// `Backward` for a message that is released; `Unpublished` for one past head; `Damaged`, `Forked`, `Truncated`.
    /// The consumer is where it was then.
    ///
    /// # Examples
    /// ```no_run
    /// # use ringway_core::{Consumer, SeekError};
    /// # fn go_to(consumer: &mut Consumer, seq: u64) -> Result<(), Box<dyn std::error::Error>> {
    /// match consumer.seek(seq) {
    ///     Ok(()) => assert_eq!(consumer.next_seq(), seq),
    ///     Err(SeekError::Backward { asked, expected }) => println!("{asked} is gone: {expected} is next"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn seek(&mut self, seq: u64) -> Result<(), SeekError> {
        let next = self.cursor.next();
        if seq < next.get() {
            return Err(SeekError::Backward { asked: seq, expected: next.get() });
        }
        let head =
            self.cursor.region.read(|region| -> Result<_, SeekError> { Ok(head_of(region, next)?) })?;
        let ahead = seq - next.get();
        if ahead > head.since(next) {
            return Err(SeekError::Unpublished { asked: seq, head: head.get() });
        }
        if ahead > 0 {
            self.cursor.release_many(ahead);
        }
        Ok(())
    }
}

/// Head, for a consumer that reads `next`: its cursor holds head within a lap.
pub(super) fn head_of<R: Role>(region: &Region<R>, next: Seq) -> Result<Seq, Damaged> {
    let head = region.producer_page.head()?;
    let most = next.plus(region.geometry.slots);
    // A skip of more than a lap leaves consumers behind, and a void stamp in every slot.
    let is_left_behind =
        || region.geometry.can_skip() && matches!(stamp::look(region.slots.at(next)), Look::Void(_));
    if head > most && !is_left_behind() {
        let (seq, found, expected) = (next.get(), head.get(), most.get());
        return Err(Damaged { what: "head", seq, found, expected });
    }
    Ok(head)
}

impl Observer {
    /// Passes over up to `n` messages unread, and no further than head, whether or not they are still kept. Returns how
    /// many. They count as neither received nor lost, but as [`skipped`](Self::skipped). Head may be newer by the time
    /// this returns.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`; the observer is where it was then.
    ///
    /// # Examples
    /// ```no_run
    /// # use ringway_core::{Observer, RecvError};
    /// # fn catch_up(observer: &mut Observer) -> Result<(), RecvError> {
    /// let before = observer.skipped();
    /// let passed = observer.skip(u64::MAX)?;
    /// assert_eq!(observer.skipped() - before, passed as i64);
    /// # Ok(())
    /// # }
    /// ```
    pub fn skip(&mut self, n: u64) -> Result<u64, RecvError> {
        let passed = self.lag()?.min(n);
        self.go_to(self.next.plus(passed));
        Ok(passed)
    }

    /// Goes to message `seq`, back or forth: to any message that is kept, and to the next one to be published.
    ///
    /// The counts stay exact. [`received`](Self::received) and [`lost`](Self::lost) go on as they were: a message that
    /// is read again counts again. [`skipped`](Self::skipped) has what is passed over, negative on the way back. So
    /// `received() + lost() + skipped() == next_seq() - start()` at any time.
    ///
    /// A message that is kept may be overwritten before it is read: then the next call says `Lagged`, as ever.
    ///
    /// # Errors
    /// `Overwritten` for a message that is gone, with the oldest that is kept; `Unpublished` for one past head;
    /// `Damaged`, `Forked`, `Truncated`. The observer is where it was then.
    ///
    /// # Examples
    /// ```no_run
    /// # use ringway_core::{Observer, SeekError};
    /// # fn replay(observer: &mut Observer) -> Result<(), SeekError> {
    /// let here = observer.next_seq();
    /// match observer.seek(here.saturating_sub(100)) {
    ///     // Further back than the ring keeps.
    ///     Err(SeekError::Overwritten { oldest, .. }) => observer.seek(oldest),
    ///     other => other,
    /// }
    /// # }
    /// ```
    pub fn seek(&mut self, seq: u64) -> Result<(), SeekError> {
        let (head, oldest) = self.region.read(|region| -> Result<_, SeekError> {
            let head = region.producer_page.head()?;
            Ok((head, oldest(region, head, 0)))
        })?;
        if seq > head.get() {
            return Err(SeekError::Unpublished { asked: seq, head: head.get() });
        }
        if seq < oldest.get() {
            return Err(SeekError::Overwritten { asked: seq, oldest: oldest.get() });
        }
        self.go_to(Seq::new(seq));
        Ok(())
    }

    /// By how many messages [`skip`](Self::skip) and [`seek`](Self::seek) have moved this observer since its start:
    /// those forward less those back. What the producer skipped isn't among them, but in [`lost`](Self::lost).
    pub fn skipped(&self) -> i64 {
        self.skipped
    }

    fn go_to(&mut self, next: Seq) {
        // No sequence exceeds 2^62. The sum wraps only where a peer moves head to and fro.
        self.skipped = self.skipped.wrapping_add(next.get() as i64 - self.next.get() as i64);
        self.next = next;
        self.margin = 0;
    }
}

impl<T: Message> TypedConsumer<T> {
    /// Releases up to `n` messages unread: see [`Consumer::skip`].
    ///
    /// # Errors
    /// As for [`Consumer::skip`].
    pub fn skip(&mut self, n: u64) -> Result<u64, RecvError> {
        self.handle.skip(n)
    }

    /// Goes forward to message `seq`: see [`Consumer::seek`].
    ///
    /// # Errors
    /// As for [`Consumer::seek`].
    pub fn seek(&mut self, seq: u64) -> Result<(), SeekError> {
        self.handle.seek(seq)
    }
}

impl<T: Message> TypedObserver<T> {
    /// Passes over up to `n` messages unread: see [`Observer::skip`].
    ///
    /// # Errors
    /// As for [`Observer::skip`].
    pub fn skip(&mut self, n: u64) -> Result<u64, RecvError> {
        self.handle.skip(n)
    }

    /// Goes to message `seq`: see [`Observer::seek`].
    ///
    /// # Errors
    /// As for [`Observer::seek`].
    pub fn seek(&mut self, seq: u64) -> Result<(), SeekError> {
        self.handle.seek(seq)
    }
}
