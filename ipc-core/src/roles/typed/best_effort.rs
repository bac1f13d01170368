//! The best-effort reader of messages of a type.

use core::marker::PhantomData;
use core::time::Duration;
use std::time::Instant;

use super::TypedBestEffortReader;
use super::message::{TypedReceived, check_len, typed};
use crate::format::error::{Interruption, RecvError, TypeMismatch};
use crate::format::message_type::Message;
use crate::format::type_check::check_type;
use crate::protocol::message::{Copied, Outcome, Resume};
use crate::protocol::wait::Wait;
use crate::roles::best_effort::BestEffortReader;
use crate::roles::messages::{Iter, Source, TryIter, told};

impl<T: Message> TypedBestEffortReader<T> {
    /// Makes a best-effort reader a typed one.
    ///
    /// # Errors
    /// The ring carries another type.
    pub fn new(handle: BestEffortReader) -> Result<Self, TypeMismatch> {
        check_type::<T>(handle.geometry())?;
        Ok(Self { handle, of: PhantomData })
    }

    /// The next message, if it is there, as a value.
    ///
    /// # Errors
    /// As for [`BestEffortReader::try_recv`]; `WrongLength` for a message of another length, which is passed over and counts
    /// as received.
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedBestEffortReader};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn newest(prices: &mut TypedBestEffortReader<Price>) -> Result<Option<u64>, RecvError> {
    ///     Ok(prices.try_recv()?.into_message().map(|price| price.0))
    /// }
    /// ```
    pub fn try_recv(&mut self) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        typed(self.handle.try_recv()?)
    }

    /// The next message as a value, waiting for it without end.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedBestEffortReader};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn print_all(prices: &mut TypedBestEffortReader<Price>) -> Result<(), RecvError> {
    ///     loop {
    ///         match prices.recv()? {
    ///             Outcome::Message(price) => println!("{}", price.0),
    ///             Outcome::Closed => return Ok(()),
    ///             event => eprintln!("{event:?}"),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn recv(&mut self) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        typed(self.handle.recv()?)
    }

    /// The next message as a value, waiting for it until `timeout` has passed: see [`BestEffortReader::recv_timeout`].
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedBestEffortReader};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn is_quiet(prices: &mut TypedBestEffortReader<Price>) -> Result<bool, RecvError> {
    ///     Ok(prices.recv_timeout(Duration::from_secs(1))?.is_timed_out())
    /// }
    /// ```
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        typed(self.handle.recv_timeout(timeout)?)
    }

    /// The next message as a value, waiting for it until `deadline`: see [`BestEffortReader::recv_deadline`].
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedBestEffortReader};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn prices_of_a_second(prices: &mut TypedBestEffortReader<Price>) -> Result<usize, RecvError> {
    ///     let (mut count, end) = (0, Instant::now() + Duration::from_secs(1));
    ///     while let Outcome::Message(_) = prices.recv_deadline(end)? {
    ///         count += 1;
    ///     }
    ///     Ok(count)
    /// }
    /// ```
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        typed(self.handle.recv_deadline(deadline)?)
    }

    /// Copies the next message into `value`, if it is there.
    ///
    /// # Errors
    /// As for [`BestEffortReader::try_recv_into`]; `WrongLength` for a message of another length, which is passed over and
    /// counts as received. `value` may have some of its bytes then.
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedBestEffortReader};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn refresh(price: &mut Price, prices: &mut TypedBestEffortReader<Price>) -> Result<bool, RecvError> {
    ///     Ok(prices.try_recv_into(price)?.is_message())
    /// }
    /// ```
    pub fn try_recv_into(&mut self, value: &mut T) -> Result<Outcome<Copied>, RecvError> {
        let copied = self.handle.try_recv_into(value.as_mut_bytes());
        self.copied(value, copied)
    }

    /// Copies the next message into `value`, waiting for it without end.
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedBestEffortReader};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn refresh(price: &mut Price, prices: &mut TypedBestEffortReader<Price>) -> Result<bool, RecvError> {
    ///     Ok(prices.recv_into(price)?.is_message())
    /// }
    /// ```
    pub fn recv_into(&mut self, value: &mut T) -> Result<Outcome<Copied>, RecvError> {
        let copied = self.handle.recv_into(value.as_mut_bytes());
        self.copied(value, copied)
    }

    /// Copies the next message into `value`, waiting for it until `timeout` has passed: see
    /// [`BestEffortReader::recv_into_timeout`].
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedBestEffortReader};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn refresh(price: &mut Price, prices: &mut TypedBestEffortReader<Price>) -> Result<bool, RecvError> {
    ///     Ok(prices.recv_into_timeout(price, Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_into_timeout(
        &mut self,
        value: &mut T,
        timeout: Duration,
    ) -> Result<Outcome<Copied>, RecvError> {
        let copied = self.handle.recv_into_timeout(value.as_mut_bytes(), timeout);
        self.copied(value, copied)
    }

    /// Copies the next message into `value`, waiting for it until `deadline`: see [`BestEffortReader::recv_into_deadline`].
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use core::time::Duration;
    /// # use ringway_core::{Outcome, RecvError, TypedBestEffortReader};
    /// # use std::time::Instant;
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn refresh(price: &mut Price, prices: &mut TypedBestEffortReader<Price>) -> Result<bool, RecvError> {
    ///     Ok(prices.recv_into_deadline(price, Instant::now() + Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_into_deadline(
        &mut self,
        value: &mut T,
        deadline: Instant,
    ) -> Result<Outcome<Copied>, RecvError> {
        let copied = self.handle.recv_into_deadline(value.as_mut_bytes(), deadline);
        self.copied(value, copied)
    }

    /// What was copied into `value`, if it is one of the type.
    fn copied(
        &mut self,
        value: &mut T,
        copied: Result<Outcome<Copied>, RecvError>,
    ) -> Result<Outcome<Copied>, RecvError> {
        let outcome = match copied {
            // Too long, and passed over as one that is too short is. It may be overwritten by now.
            Err(RecvError::TooSmall { .. }) => {
                typed(self.handle.try_recv()?)?.map(|message: TypedReceived<T>| {
                    let TypedReceived { seq, tag, value: found } = message;
                    *value = found;
                    Copied { seq, tag, len: size_of::<T>() }
                })
            }
            other => other?,
        };
        if let Outcome::Message(copied) = &outcome {
            check_len::<T>(copied.len, copied.seq)?;
        }
        Ok(outcome)
    }

    /// Sets how calls wait that find nothing: see [`BestEffortReader::set_wait`].
    pub fn set_wait(&mut self, wait: Wait) {
        self.handle.set_wait(wait);
    }

    /// How calls wait that find nothing.
    pub fn wait(&self) -> Wait {
        self.handle.wait()
    }

    /// Sets where this reader goes on after it was lapped: see [`BestEffortReader::set_resume`].
    pub fn set_resume(&mut self, resume: Resume) {
        self.handle.set_resume(resume);
    }

    /// The next message as a value, waiting for it without end; `None` once the ring is closed: see
    /// [`BestEffortReader::next_message`].
    ///
    /// # Errors
    /// As for [`BestEffortReader::next_message`]; a message of another length is `Failed`, and passed over.
    pub fn next_message(&mut self) -> Result<Option<TypedReceived<T>>, Interruption> {
        told(self.recv()?)
    }

    /// The messages as values, waiting for each without end, until the ring is closed: see [`BestEffortReader::iter`].
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Interruption, TypedBestEffortReader};
    /// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    /// # #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// # #[repr(transparent)]
    /// # struct Price(u64);
    /// # impl ringway_core::Message for Price {
    /// #     const NAME: &'static str = "example.Price.v1";
    /// # }
    /// fn newest(prices: &mut TypedBestEffortReader<Price>) -> Option<u64> {
    ///     prices.try_iter().filter_map(|price| Some(price.ok()?.value.0)).last()
    /// }
    /// ```
    pub fn iter(&mut self) -> Iter<'_, Self> {
        Iter::new(self)
    }

    /// The messages that are there, as values; ends where there is none, or the ring is closed.
    pub fn try_iter(&mut self) -> TryIter<'_, Self> {
        TryIter::new(self)
    }

    /// The sequence at which this reader started.
    pub fn start(&self) -> u64 {
        self.handle.start()
    }

    /// Number of messages received since the start.
    pub fn received(&self) -> u64 {
        self.handle.received()
    }

    /// Number of messages lost since the start: see [`BestEffortReader::lost`].
    pub fn lost(&self) -> u64 {
        self.handle.lost()
    }
}

impl<T: Message> Source for TypedBestEffortReader<T> {
    type Item = TypedReceived<T>;

    fn take(&mut self, waits: bool) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        if waits { self.recv() } else { self.try_recv() }
    }
}
