//! How the producer of messages of a type claims several slots at once.

use core::time::Duration;
use std::time::Instant;

use super::TypedProducer;
use super::batch_claim::TypedBatchClaim;
use crate::format::error::PublishError;
use crate::format::message_type::Message;

impl<T: Message> TypedProducer<T> {
    /// Claims the next `count` slots for messages to be written in place and published together. Waits without end
    /// until there is room for all of them.
    ///
    /// # Errors
    /// As for [`Producer::claim_batch`](crate::Producer::claim_batch).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Ring};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(C)]
    /// # struct Tick {
    /// #     price: u64,
    /// # }
    /// # impl Message for Tick {
    /// #     const NAME: &'static str = "example.Tick.v1";
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new().of_type::<Tick>())?;
    /// # let mut producer = ring.typed_producer::<Tick>()?;
    /// let mut batch = producer.claim_batch(3)?;
    /// for mut tick in &mut batch {
    ///     tick.price = 100 + tick.seq();
    /// }
    /// batch.message(2).set_tag(7);
    /// assert_eq!(batch.commit()?, 0..3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn claim_batch(&mut self, count: usize) -> Result<TypedBatchClaim<'_, T>, PublishError> {
        Ok(TypedBatchClaim::new(self.handle.claim_batch(count, size_of::<T>())?))
    }

    /// Claims the next `count` slots, waiting for `timeout` at most until there is room for all of them.
    ///
    /// # Errors
    /// As for [`Producer::claim_batch_timeout`](crate::Producer::claim_batch_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Ring};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(C)]
    /// # struct Tick {
    /// #     price: u64,
    /// # }
    /// # impl Message for Tick {
    /// #     const NAME: &'static str = "example.Tick.v1";
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new().of_type::<Tick>())?;
    /// # let mut producer = ring.typed_producer::<Tick>()?;
    /// let mut batch = producer.claim_batch_timeout(2, Duration::from_millis(10))?;
    /// batch.iter_mut().for_each(|mut tick| *tick = Tick { price: 101 });
    /// batch.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn claim_batch_timeout(
        &mut self,
        count: usize,
        timeout: Duration,
    ) -> Result<TypedBatchClaim<'_, T>, PublishError> {
        Ok(TypedBatchClaim::new(self.handle.claim_batch_timeout(count, size_of::<T>(), timeout)?))
    }

    /// Claims the next `count` slots, waiting until `deadline` until there is room for all of them.
    ///
    /// # Errors
    /// As for [`Producer::claim_batch_timeout`](crate::Producer::claim_batch_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Ring};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(C)]
    /// # struct Tick {
    /// #     price: u64,
    /// # }
    /// # impl Message for Tick {
    /// #     const NAME: &'static str = "example.Tick.v1";
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new().of_type::<Tick>())?;
    /// # let mut producer = ring.typed_producer::<Tick>()?;
    /// let mut batch = producer.claim_batch_deadline(2, Instant::now() + Duration::from_millis(10))?;
    /// batch.iter_mut().for_each(|mut tick| *tick = Tick { price: 101 });
    /// batch.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn claim_batch_deadline(
        &mut self,
        count: usize,
        deadline: Instant,
    ) -> Result<TypedBatchClaim<'_, T>, PublishError> {
        Ok(TypedBatchClaim::new(self.handle.claim_batch_deadline(count, size_of::<T>(), deadline)?))
    }

    /// Claims the next `count` slots if there is room for all of them now.
    ///
    /// # Errors
    /// As for [`Producer::try_claim_batch`](crate::Producer::try_claim_batch).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Ring};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(C)]
    /// # struct Tick {
    /// #     price: u64,
    /// # }
    /// # impl Message for Tick {
    /// #     const NAME: &'static str = "example.Tick.v1";
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ring = ringway::anon::create(&Config::new().of_type::<Tick>())?;
    /// # let mut producer = ring.typed_producer::<Tick>()?;
    /// producer.try_claim_batch(2)?.abort();
    /// assert_eq!(producer.next_seq(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_claim_batch(&mut self, count: usize) -> Result<TypedBatchClaim<'_, T>, PublishError> {
        Ok(TypedBatchClaim::new(self.handle.try_claim_batch(count, size_of::<T>())?))
    }
}
