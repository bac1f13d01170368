//! Publishing one message.

use core::time::Duration;
use std::time::Instant;

use crate::format::error::PublishError;
use crate::format::seq::Seq;
use crate::memory::sized::SizedMessage;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::stamp;
use crate::protocol::wait::Limit;
use crate::roles::producer::{Producer, aside, misfit, store_head};

impl Producer {
    /// Publishes a message with tag 0, waiting for room without end. Returns its sequence.
    ///
    /// It waits as [`set_wait`](Self::set_wait) says, until the slowest consumer has released a message. If that
    /// consumer reads a stream, it waits for some microseconds more, until a quarter of the ring is free.
    ///
    /// # Errors
    /// `TooLong`, or `FixedLength` where all messages have one length; `Deposed`, `Exhausted`, `NoReaders`, `Closed`,
    /// `Forked`, `Truncated`; nothing was published then. (The call before a `Truncated` may have returned `Ok` for a
    /// lost message.)
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::at_least(4))?;
    /// let mut producer = ring.producer()?;
    /// // No consumer is attached: there is always room.
    /// assert_eq!(producer.publish(b"first")?, 0);
    /// assert_eq!(producer.publish(b"second")?, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish(&mut self, message: &[u8]) -> Result<u64, PublishError> {
        self.publish_limited(message, 0, || Some(Limit::Never))
    }

    /// Publishes a message with tag 0, waiting for room for `timeout` at most. Returns its sequence.
    ///
    /// The time counts from when there is no room.
    ///
    /// # Errors
    /// `TimedOut`, which names the slowest consumer, and those of [`publish`](Self::publish).
    /// Nothing was published then.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, PublishError, Ring, Start};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(2))?;
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// producer.publish(b"one")?;
    /// producer.publish(b"two")?;
    /// // This consumer has released neither.
    /// let late = producer.publish_timeout(b"three", Duration::from_millis(1));
    /// assert!(matches!(late, Err(PublishError::TimedOut(full)) if full.lag == 2));
    /// drop(consumer);
    /// assert_eq!(producer.publish_timeout(b"three", Duration::from_secs(10))?, 2);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_timeout(&mut self, message: &[u8], timeout: Duration) -> Result<u64, PublishError> {
        self.publish_limited(message, 0, || Some(Limit::After(timeout)))
    }

    /// Publishes a message with tag 0, waiting for room until `deadline`. Returns its sequence.
    ///
    /// # Errors
    /// As for [`publish_timeout`](Self::publish_timeout).
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Ring};
    /// use std::time::{Duration, Instant};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// // One deadline for all three.
    /// let deadline = Instant::now() + Duration::from_secs(10);
    /// for message in [b"one", b"two", b"six"] {
    ///     producer.publish_deadline(message, deadline)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_deadline(&mut self, message: &[u8], deadline: Instant) -> Result<u64, PublishError> {
        self.publish_limited(message, 0, || Some(Limit::At(deadline)))
    }

    /// Publishes a message with tag 0 if there is room now. Returns its sequence.
    ///
    /// # Errors
    /// `Full`, which names the slowest consumer; `TooLong` or `FixedLength`, `Deposed`, `Exhausted`, `NoReaders`,
    /// `Closed`, `Forked`, `Truncated`. Nothing was published then.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, PublishError, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(2))?;
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// assert_eq!(producer.try_publish(b"one"), Ok(0));
    /// assert_eq!(producer.try_publish(b"two"), Ok(1));
    /// assert!(matches!(producer.try_publish(b"three"), Err(PublishError::Full(full)) if full.cell == consumer.cell()));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_publish(&mut self, message: &[u8]) -> Result<u64, PublishError> {
        self.publish_limited(message, 0, || None)
    }

    /// Publishes a message with a tag of the caller's, waiting for room without end. Returns its sequence.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish); and `NoTags` if the tag isn't 0 where all messages have one length.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Outcome, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let mut consumer = ring.consumer(Start::Oldest)?;
    /// producer.publish_tagged(b"bid", 7)?;
    /// let Outcome::Message(message) = consumer.try_recv()? else { panic!("a message is there") };
    /// assert_eq!((message.tag(), &message[..]), (7, &b"bid"[..]));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_tagged(&mut self, message: &[u8], tag: u32) -> Result<u64, PublishError> {
        self.publish_limited(message, tag, || Some(Limit::Never))
    }

    /// Publishes a message with a tag, waiting for room for `timeout` at most: see
    /// [`publish_timeout`](Self::publish_timeout). Returns its sequence.
    ///
    /// # Errors
    /// As for [`publish_timeout`](Self::publish_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// assert_eq!(producer.publish_tagged_timeout(b"bid", 7, Duration::from_millis(10))?, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_tagged_timeout(
        &mut self,
        message: &[u8],
        tag: u32,
        timeout: Duration,
    ) -> Result<u64, PublishError> {
        self.publish_limited(message, tag, || Some(Limit::After(timeout)))
    }

    /// Publishes a message with a tag, waiting for room until `deadline`. Returns its sequence.
    ///
    /// # Errors
    /// As for [`publish_timeout`](Self::publish_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # use std::time::{Duration, Instant};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let deadline = Instant::now() + Duration::from_millis(10);
    /// assert_eq!(producer.publish_tagged_deadline(b"bid", 7, deadline)?, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_tagged_deadline(
        &mut self,
        message: &[u8],
        tag: u32,
        deadline: Instant,
    ) -> Result<u64, PublishError> {
        self.publish_limited(message, tag, || Some(Limit::At(deadline)))
    }

    /// Publishes a message with a tag of the caller's if there is room now. Returns its sequence.
    ///
    /// # Errors
    /// As for [`try_publish`](Self::try_publish); and `NoTags` as for [`publish_tagged`](Self::publish_tagged).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// assert_eq!(producer.try_publish_tagged(b"bid", 7), Ok(0));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_publish_tagged(&mut self, message: &[u8], tag: u32) -> Result<u64, PublishError> {
        self.publish_limited(message, tag, || None)
    }

    /// Publishes a message, waiting for room as long as `limit` says, or not at all.
    ///
    /// The slow path makes room, and gets neither the message nor the limit. A message whose address it got would have
    /// to lie in memory each time, and a limit would be stored for it: that costs the fast path
    /// more than its slot does.
    #[inline(always)]
    fn publish_limited(
        &mut self,
        message: &[u8],
        tag: u32,
        limit: impl FnOnce() -> Option<Limit>,
    ) -> Result<u64, PublishError> {
        let Some(message) = self.region.slots.fit(message) else {
            return self.publish_fixed(message, tag, limit);
        };
        if !self.has_room() {
            self.make_room(limit)?;
        }
        let seq = self.position.next;
        stamp::write(self.region.slots.headed(seq), message, tag);
        Ok(self.count(seq))
    }

    /// The same where all messages have one length.
    #[inline(always)]
    fn publish_fixed(
        &mut self,
        message: &[u8],
        tag: u32,
        limit: impl FnOnce() -> Option<Limit>,
    ) -> Result<u64, PublishError> {
        aside();
        let message = match self.region.slots.fit_fixed(message) {
            Some(message) if tag == 0 => message,
            _ => return Err(misfit(&self.region, message.len(), tag)),
        };
        if !self.has_room() {
            self.make_room(limit)?;
        }
        let seq = self.position.next;
        if seeded(Fault::HeadBeforePayload) {
            store_head(&self.region, seq.next());
        }
        stamp::write(self.region.slots.at(seq), message, 0);
        Ok(self.count_aside(seq))
    }

    /// Makes sure that the next message may be written, out of the way of the case that is to be fast.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, limit: impl FnOnce() -> Option<Limit>) -> Result<(), PublishError> {
        self.reserve_within(limit())
    }

    /// Counts the message `seq`, which was written.
    #[inline(always)]
    fn count(&mut self, seq: Seq) -> u64 {
        self.position.next = seq.next();
        store_head(&self.region, self.position.next);
        seq.get()
    }

    /// The same out of line, so that the short way shares no code with the other.
    #[inline(never)]
    fn count_aside(&mut self, seq: Seq) -> u64 {
        self.count(seq)
    }

    /// `message`, if it can be published.
    #[inline(always)]
    pub(crate) fn fit<'m>(&self, message: &'m [u8]) -> Result<SizedMessage<'m>, PublishError> {
        let slots = &self.region.slots;
        let found = slots.fit(message).or_else(|| slots.fit_fixed(message));
        found.ok_or_else(|| misfit(&self.region, message.len(), 0))
    }
}
