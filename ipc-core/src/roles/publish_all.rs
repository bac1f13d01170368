//! Several messages, all of them or none.

use core::time::Duration;
use std::time::Instant;

use crate::format::error::PublishError;
use crate::protocol::wait::Limit;
use crate::roles::producer::{Producer, misfit};

impl Producer {
    /// Publishes all of the messages once there is room for all of them, in order, with tag 0; waits for that without
    /// end. Head is stored once.
    ///
    /// Readers may see the first of them before the last is there. A producer that dies meanwhile leaves those that it
    /// has written.
    ///
    /// # Errors
    /// `BatchTooLong` if there are more than half the slots, which are never known to be free at once; `TooLong` if any
    /// is too long; `Deposed`, `Exhausted`, `NoReaders`, `Closed`, `Forked`, `Truncated`. Nothing was published then,
    /// but for one exception: a message's `as_ref` is called twice, to check the length of all messages first, and then
    /// to publish them. If a message fits at the first call and not at the second, the error is `TooLong`, and the
    /// messages before it are published.
    ///
    /// # Panics
    /// If `as_ref` does. In a first call nothing is published, in a second call the messages before it are.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, PublishError, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(4))?;
    /// let mut producer = ring.producer()?;
    /// producer.publish_all(&["header", "body"])?;
    /// let refused = producer.publish_all(&["one", "too", "many"]);
    /// assert_eq!(refused, Err(PublishError::BatchTooLong { count: 3, max: 2 }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_all<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<(), PublishError> {
        self.publish_all_of(messages, M::as_ref, Some(Limit::Never))
    }

    /// Publishes all of the messages or none, waiting for room for all of them for `timeout` at most: see
    /// [`publish_all`](Self::publish_all).
    ///
    /// # Errors
    /// As for [`publish_all`](Self::publish_all), and `TimedOut`, which names the slowest consumer.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, PublishError, Ring, Start};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(4))?;
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// producer.publish_batch(&["a", "b", "c"])?;
    /// // There is room for one.
    /// let refused = producer.publish_all_timeout(&["d", "e"], Duration::from_millis(1));
    /// assert!(matches!(refused, Err(PublishError::TimedOut(full)) if full.lag == 3));
    /// assert_eq!(producer.next_seq(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_all_timeout<M: AsRef<[u8]>>(
        &mut self,
        messages: &[M],
        timeout: Duration,
    ) -> Result<(), PublishError> {
        self.publish_all_of(messages, M::as_ref, Some(Limit::After(timeout)))
    }

    /// Publishes all of the messages or none, waiting for room for all of them until `deadline`: see
    /// [`publish_all`](Self::publish_all).
    ///
    /// # Errors
    /// As for [`publish_all_timeout`](Self::publish_all_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring, Start};
    /// # use std::time::{Duration, Instant};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let deadline = Instant::now() + Duration::from_millis(10);
    /// producer.publish_all_deadline(&["header", "body"], deadline)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_all_deadline<M: AsRef<[u8]>>(
        &mut self,
        messages: &[M],
        deadline: Instant,
    ) -> Result<(), PublishError> {
        self.publish_all_of(messages, M::as_ref, Some(Limit::At(deadline)))
    }

    /// Publishes all of the messages if there is room for all of them now, else none: see
    /// [`publish_all`](Self::publish_all).
    ///
    /// # Errors
    /// As for [`publish_all`](Self::publish_all), and `Full`, which names the slowest consumer.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring, Start};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// assert_eq!(producer.try_publish_all(&["header", "body"]), Ok(()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_publish_all<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<(), PublishError> {
        self.publish_all_of(messages, M::as_ref, None)
    }

    /// Publishes `count` messages of `len` bytes each once there is room for all of them; waits for that without end.
    /// `write` writes each in place: see [`publish_batch_with`](Self::publish_batch_with). If it panics, the messages
    /// before are published; [`claim_batch`](Self::claim_batch) publishes nothing then.
    ///
    /// # Errors
    /// As for [`publish_all`](Self::publish_all), and `NoMemory`.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring, Start};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// producer.publish_all_with(2, 8, |seq, bytes| bytes.copy_from_slice(&seq.to_ne_bytes()))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_all_with(
        &mut self,
        count: usize,
        len: usize,
        write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), PublishError> {
        self.publish_all_with_limited(count, len, Some(Limit::Never), write)
    }

    /// The same, waiting for room for all of them for `timeout` at most.
    ///
    /// # Errors
    /// As for [`publish_all_with`](Self::publish_all_with), and `TimedOut`.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring, Start};
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// producer.publish_all_with_timeout(2, 8, Duration::from_millis(10), |_, bytes| bytes.fill(0))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_all_with_timeout(
        &mut self,
        count: usize,
        len: usize,
        timeout: Duration,
        write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), PublishError> {
        self.publish_all_with_limited(count, len, Some(Limit::After(timeout)), write)
    }

    /// The same, waiting for room for all of them until `deadline`.
    ///
    /// # Errors
    /// As for [`publish_all_with_timeout`](Self::publish_all_with_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring, Start};
    /// # use std::time::{Duration, Instant};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// let deadline = Instant::now() + Duration::from_millis(10);
    /// producer.publish_all_with_deadline(2, 8, deadline, |_, bytes| bytes.fill(0))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_all_with_deadline(
        &mut self,
        count: usize,
        len: usize,
        deadline: Instant,
        write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), PublishError> {
        self.publish_all_with_limited(count, len, Some(Limit::At(deadline)), write)
    }

    /// The same if there is room for all of the messages now, else none is published.
    ///
    /// # Errors
    /// As for [`publish_all_with`](Self::publish_all_with), and `Full`.
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring, Start};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new())?;
    /// # let mut producer = ring.producer()?;
    /// producer.try_publish_all_with(2, 8, |_, bytes| bytes.fill(0))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_publish_all_with(
        &mut self,
        count: usize,
        len: usize,
        write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), PublishError> {
        self.publish_all_with_limited(count, len, None, write)
    }

    /// Publishes all of the messages, whose bytes `bytes` gives, or none.
    pub(crate) fn publish_all_of<'m, M>(
        &mut self,
        messages: &'m [M],
        bytes: impl Fn(&'m M) -> &'m [u8],
        limit: Option<Limit>,
    ) -> Result<(), PublishError> {
        self.check_batch(messages, &bytes, |_| 0)?;
        if messages.is_empty() {
            return Ok(());
        }
        self.reserve_all(messages.len(), limit)?;
        let published = self.write_run(messages, &bytes, |_| 0)?;
        match messages.get(published) {
            None => Ok(()),
            // Its `as_ref` gave another slice than before.
            Some(message) => Err(misfit(&self.region, bytes(message).len(), 0)),
        }
    }

    #[inline]
    fn publish_all_with_limited(
        &mut self,
        count: usize,
        len: usize,
        limit: Option<Limit>,
        mut write: impl FnMut(u64, &mut [u8]),
    ) -> Result<(), PublishError> {
        self.check_call(count)?;
        let len = self.fit_len(len)?;
        if count == 0 {
            return Ok(());
        }
        self.reserve_all(count, limit)?;
        self.write_run_with(count, len, &mut write).map(drop)
    }

    /// Makes sure that the next `count` messages may be written before another scan.
    pub(crate) fn reserve_all(&mut self, count: usize, limit: Option<Limit>) -> Result<(), PublishError> {
        self.check_call(count)?;
        let (needed, max) = (count as u64, self.region.geometry.slots / 2);
        if needed > max {
            return Err(PublishError::BatchTooLong { count, max: max as usize });
        }
        self.reserve_many_within(needed, limit)
    }
}
