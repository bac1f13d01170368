//! The consumer of messages of a type.

use core::marker::PhantomData;
use core::time::Duration;
use std::time::Instant;

use super::TypedConsumer;
use super::message::{TypedGuard, TypedMessage, TypedReceived, check_len};
use crate::format::error::{Interruption, RecvError, TypeMismatch};
use crate::format::message_type::Message;
use crate::format::type_check::check_type;
use crate::protocol::message::Outcome;
use crate::protocol::wait::Wait;
use crate::roles::consumer::Consumer;
use crate::roles::guard::Guard;
use crate::roles::messages::{Iter, Source, TryIter, told};

impl<T: Message> TypedConsumer<T> {
    /// Makes a consumer a typed one.
    ///
    /// # Errors
    /// The ring carries another type.
    pub fn new(handle: Consumer) -> Result<Self, TypeMismatch> {
        check_type::<T>(handle.geometry())?;
        Ok(Self { handle, of: PhantomData })
    }

    /// The next message, if it is there.
    ///
    /// # Errors
    /// As for [`Consumer::try_recv`]; `WrongLength` for a message of another length, which is passed over.
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
    /// fn drain(prices: &mut TypedConsumer<Price>) -> Result<u64, RecvError> {
    ///     let mut total = 0;
    ///     while let Outcome::Message(price) = prices.try_recv()? {
    ///         total += price.0;
    ///     }
    ///     Ok(total)
    /// }
    /// ```
    #[inline]
    pub fn try_recv(&mut self) -> Result<Outcome<TypedGuard<'_, T>>, RecvError> {
        typed_guard(self.handle.try_recv()?)
    }

    /// The next message, waiting for it without end.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
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
    /// fn print_all(prices: &mut TypedConsumer<Price>) -> Result<(), RecvError> {
    ///     loop {
    ///         match prices.recv()? {
    ///             Outcome::Message(price) => println!("{}", price.0),
    ///             Outcome::Closed => return Ok(()),
    ///             event => eprintln!("{event:?}"),
    ///         }
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn recv(&mut self) -> Result<Outcome<TypedGuard<'_, T>>, RecvError> {
        typed_guard(self.handle.recv()?)
    }

    /// The next message, waiting for it until `timeout` has passed: see [`Consumer::recv_timeout`].
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
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
    /// fn is_quiet(prices: &mut TypedConsumer<Price>) -> Result<bool, RecvError> {
    ///     Ok(prices.recv_timeout(Duration::from_secs(1))?.is_timed_out())
    /// }
    /// ```
    #[inline]
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Outcome<TypedGuard<'_, T>>, RecvError> {
        typed_guard(self.handle.recv_timeout(timeout)?)
    }

    /// The next message, waiting for it until `deadline`: see [`Consumer::recv_deadline`].
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
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
    /// fn prices_of_a_second(prices: &mut TypedConsumer<Price>) -> Result<usize, RecvError> {
    ///     let (mut count, end) = (0, Instant::now() + Duration::from_secs(1));
    ///     while let Outcome::Message(_) = prices.recv_deadline(end)? {
    ///         count += 1;
    ///     }
    ///     Ok(count)
    /// }
    /// ```
    #[inline]
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Outcome<TypedGuard<'_, T>>, RecvError> {
        typed_guard(self.handle.recv_deadline(deadline)?)
    }

    /// Sets how calls wait that find nothing: see [`Consumer::set_wait`].
    pub fn set_wait(&mut self, wait: Wait) {
        self.handle.set_wait(wait);
    }

    /// How calls wait that find nothing.
    pub fn wait(&self) -> Wait {
        self.handle.wait()
    }

    /// Has calls that wait for one message let `messages` of them come: see [`Consumer::set_coalescing`].
    pub fn set_coalescing(&mut self, messages: usize) {
        self.handle.set_coalescing(messages);
    }

    /// How many messages calls that wait for one let come; 0 if they don't.
    pub fn coalescing(&self) -> usize {
        self.handle.coalescing()
    }

    /// The next message, waiting for it without end; `None` once the ring is closed: see [`Consumer::next_message`].
    ///
    /// # Errors
    /// As for [`Consumer::next_message`]; a message of another length is `Failed`, and passed over.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Interruption, TypedConsumer};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn total(prices: &mut TypedConsumer<Price>) -> Result<u64, Interruption> {
    ///     let mut total = 0;
    ///     while let Some(price) = prices.next_message()? {
    ///         total += price.0;
    ///     }
    ///     Ok(total)
    /// }
    /// ```
    #[inline]
    pub fn next_message(&mut self) -> Result<Option<TypedGuard<'_, T>>, Interruption> {
        told(self.recv()?)
    }

    /// The messages as values, waiting for each without end, until the ring is closed: see [`Consumer::iter`].
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Interruption, TypedConsumer};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn total(prices: &mut TypedConsumer<Price>) -> Result<u64, Interruption> {
    ///     prices.iter().map(|price| Ok(price?.value.0)).sum()
    /// }
    /// ```
    pub fn iter(&mut self) -> Iter<'_, Self> {
        Iter::new(self)
    }

    /// The messages that are there, as values; ends where there is none, or the ring is closed.
    pub fn try_iter(&mut self) -> TryIter<'_, Self> {
        TryIter::new(self)
    }

    /// Looks at the next message that wasn't peeked at yet: see [`Consumer::peek`].
    ///
    /// # Errors
    /// As for [`Consumer::peek`]; `WrongLength` for a message of another length, which counts as peeked at.
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
    /// fn is_rising(prices: &TypedConsumer<Price>) -> Result<bool, RecvError> {
    ///     Ok(match (prices.peek()?, prices.peek()?) {
    ///         (Outcome::Message(before), Outcome::Message(after)) => before.0 < after.0,
    ///         _ => false,
    ///     })
    /// }
    /// ```
    pub fn peek(&self) -> Result<Outcome<TypedMessage<'_, T>>, RecvError> {
        match self.handle.peek()? {
            Outcome::Message(message) => Ok(Outcome::Message(TypedMessage::new(message)?)),
            event => Ok(event.without_message()),
        }
    }

    /// A message that was peeked at and isn't released: see [`Consumer::peeked`].
    ///
    /// # Errors
    /// As for [`Consumer::peeked`]; `WrongLength` for a message of another length.
    pub fn peeked(&self, seq: u64) -> Result<TypedMessage<'_, T>, RecvError> {
        TypedMessage::new(self.handle.peeked(seq)?)
    }

    /// Releases the messages up to and including `seq`: see [`Consumer::release_through`].
    ///
    /// # Errors
    /// As for [`Consumer::release_through`].
    pub fn release_through(&mut self, seq: u64) -> Result<(), RecvError> {
        self.handle.release_through(seq)
    }
}

impl<T: Message> Source for TypedConsumer<T> {
    type Item = TypedReceived<T>;

    fn take(&mut self, waits: bool) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        let outcome = if waits { self.recv()? } else { self.try_recv()? };
        Ok(outcome.map(|guard| guard.to_received()))
    }
}

#[inline]
fn typed_guard<T: Message>(outcome: Outcome<Guard<'_>>) -> Result<Outcome<TypedGuard<'_, T>>, RecvError> {
    match outcome {
        Outcome::Message(guard) => {
            // If it is none of this type, dropping the guard releases it, and the next call goes on after it.
            check_len::<T>(guard.len(), guard.seq())?;
            Ok(Outcome::Message(TypedGuard { guard, of: PhantomData }))
        }
        event => Ok(event.without_message()),
    }
}
