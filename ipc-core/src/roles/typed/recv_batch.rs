//! Several messages of a type at once, and a message copied into the caller's value.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;
use std::time::Instant;

use super::TypedConsumer;
use super::message::{TypedMessage, check_len};
use crate::format::error::RecvError;
use crate::format::message_type::Message;
use crate::protocol::message::{Copied, Outcome};
use crate::roles::consumer::Consumer;
use crate::roles::recv_batch::{Batch, BatchIter};

impl<T: Message> TypedConsumer<T> {
    /// Up to `max` messages that are there now: see [`Consumer::try_recv_batch`].
    ///
    /// # Errors
    /// As for [`Consumer::try_recv_batch`].
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Outcome, RecvError, TypedConsumer};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn total(prices: &mut TypedConsumer<Price>) -> Result<u64, RecvError> {
    ///     let Outcome::Message(batch) = prices.try_recv_batch(64)? else { return Ok(0) };
    ///     let mut total = 0;
    ///     for price in &batch {
    ///         total += price?.0;
    ///     }
    ///     Ok(total)
    /// }
    /// ```
    pub fn try_recv_batch(&mut self, max: usize) -> Result<Outcome<TypedBatch<'_, T>>, RecvError> {
        Ok(self.handle.try_recv_batch(max)?.map(TypedBatch::new))
    }

    /// Up to `max` messages, waiting for the first without end: see [`Consumer::recv_batch`].
    ///
    /// # Errors
    /// As for [`Consumer::try_recv_batch`].
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedConsumer};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn count(prices: &mut TypedConsumer<Price>) -> Result<usize, RecvError> {
    ///     Ok(prices.recv_batch(64)?.into_message().map_or(0, |batch| batch.len()))
    /// }
    /// ```
    pub fn recv_batch(&mut self, max: usize) -> Result<Outcome<TypedBatch<'_, T>>, RecvError> {
        Ok(self.handle.recv_batch(max)?.map(TypedBatch::new))
    }

    /// Up to `max` messages, waiting for the first until `timeout` has passed: see [`Consumer::recv_batch_timeout`].
    ///
    /// # Errors
    /// As for [`Consumer::try_recv_batch`].
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedConsumer};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn count(prices: &mut TypedConsumer<Price>) -> Result<usize, RecvError> {
    ///     Ok(prices.recv_batch_timeout(64, Duration::from_millis(10))?.into_message().map_or(0, |batch| batch.len()))
    /// }
    /// ```
    pub fn recv_batch_timeout(
        &mut self,
        max: usize,
        timeout: Duration,
    ) -> Result<Outcome<TypedBatch<'_, T>>, RecvError> {
        Ok(self.handle.recv_batch_timeout(max, timeout)?.map(TypedBatch::new))
    }

    /// Up to `max` messages, waiting for the first until `deadline`: see [`Consumer::recv_batch_deadline`].
    ///
    /// # Errors
    /// As for [`Consumer::try_recv_batch`].
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedConsumer};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn count(prices: &mut TypedConsumer<Price>) -> Result<usize, RecvError> {
    ///     Ok(prices.recv_batch_deadline(64, Instant::now() + Duration::from_millis(10))?.into_message().map_or(0, |batch| batch.len()))
    /// }
    /// ```
    pub fn recv_batch_deadline(
        &mut self,
        max: usize,
        deadline: Instant,
    ) -> Result<Outcome<TypedBatch<'_, T>>, RecvError> {
        Ok(self.handle.recv_batch_deadline(max, deadline)?.map(TypedBatch::new))
    }

    /// Copies the next message into `value` and releases its slot, if it is there.
    ///
    /// # Errors
    /// As for [`Consumer::try_recv_into`]; `WrongLength` for a message of another length, which is passed over. `value`
    /// may have some of its bytes then.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{RecvError, TypedConsumer};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn refresh(price: &mut Price, prices: &mut TypedConsumer<Price>) -> Result<bool, RecvError> {
    ///     Ok(prices.try_recv_into(price)?.is_message())
    /// }
    /// ```
    pub fn try_recv_into(&mut self, value: &mut T) -> Result<Outcome<Copied>, RecvError> {
        self.copied(value, |consumer, buffer| consumer.try_recv_into(buffer))
    }

    /// Copies the next message into `value` and releases its slot, waiting for it without end.
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedConsumer};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn refresh(price: &mut Price, prices: &mut TypedConsumer<Price>) -> Result<bool, RecvError> {
    ///     Ok(prices.recv_into(price)?.is_message())
    /// }
    /// ```
    pub fn recv_into(&mut self, value: &mut T) -> Result<Outcome<Copied>, RecvError> {
        self.copied(value, |consumer, buffer| consumer.recv_into(buffer))
    }

    /// Copies the next message into `value` and releases its slot, waiting for it until `timeout` has passed.
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedConsumer};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn refresh(price: &mut Price, prices: &mut TypedConsumer<Price>) -> Result<bool, RecvError> {
    ///     Ok(prices.recv_into_timeout(price, Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_into_timeout(
        &mut self,
        value: &mut T,
        timeout: Duration,
    ) -> Result<Outcome<Copied>, RecvError> {
        self.copied(value, |consumer, buffer| consumer.recv_into_timeout(buffer, timeout))
    }

    /// Copies the next message into `value` and releases its slot, waiting for it until `deadline`.
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedConsumer};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn refresh(price: &mut Price, prices: &mut TypedConsumer<Price>) -> Result<bool, RecvError> {
    ///     Ok(prices.recv_into_deadline(price, Instant::now() + Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_into_deadline(
        &mut self,
        value: &mut T,
        deadline: Instant,
    ) -> Result<Outcome<Copied>, RecvError> {
        self.copied(value, |consumer, buffer| consumer.recv_into_deadline(buffer, deadline))
    }

    fn copied(
        &mut self,
        value: &mut T,
        receive: impl FnOnce(&mut Consumer, &mut [u8]) -> Result<Outcome<Copied>, RecvError>,
    ) -> Result<Outcome<Copied>, RecvError> {
        let seq = self.handle.next_seq();
        let outcome = match receive(&mut self.handle, value.as_mut_bytes()) {
            Err(RecvError::TooSmall { needed, .. }) => {
                // It is of another length, and is passed over as one that is shorter.
                drop(self.handle.try_recv()?);
                return Err(check_len::<T>(needed, seq)
                    .err()
                    .unwrap_or(RecvError::TooSmall { needed, found: size_of::<T>() }));
            }
            other => other?,
        };
        if let Outcome::Message(copied) = &outcome {
            check_len::<T>(copied.len, copied.seq)?;
        }
        Ok(outcome)
    }
}

