//! The producer of messages of a type.

use core::time::Duration;
use std::time::Instant;

use super::{Typed, TypedProducer};
use crate::format::error::{PublishError, TypeMismatch};
use crate::format::message_type::Message;
use crate::format::type_check::check_type;
use crate::roles::producer::Producer;

impl<T: Message> TypedProducer<T> {
    /// Makes a producer a typed one.
    ///
    /// # Errors
    /// The ring carries another type.
    pub fn new(handle: Producer) -> Result<Self, TypeMismatch> {
        check_type::<T>(handle.geometry())?;
        Ok(Typed::of(handle))
    }

    /// Publishes a message with tag 0, waiting for room without end. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Producer::publish`](crate::Producer::publish).
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
    /// assert_eq!(producer.publish(&Tick { price: 101 })?, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish(&mut self, message: &T) -> Result<u64, PublishError> {
        self.handle.publish(message.as_bytes())
    }

    /// Publishes a message with tag 0, waiting for room for `timeout` at most. Returns its
    /// sequence.
    ///
    /// # Errors
    /// As for [`Producer::publish_timeout`](crate::Producer::publish_timeout).
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
    /// producer.publish_timeout(&Tick { price: 101 }, Duration::from_millis(10))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_timeout(&mut self, message: &T, timeout: Duration) -> Result<u64, PublishError> {
        self.handle.publish_timeout(message.as_bytes(), timeout)
    }

    /// Publishes a message with tag 0, waiting for room until `deadline`. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Producer::publish_timeout`](crate::Producer::publish_timeout).
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
    /// producer.publish_deadline(&Tick { price: 101 }, deadline)?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_deadline(&mut self, message: &T, deadline: Instant) -> Result<u64, PublishError> {
        self.handle.publish_deadline(message.as_bytes(), deadline)
    }

    /// Publishes a message with tag 0 if there is room now. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Producer::try_publish`](crate::Producer::try_publish).
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
    /// assert_eq!(producer.try_publish(&Tick { price: 101 }), Ok(0));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_publish(&mut self, message: &T) -> Result<u64, PublishError> {
        self.handle.try_publish(message.as_bytes())
    }

    /// Publishes a message with a tag of the caller's, waiting for room without end. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Producer::publish`](crate::Producer::publish).
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
    /// assert_eq!(producer.publish_tagged(&Tick { price: 101 }, 7)?, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_tagged(&mut self, message: &T, tag: u32) -> Result<u64, PublishError> {
        self.handle.publish_tagged(message.as_bytes(), tag)
    }

    /// Publishes a message with a tag of the caller's, waiting for room for `timeout` at most. Returns its
    /// sequence.
    ///
    /// # Errors
    /// As for [`Producer::publish_timeout`](crate::Producer::publish_timeout).
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
    /// producer.publish_tagged_timeout(&Tick { price: 101 }, 7, Duration::from_millis(10))?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_tagged_timeout(
        &mut self,
        message: &T,
        tag: u32,
        timeout: Duration,
    ) -> Result<u64, PublishError> {
        self.handle.publish_tagged_timeout(message.as_bytes(), tag, timeout)
    }

    /// Publishes a message with a tag of the caller's, waiting for room until `deadline`. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Producer::publish_timeout`](crate::Producer::publish_timeout).
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
    /// producer.publish_tagged_deadline(&Tick { price: 101 }, 7, deadline)?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn publish_tagged_deadline(
        &mut self,
        message: &T,
        tag: u32,
        deadline: Instant,
    ) -> Result<u64, PublishError> {
        self.handle.publish_tagged_deadline(message.as_bytes(), tag, deadline)
    }

    /// Publishes a message with a tag of the caller's if there is room now. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Producer::try_publish`](crate::Producer::try_publish).
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
    /// assert_eq!(producer.try_publish_tagged(&Tick { price: 101 }, 7), Ok(0));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_publish_tagged(&mut self, message: &T, tag: u32) -> Result<u64, PublishError> {
        self.handle.try_publish_tagged(message.as_bytes(), tag)
    }
}
