//! Batches of messages of a type.

use core::time::Duration;
use std::time::Instant;

use super::TypedProducer;
use crate::format::error::{BatchError, PublishError};
use crate::format::message_type::Message;
use crate::protocol::wait::Limit;
use crate::roles::publish_batch::whole_call;

impl<T: Message> TypedProducer<T> {
    /// Publishes all the messages, in order, with tag 0, waiting for room without end.
    ///
    /// # Errors
    /// As for [`Producer::publish_batch`](crate::Producer::publish_batch).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Outcome, Ring, Start};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(Clone, Copy, PartialEq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
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
    /// let mut consumer = ring.typed_consumer::<Tick>(Start::Oldest)?;
    /// let ticks = [Tick { price: 101 }, Tick { price: 102 }];
    /// producer.publish_batch(&ticks)?;
    /// for tick in ticks {
    ///     let Outcome::Message(found) = consumer.try_recv()? else { panic!("two are there") };
    ///     assert_eq!(*found, tick);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_batch(&mut self, messages: &[T]) -> Result<(), BatchError> {
        self.handle.publish_each(messages, T::as_bytes, |_| 0, Limit::Never)
    }

    /// Publishes the messages, in order, with tag 0, until all are published or `timeout` has passed: it is the time of
    /// the whole call.
    ///
    /// # Errors
    /// As for [`Producer::publish_batch_timeout`](crate::Producer::publish_batch_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Outcome, Ring, Start};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(Clone, Copy, PartialEq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
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
    /// producer.publish_batch_timeout(&[Tick { price: 101 }], Duration::from_millis(10))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_batch_timeout(&mut self, messages: &[T], timeout: Duration) -> Result<(), BatchError> {
        self.handle.publish_each(messages, T::as_bytes, |_| 0, whole_call(timeout))
    }

    /// Publishes the messages, in order, with tag 0, until all are published or `deadline` has come.
    ///
    /// # Errors
    /// As for [`Producer::publish_batch_timeout`](crate::Producer::publish_batch_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Outcome, Ring, Start};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(Clone, Copy, PartialEq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
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
    /// let deadline = Instant::now() + Duration::from_millis(10);
    /// producer.publish_batch_deadline(&[Tick { price: 101 }], deadline)?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_batch_deadline(&mut self, messages: &[T], deadline: Instant) -> Result<(), BatchError> {
        self.handle.publish_each(messages, T::as_bytes, |_| 0, Limit::At(deadline))
    }

    /// Publishes as many of the messages as there is room for now, in order, with tag 0. Returns how many: at least
    /// one, unless the batch is empty.
    ///
    /// # Errors
    /// As for [`Producer::try_publish_batch`](crate::Producer::try_publish_batch).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Outcome, Ring, Start};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(Clone, Copy, PartialEq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
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
    /// assert_eq!(producer.try_publish_batch(&[Tick { price: 101 }]), Ok(1));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_publish_batch(&mut self, messages: &[T]) -> Result<usize, PublishError> {
        self.handle.try_publish_each(messages, T::as_bytes)
    }

    /// Publishes all of the messages once there is room for all of them, in order, with tag 0;
    /// waits for that without end.
    ///
    /// # Errors
    /// As for [`Producer::publish_all`](crate::Producer::publish_all).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Outcome, Ring, Start};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(Clone, Copy, PartialEq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
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
    /// producer.publish_all(&[Tick { price: 101 }, Tick { price: 102 }])?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_all(&mut self, messages: &[T]) -> Result<(), PublishError> {
        self.handle.publish_all_of(messages, T::as_bytes, Some(Limit::Never))
    }

    /// Publishes all of the messages or none, waiting for room for all of them for `timeout` at most.
    ///
    /// # Errors
    /// As for [`Producer::publish_all_timeout`](crate::Producer::publish_all_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Outcome, Ring, Start};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(Clone, Copy, PartialEq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
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
    /// producer.publish_all_timeout(&[Tick { price: 101 }], Duration::from_millis(10))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_all_timeout(&mut self, messages: &[T], timeout: Duration) -> Result<(), PublishError> {
        self.handle.publish_all_of(messages, T::as_bytes, Some(Limit::After(timeout)))
    }

    /// Publishes all of the messages or none, waiting for room for all of them until `deadline`.
    ///
    /// # Errors
    /// As for [`Producer::publish_all_timeout`](crate::Producer::publish_all_timeout).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Outcome, Ring, Start};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(Clone, Copy, PartialEq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
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
    /// let deadline = Instant::now() + Duration::from_millis(10);
    /// producer.publish_all_deadline(&[Tick { price: 101 }], deadline)?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_all_deadline(&mut self, messages: &[T], deadline: Instant) -> Result<(), PublishError> {
        self.handle.publish_all_of(messages, T::as_bytes, Some(Limit::At(deadline)))
    }

    /// Publishes all of the messages if there is room for all of them now, else none.
    ///
    /// # Errors
    /// As for [`Producer::try_publish_all`](crate::Producer::try_publish_all).
    ///
    /// # Examples
    /// ```
    /// # use ringway::{Config, Message, Outcome, Ring, Start};
    /// # use std::time::{Duration, Instant};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(Clone, Copy, PartialEq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
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
    /// assert_eq!(producer.try_publish_all(&[Tick { price: 101 }]), Ok(()));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_publish_all(&mut self, messages: &[T]) -> Result<(), PublishError> {
        self.handle.publish_all_of(messages, T::as_bytes, None)
    }
}
