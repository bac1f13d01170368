//! The slot that a producer claims for a message of a type.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::time::Duration;
use std::time::Instant;

use super::TypedProducer;
use super::message::FITS;
use crate::format::error::PublishError;
use crate::format::message_type::Message;
use crate::roles::claim::Claim;

impl<T: Message> TypedProducer<T> {
    /// Claims the next slot for a message to be written in place. Waits for room without end.
    ///
    /// # Errors
    /// As for [`Producer::claim`](crate::Producer::claim).
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
    /// let mut tick = producer.claim()?;
    /// tick.price = 101;
    /// assert_eq!(tick.commit()?, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn claim(&mut self) -> Result<TypedClaim<'_, T>, PublishError> {
        Ok(TypedClaim::new(self.handle.claim(size_of::<T>())?))
    }

    /// Claims the next slot for a message, waiting for room for `timeout` at most.
    ///
    /// # Errors
    /// As for [`Producer::claim_timeout`](crate::Producer::claim_timeout).
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
    /// let mut tick = producer.claim_timeout(Duration::from_millis(10))?;
    /// *tick = Tick { price: 101 };
    /// tick.commit_tagged(7)?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn claim_timeout(&mut self, timeout: Duration) -> Result<TypedClaim<'_, T>, PublishError> {
        Ok(TypedClaim::new(self.handle.claim_timeout(size_of::<T>(), timeout)?))
    }

    /// Claims the next slot for a message, waiting for room until `deadline`.
    ///
    /// # Errors
    /// As for [`Producer::claim_timeout`](crate::Producer::claim_timeout).
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
    /// let mut tick = producer.claim_deadline(deadline)?;
    /// *tick = Tick { price: 101 };
    /// tick.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn claim_deadline(&mut self, deadline: Instant) -> Result<TypedClaim<'_, T>, PublishError> {
        Ok(TypedClaim::new(self.handle.claim_deadline(size_of::<T>(), deadline)?))
    }

    /// Claims the next slot for a message if there is room now.
    ///
    /// # Errors
    /// As for [`Producer::try_claim`](crate::Producer::try_claim).
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
    /// producer.try_claim()?.abort();
    /// assert_eq!(producer.handle().next_seq(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_claim(&mut self) -> Result<TypedClaim<'_, T>, PublishError> {
        Ok(TypedClaim::new(self.handle.try_claim(size_of::<T>())?))
    }
}

/// A claimed slot that dereferences to a message of type `T`; what it holds at first is some old message's
/// bytes.
///
/// # Examples
/// ```
/// use ringway::{Config, Message, Ring};
///
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
/// let mut tick = producer.claim()?;
/// tick.price = 101; // in the slot itself, where the ring's peers are trusted
/// assert_eq!(tick.commit()?, 0);
/// # Ok(())
/// # }
/// ```
#[must_use = "a claim that is dropped publishes nothing and destroys the message a lap old: `commit` it, or `abort` it"]
pub struct TypedClaim<'p, T> {
    claim: Claim<'p>,
    of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for TypedClaim<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedClaim").field(&self.claim).finish()
    }
}

impl<'p, T: Message> TypedClaim<'p, T> {
    fn new(claim: Claim<'p>) -> Self {
        Self { claim, of: PhantomData }
    }

    /// The sequence that the message gets when it is committed.
    pub fn seq(&self) -> u64 {
        self.claim.seq()
    }

    /// Publishes the message with tag 0. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Claim::commit`].
    #[inline]
    pub fn commit(self) -> Result<u64, PublishError> {
        self.claim.commit()
    }

    /// Publishes the message with a tag of the caller's. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Claim::commit`].
    #[inline]
    pub fn commit_tagged(self, tag: u32) -> Result<u64, PublishError> {
        self.claim.commit_tagged(tag)
    }

    /// Publishes nothing, as dropping the claim does.
    #[inline]
    pub fn abort(self) {}
}

impl<T: Message> Deref for TypedClaim<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        T::ref_from_bytes(&self.claim).expect(FITS)
    }
}

impl<T: Message> DerefMut for TypedClaim<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        T::mut_from_bytes(&mut self.claim).expect(FITS)
    }
}