/// Messages of type `T` that a consumer is reading. Dropping the batch releases them all.
///
/// A slot begins with a header, so the values never lie side by side: the batch lends them one by one.
///
/// # Examples
/// ```
/// use ringway::{Config, Message, Outcome, Ring, Start};
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
/// # let mut consumer = ring.typed_consumer::<Tick>(Start::Oldest)?;
/// # ring.typed_producer::<Tick>()?.publish_batch(&[Tick { price: 101 }, Tick { price: 102 }])?;
/// let Outcome::Message(batch) = consumer.try_recv_batch(64)? else { panic!("two are there") };
/// let mut total = 0;
/// for tick in &batch {
///     total += tick?.price; // fails for a message of another length
/// }
/// assert_eq!((batch.len(), total), (2, 203));
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a batch releases its messages, read or not"]
pub struct TypedBatch<'c, T> {
    batch: Batch<'c>,
    of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for TypedBatch<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedBatch").field(&self.batch).finish()
    }
}

impl<'c, T: Message> TypedBatch<'c, T> {
    fn new(batch: Batch<'c>) -> Self {
        Self { batch, of: PhantomData }
    }

    /// Number of messages: see [`Batch::len`].
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether there are no messages.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The message at `index`, from 0; `None` past the last one: see [`Batch::get`]. A message of another length is
    /// `WrongLength`.
    pub fn get(&self, index: usize) -> Option<Result<TypedMessage<'_, T>, RecvError>> {
        self.batch.get(index).map(TypedMessage::new)
    }

    /// The messages, in order. One of another length is `WrongLength`, and the others follow it.
    pub fn iter(&self) -> TypedBatchIter<'_, T> {
        TypedBatchIter { messages: self.batch.iter(), of: PhantomData }
    }

    /// Releases the first `n` messages, and no others: see [`Batch::release_first`].
    pub fn release_first(self, n: usize) {
        self.batch.release_first(n);
    }
}

impl<'b, T: Message> IntoIterator for &'b TypedBatch<'_, T> {
    type Item = Result<TypedMessage<'b, T>, RecvError>;
    type IntoIter = TypedBatchIter<'b, T>;

    fn into_iter(self) -> TypedBatchIter<'b, T> {
        self.iter()
    }
}

/// Iterator over a [`TypedBatch`].
#[must_use = "an iterator does nothing until it is asked for messages"]
pub struct TypedBatchIter<'b, T> {
    messages: BatchIter<'b>,
    of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for TypedBatchIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedBatchIter").field(&self.messages).finish()
    }
}

impl<'b, T: Message> Iterator for TypedBatchIter<'b, T> {
    type Item = Result<TypedMessage<'b, T>, RecvError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.messages.next().map(TypedMessage::new)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.messages.size_hint()
    }
}
