//! Leaving sequences out.

use core::time::Duration;
use std::time::Instant;

use crate::format::error::PublishError;
use crate::format::message_type::Message;
use crate::format::seq::Seq;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::void::{self, Skipped};
use crate::protocol::wait::Limit;
use crate::roles::producer::{Producer, store_head};
use crate::roles::publish_batch::whole_call;
use crate::roles::typed::TypedProducer;

impl Producer {
    /// Skips sequences, waiting for room without end: the next message gets `seq`, and those before it that weren't
    /// published never will be. Readers are told how many, as [`Lagged`](crate::Outcome::Lagged).
    ///
    /// What is skipped takes room as messages do: nothing is overwritten that a consumer hasn't released. So the call
    /// takes as long as to publish that many, but no longer than for a lap: the rest of a longer skip costs nothing. To
    /// skip to the next sequence does nothing.
    ///
    /// After an error a part may be skipped. [`next_seq`](Self::next_seq) says how far, and the same call goes on.
    ///
    /// # Errors
    /// `NoSkips` if the ring was made without [`Config::first_seq`](crate::Config::first_seq); `SkipBack` if `seq` is
    /// before the next message's; `Exhausted` past 2^62. Nothing was skipped then. `Deposed`, `NoReaders`, `Closed`,
    /// `Forked`, `Truncated`.
    ///
    /// # Examples
    /// A copy of a ring, which leaves out what it lost:
    /// ```
    /// use ringway::{Config, Outcome, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let copy = ringway::anon::create(&Config::new().first_seq(5))?;
    /// # let received = [(5, "five"), (6, "six"), (9, "nine")];
    /// let mut consumer = copy.consumer(Start::Oldest)?;
    /// let mut producer = copy.producer()?;
    /// for (seq, message) in received {
    ///     producer.skip_to(seq)?;
    ///     producer.publish(message.as_bytes())?;
    /// }
    /// let mut lost = 0;
    /// loop {
    ///     match consumer.try_recv()? {
    ///         Outcome::Message(message) => println!("{}: {:?}", message.seq(), &message[..]),
    ///         Outcome::Lagged(n) => lost += n,
    ///         _ => break,
    ///     }
    /// }
    /// assert_eq!(lost, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn skip_to(&mut self, seq: u64) -> Result<(), PublishError> {
        self.skip_within(seq, Some(Limit::Never))
    }

    /// Skips sequences as [`skip_to`](Self::skip_to), until that is done or `timeout` has passed: it is the time of the
    /// whole call.
    ///
    /// # Errors
    /// `TimedOut`, which names the slowest consumer, and those of [`skip_to`](Self::skip_to).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, PublishError, Ring, Start};
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(4).first_seq(0))?;
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// // The consumer is told of none of them, and so holds the producer back after a lap.
    /// let late = producer.skip_to_timeout(5, Duration::from_millis(1));
    /// assert!(matches!(late, Ok(())));
    /// let late = producer.publish_timeout(b"five", Duration::from_millis(1));
    /// assert!(matches!(late, Err(PublishError::TimedOut(full)) if full.lag == 4));
    /// # Ok(())
    /// # }
    /// ```
    pub fn skip_to_timeout(&mut self, seq: u64, timeout: Duration) -> Result<(), PublishError> {
        self.skip_within(seq, Some(whole_call(timeout)))
    }

    /// Skips sequences as [`skip_to`](Self::skip_to), until that is done or `deadline` has come.
    ///
    /// # Errors
    /// As for [`skip_to_timeout`](Self::skip_to_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Ring};
    /// # use std::time::{Duration, Instant};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new().first_seq(0))?;
    /// # let mut producer = ring.producer()?;
    /// producer.skip_to_deadline(100, Instant::now() + Duration::from_millis(10))?;
    /// assert_eq!(producer.next_seq(), 100);
    /// # Ok(())
    /// # }
    /// ```
    pub fn skip_to_deadline(&mut self, seq: u64, deadline: Instant) -> Result<(), PublishError> {
        self.skip_within(seq, Some(Limit::At(deadline)))
    }

    /// Skips sequences as [`skip_to`](Self::skip_to), as far as there is room now.
    ///
    /// # Errors
    /// `Full`, which names the slowest consumer, and those of [`skip_to`](Self::skip_to).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, PublishError, Ring, Start};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().slots(4).first_seq(0))?;
    /// let consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// producer.publish(b"unread")?;
    /// // Message 4 has the slot of message 0, which the consumer hasn't read.
    /// assert!(matches!(producer.try_skip_to(5), Err(PublishError::Full(_))));
    /// assert_eq!(producer.next_seq(), 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_skip_to(&mut self, seq: u64) -> Result<(), PublishError> {
        self.skip_within(seq, None)
    }

    fn skip_within(&mut self, seq: u64, limit: Option<Limit>) -> Result<(), PublishError> {
        self.check_call(0)?;
        if !self.region.geometry.can_skip() {
            return Err(PublishError::NoSkips);
        }
        let end = Seq::checked(seq).ok_or(PublishError::Exhausted)?;
        let next = self.position.next;
        if end < next {
            return Err(PublishError::SkipBack { asked: seq, next: next.get() });
        }
        if end == next {
            return Ok(());
        }
        // What was skipped before counts, unless a claim that was dropped since has marked slots, this one first. It is
        // asked once: what a slot says afterwards makes no call longer.
        let found = self.region.slots.at(next).stamp().load_own();
        if self.skipped.end != next || found == next.writing() {
            self.skipped = Skipped::before(next);
        }
        let lap = if seeded(Fault::SkipWithoutLap) { 1 } else { self.region.geometry.slots };
        let marked = end.min(self.skipped.first.plus(lap));
        while self.position.next < marked {
            if !seeded(Fault::SkipUngated) {
                self.reserve_within(limit)?;
            }
            self.skip_run(marked);
        }
        if self.position.next == end { Ok(()) } else { self.skip_rest(end) }
    }

    /// Skips up to `end`, as far as may be written before the next scan.
    fn skip_run(&mut self, end: Seq) {
        let Self { region, position, skipped, .. } = self;
        let end = if seeded(Fault::SkipUngated) { end } else { end.min(position.limit) };
        while position.next < end {
            void::mark(region.slots.at(position.next));
            position.next = position.next.next();
        }
        skipped.end = end;
        store_head(region, end);
    }

    /// Skips up to `end` where each slot's message was skipped. All consumers that count have come to the first of these,
    /// and one that the last scan has missed starts no earlier: it starts half a lap before that scan's head, at most.
    #[cold]
    fn skip_rest(&mut self, end: Seq) -> Result<(), PublishError> {
        // No scan has asked since.
        self.check_epoch()?;
        self.position.next = end;
        self.skipped.end = end;
        store_head(&self.region, end);
        Ok(())
    }
}

