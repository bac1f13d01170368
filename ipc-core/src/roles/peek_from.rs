//! Messages that are held unread.

use crate::format::error::SeekError;
use crate::format::message_type::Message;
use crate::format::seq::Seq;
use crate::roles::consumer::Consumer;
use crate::roles::seek::head_of;
use crate::roles::typed::TypedConsumer;

impl Consumer {
    /// Peeking goes on at message `seq`. Those before it that aren't released stay held, unread: the producer doesn't
    /// overwrite them. It can go on at any message that is published, and at the next one to be published. A batch of
    /// the producer's counts once head counts it.
    ///
    /// So a consumer can hold messages for another reader, and wait for the one after: by
    /// [`peek_timeout`](Self::peek_timeout), in a [`WaitSet`](crate::WaitSet), or as [`Waitable`](crate::Waitable) has it.
    ///
    /// [`release_through`](Self::release_through) releases what is held unread as if it had been peeked at. So does
    /// [`seek`](Self::seek), which leaves the place where peeking goes on. What the producer skipped before `seq` is held,
    /// too, and not told. Calls that receive begin at the oldest message that isn't released, as ever.
    /// [`peeked`](Self::peeked) shows a message that is held unread where messages are read in place. Elsewhere there is no
    /// copy of it, so that is `NotPeeked`.
    ///
    /// # Errors
    /// `Backward` for a message before the one to be peeked at next; `Unpublished` for one past head; `Damaged`,
    /// `Forked`, `Truncated`. Peeking goes on where it was then.
    ///
    /// # Examples
    /// An observer reads, and a consumer holds for it what may have to be read again:
    /// ```
    /// use ringway::{Config, PublishError, Resume, Ring, Start};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(4))?;
    /// let mut holder = ring.consumer(Start::Oldest)?;
    /// let mut reader = ring.observer(Start::Oldest, Resume::OldestSafe)?;
    /// let mut producer = ring.producer()?;
    /// producer.publish_batch(&["one", "two", "three"])?;
    /// while reader.try_recv()?.is_message() {}
    ///
    /// holder.peek_from(reader.next_seq())?;
    /// assert!(holder.peek_timeout(Duration::ZERO)?.is_timed_out()); // it waits for the fourth
    /// producer.publish(b"four")?;
    /// assert!(holder.peek_timeout(Duration::ZERO)?.is_message());
    /// assert!(matches!(producer.try_publish(b"five"), Err(PublishError::Full(_))));
    ///
    /// holder.seek(2)?; // two of them aren't needed any more
    /// producer.publish(b"five")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek_from(&mut self, seq: u64) -> Result<(), SeekError> {
        let (next, oldest) = (self.next_to_peek(), self.cursor.next());
        if seq < next.get() {
            return Err(SeekError::Backward { asked: seq, expected: next.get() });
        }
        let head =
            self.cursor.region.read(|region| -> Result<_, SeekError> { Ok(head_of(region, oldest)?) })?;
        // By its stamp, a message may have been peeked at before head counts it.
        let last = head.max(next);
        if seq > last.get() {
            return Err(SeekError::Unpublished { asked: seq, head: last.get() });
        }
        if seq > next.get() {
            let seq = Seq::new(seq);
            self.peeked.next.set(seq);
            self.peeked.unread = seq;
        }
        Ok(())
    }
}

impl<T: Message> TypedConsumer<T> {
    /// Peeking goes on at message `seq`, and those before it stay held, unread: see [`Consumer::peek_from`].
    ///
    /// # Errors
    /// As for [`Consumer::peek_from`].
    pub fn peek_from(&mut self, seq: u64) -> Result<(), SeekError> {
        self.handle.peek_from(seq)
    }
}
