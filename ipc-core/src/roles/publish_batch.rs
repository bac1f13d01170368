//! Several messages at once: as many as there is room for, or all of them in time.

use core::time::Duration;
use std::time::Instant;

use crate::format::error::{BatchError, PublishError};
use crate::protocol::wait::Limit;
use crate::roles::producer::Producer;

impl Producer {
    /// Publishes all the messages, in order, with tag 0, waiting for room without end. Head is stored once for each run
    /// that fits.
    ///
    /// # Errors
    /// The first message that wasn't published, and why; those before it were. If any is too long, none is
    /// published.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Ring};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new())?;
    /// let mut producer = ring.producer()?;
    /// producer.publish_batch(&["some", "more", "at once"])?;
    /// assert_eq!(producer.next_seq(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_batch<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<(), BatchError> {
        self.publish_each(messages, M::as_ref, |_| 0, Limit::Never)
    }

    /// Publishes the messages, in order, with tag 0, until all are published or `timeout` has passed: it is the time of
    /// the whole call.
    ///
    /// # Errors
    /// As for [`publish_batch`](Self::publish_batch), and `TimedOut`.
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
    /// let some = producer.publish_batch_timeout(&["a", "b", "c"], Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(some.published, 2);
    /// assert!(matches!(some.error, PublishError::TimedOut(_)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_batch_timeout<M: AsRef<[u8]>>(
        &mut self,
        messages: &[M],
        timeout: Duration,
    ) -> Result<(), BatchError> {
        self.publish_each(messages, M::as_ref, |_| 0, whole_call(timeout))
    }

    /// Publishes the messages, in order, with tag 0, until all are published or `deadline` has come.
    ///
    /// # Errors
    /// As for [`publish_batch_timeout`](Self::publish_batch_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # use std::time::{Duration, Instant};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// producer.publish_batch_deadline(&["a", "b"], Instant::now() + Duration::from_millis(10))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_batch_deadline<M: AsRef<[u8]>>(
        &mut self,
        messages: &[M],
        deadline: Instant,
    ) -> Result<(), BatchError> {
        self.publish_each(messages, M::as_ref, |_| 0, Limit::At(deadline))
    }

    /// The same of messages that each have a tag of the caller's.
    ///
    /// # Errors
    /// As for [`publish_batch_timeout`](Self::publish_batch_timeout). If any tag isn't 0, and all messages of the ring
    /// have one length, none is published: `NoTags`.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring, Start};
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut consumer = ring.consumer(Start::Oldest)?;
    /// # let mut producer = ring.producer()?;
    /// producer.publish_batch_tagged_timeout(&[("part", 1), ("rest", 0)], Duration::from_millis(10))?;
    /// assert_eq!(consumer.try_recv()?.into_message().map(|part| part.tag()), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_batch_tagged_timeout<M: AsRef<[u8]>>(
        &mut self,
        messages: &[(M, u32)],
        timeout: Duration,
    ) -> Result<(), BatchError> {
        self.publish_each(messages, |(bytes, _)| bytes.as_ref(), |&(_, tag)| tag, whole_call(timeout))
    }

    /// Publishes all of the messages, whose bytes `bytes` gives and whose tag `tag`, waiting for room
    /// as long as `limit` says.
    pub(crate) fn publish_each<'m, M>(
        &mut self,
        messages: &'m [M],
        bytes: impl Fn(&'m M) -> &'m [u8],
        tag: impl Fn(&'m M) -> u32,
        limit: Limit,
    ) -> Result<(), BatchError> {
        let mut published = 0;
        let failed = |published| move |error| BatchError { published, error };
        self.check_batch(messages, &bytes, &tag).map_err(failed(0))?;
        while published < messages.len() {
            self.reserve_within(Some(limit)).map_err(failed(published))?;
            published += self.write_run(&messages[published..], &bytes, &tag).map_err(failed(published))?;
        }
        Ok(())
    }

    /// Publishes as many of the messages as there is room for now, in order, with tag 0. Returns how many:
    /// at least one, unless the batch is empty. Head is stored once for each run that fits, half the slots at most.
    ///
    /// # Errors
    /// `Full` if there is room for none; `TooLong` if any is too long; `Deposed`, `Exhausted`, `NoReaders`, `Closed`,
    /// `Forked`, `Truncated`. Nothing was published then.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(2))?;
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// assert_eq!(producer.try_publish_batch(&["a", "b", "c"]), Ok(2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_publish_batch<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<usize, PublishError> {
        self.try_publish_each(messages, M::as_ref)
    }

    /// Publishes as many of the messages, whose bytes `bytes` gives, as there is room for now.
    pub(crate) fn try_publish_each<'m, M>(
        &mut self,
        messages: &'m [M],
        bytes: impl Fn(&'m M) -> &'m [u8],
    ) -> Result<usize, PublishError> {
        self.check_batch(messages, &bytes, |_| 0)?;
        self.while_room(messages.len(), |producer, published| {
            producer.write_run(&messages[published..], &bytes, |_| 0)
        })
    }

    /// Publishes `count` messages of `len` bytes each, with tag 0, waiting for room without end. `write` gets
    /// the sequence and the bytes of each, as [`claim`](Self::claim) would give them: the slot itself where
    /// the ring's peers are trusted. They hold whatever was there before, so write them all. Head is stored
    /// once for each run that fits.
    ///
    /// If `write` panics, the messages before are published. In a child that it forks the bytes are no longer there.
    ///
    /// # Errors
    /// The first message that wasn't published, and why; those before it were.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Ring};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new())?;
    /// let mut producer = ring.producer()?;
    /// // Each message is its own number.
    /// producer.publish_batch_with(100, 8, |seq, bytes| bytes.copy_from_slice(&seq.to_ne_bytes()))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_batch_with(
        &mut self,
        count: usize,
        len: usize,
        write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), BatchError> {
        self.publish_batch_with_limited(count, len, Limit::Never, write)
    }

    /// The same until all are published or `timeout` has passed: it is the time of the whole call.
    ///
    /// # Errors
    /// As for [`publish_batch_with`](Self::publish_batch_with), and `TimedOut`.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// producer.publish_batch_with_timeout(100, 8, Duration::from_millis(10), |_, bytes| bytes.fill(0))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_batch_with_timeout(
        &mut self,
        count: usize,
        len: usize,
        timeout: Duration,
        write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), BatchError> {
        self.publish_batch_with_limited(count, len, whole_call(timeout), write)
    }

    /// The same until all are published or `deadline` has come.
    ///
    /// # Errors
    /// As for [`publish_batch_with_timeout`](Self::publish_batch_with_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # use std::time::{Duration, Instant};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let deadline = Instant::now() + Duration::from_millis(10);
    /// producer.publish_batch_with_deadline(100, 8, deadline, |_, bytes| bytes.fill(0))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_batch_with_deadline(
        &mut self,
        count: usize,
        len: usize,
        deadline: Instant,
        write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), BatchError> {
        self.publish_batch_with_limited(count, len, Limit::At(deadline), write)
    }

    #[inline]
    fn publish_batch_with_limited(
        &mut self,
        count: usize,
        len: usize,
        limit: Limit,
        mut write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), BatchError> {
        let mut published = 0;
        let failed = |published| move |error| BatchError { published, error };
        self.check_call(count).map_err(failed(0))?;
        let len = self.fit_len(len).map_err(failed(0))?;
        while published < count {
            self.reserve_within(Some(limit)).map_err(failed(published))?;
            published +=
                self.write_run_with(count - published, len, &mut write).map_err(failed(published))?;
        }
        Ok(())
    }

    /// The same with as many messages as there is room for now. Returns how many: at least one, unless `count` is 0.
    ///
    /// # Errors
    /// `Full` if there is room for none; `NoMemory` if there is none to write a message in; `TooLong`, `Deposed`,
    /// `Exhausted`, `NoReaders`, `Closed`, `Forked`, `Truncated`. Nothing was published then.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring, Start};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(2))?;
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// assert_eq!(producer.try_publish_batch_with(3, 8, |_, bytes| bytes.fill(0)), Ok(2));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_publish_batch_with(
        &mut self,
        count: usize,
        len: usize,
        mut write: impl FnMut(u64, &mut [u8]),
    ) -> Result<usize, PublishError> {
        self.check_call(count)?;
        let len = self.fit_len(len)?;
        self.while_room(count, |producer, published| {
            producer.write_run_with(count - published, len, &mut write)
        })
    }

    /// Has `write` write run after run of `count` messages while there is room now. It gets the number of those
    /// published, and returns how many more are.
    #[inline]
    fn while_room(
        &mut self,
        count: usize,
        mut write: impl FnMut(&mut Self, usize) -> Result<usize, PublishError>,
    ) -> Result<usize, PublishError> {
        let mut published = 0;
        while published < count {
            match self.reserve().and_then(|()| write(self, published)) {
                Ok(more) => published += more,
                Err(error) if published == 0 => return Err(error),
                // The next call comes upon it again.
                Err(_) => break,
            }
        }
        Ok(published)
    }
}

/// The limit of a call that has this time for all of its waits.
pub(crate) fn whole_call(timeout: Duration) -> Limit {
    Instant::now().checked_add(timeout).map_or(Limit::Never, Limit::At)
}