impl<T: Message> TypedProducer<T> {
    /// Skips sequences, waiting for room without end: see [`Producer::skip_to`].
    ///
    /// # Errors
    /// As for [`Producer::skip_to`].
    pub fn skip_to(&mut self, seq: u64) -> Result<(), PublishError> {
        self.handle.skip_to(seq)
    }

    /// The same until that is done or `timeout` has passed: see [`Producer::skip_to_timeout`].
    ///
    /// # Errors
    /// As for [`Producer::skip_to_timeout`].
    pub fn skip_to_timeout(&mut self, seq: u64, timeout: Duration) -> Result<(), PublishError> {
        self.handle.skip_to_timeout(seq, timeout)
    }

    /// The same until that is done or `deadline` has come: see [`Producer::skip_to_deadline`].
    ///
    /// # Errors
    /// As for [`Producer::skip_to_timeout`].
    pub fn skip_to_deadline(&mut self, seq: u64, deadline: Instant) -> Result<(), PublishError> {
        self.handle.skip_to_deadline(seq, deadline)
    }

    /// The same as far as there is room now: see [`Producer::try_skip_to`].
    ///
    /// # Errors
    /// As for [`Producer::try_skip_to`].
    pub fn try_skip_to(&mut self, seq: u64) -> Result<(), PublishError> {
        self.handle.try_skip_to(seq)
    }
}
