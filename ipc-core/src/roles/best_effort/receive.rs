//! The calls by which a best-effort reader receives.

use core::time::Duration;
use std::time::Instant;

use crate::format::error::RecvError;
use crate::protocol::message::{Copied, Outcome, Received};
use crate::protocol::wait::Limit;
use crate::roles::best_effort::BestEffortReader;
use crate::roles::copier::{self, Copier};

impl BestEffortReader {
    /// The next message, if it is there, copied into this handle's buffer. Its slot is released.
    ///
    /// It looks at the message's slot alone and never asks the kernel. So it never reports `ProducerLost`, and where
    /// another process wrote over the slot's stamp it may say `Empty` for ever. Calls that wait find out: a loop
    /// that polls calls [`recv_timeout`](Self::recv_timeout) with a short time-out now and then.
    ///
    /// # Errors
    /// `NoMemory` if there is none for the message, which can then be read again; `Damaged`, `Forked`, `Truncated`.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{BestEffortReader, Outcome, RecvError};
    /// fn drain(reader: &mut BestEffortReader) -> Result<(usize, u64), RecvError> {
    ///     let (mut messages, mut lost) = (0, 0);
    ///     loop {
    ///         match reader.try_recv()? {
    ///             Outcome::Message(_message) => messages += 1,
    ///             Outcome::Lagged(n) => lost += n,
    ///             _ => return Ok((messages, lost)),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn try_recv(&mut self) -> Result<Outcome<Received<'_>>, RecvError> {
        copier::receive(self, None)
    }

    /// The next message, waiting for it without end, copied into this handle's buffer. Its slot is released.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{BestEffortReader, Outcome, RecvError};
    /// fn show(reader: &mut BestEffortReader) -> Result<(), RecvError> {
    ///     loop {
    ///         match reader.recv()? {
    ///             Outcome::Message(message) => println!("{}: {:?}", message.seq(), &message[..]),
    ///             Outcome::Lagged(lost) => eprintln!("{lost} messages were lost"),
    ///             Outcome::Closed => return Ok(()),
    ///             event => eprintln!("{event:?}"),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn recv(&mut self) -> Result<Outcome<Received<'_>>, RecvError> {
        copier::receive(self, Some(Limit::Never))
    }

    /// The next message, waiting for it until `timeout` has passed ([`Duration::MAX`]: without end): then
    /// [`TimedOut`](Outcome::TimedOut).
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{BestEffortReader, RecvError};
    /// # use core::time::Duration;
    /// fn comes(reader: &mut BestEffortReader) -> Result<bool, RecvError> {
    ///     Ok(reader.recv_timeout(Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Outcome<Received<'_>>, RecvError> {
        copier::receive(self, Some(Limit::After(timeout)))
    }

    /// The next message, waiting for it until `deadline`: then [`TimedOut`](Outcome::TimedOut). One in the past looks
    /// once, as a time-out of zero does: neither asks the kernel whether the producer lives.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{BestEffortReader, RecvError};
    /// # use core::time::Duration;
    /// # use std::time::Instant;
    /// fn comes(reader: &mut BestEffortReader) -> Result<bool, RecvError> {
    ///     Ok(reader.recv_deadline(Instant::now() + Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Outcome<Received<'_>>, RecvError> {
        copier::receive(self, Some(Limit::At(deadline)))
    }

    /// Copies the next message into `buffer` and releases its slot, if it is there.
    ///
    /// # Errors
    /// `TooSmall` if the buffer is shorter than the message, which can then be read again; `Damaged`,
    /// `Forked`, `Truncated`.
    ///
    /// # Examples
    /// A buffer that grows to what messages need:
    /// ```
    /// # use ringway_core::{BestEffortReader, Copied, Outcome, RecvError};
    /// fn next(reader: &mut BestEffortReader, buffer: &mut Vec<u8>) -> Result<Outcome<Copied>, RecvError> {
    ///     loop {
    ///         match reader.try_recv_into(buffer) {
    ///             Err(RecvError::TooSmall { needed, .. }) => buffer.resize(needed, 0),
    ///             other => return other,
    ///         }
    ///     }
    /// }
    /// ```
    pub fn try_recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        self.attempt(buffer)
    }

    /// Copies the next message into `buffer` and releases its slot, waiting for it without end.
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{BestEffortReader, Outcome, RecvError};
    /// fn first_byte(reader: &mut BestEffortReader) -> Result<Option<u8>, RecvError> {
    ///     let mut buffer = [0; 64];
    ///     Ok(match reader.recv_into(&mut buffer)? {
    ///         Outcome::Message(copied) => buffer[..copied.len].first().copied(),
    ///         _ => None,
    ///     })
    /// }
    /// ```
    pub fn recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        copier::receive_into(self, buffer, Some(Limit::Never))
    }

    /// Copies the next message into `buffer` and releases its slot, waiting for it until `timeout` has passed: see
    /// [`recv_timeout`](Self::recv_timeout).
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{BestEffortReader, RecvError};
    /// # use core::time::Duration;
    /// fn comes(reader: &mut BestEffortReader, buffer: &mut [u8]) -> Result<bool, RecvError> {
    ///     Ok(reader.recv_into_timeout(buffer, Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_into_timeout(
        &mut self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<Outcome<Copied>, RecvError> {
        copier::receive_into(self, buffer, Some(Limit::After(timeout)))
    }

    /// Copies the next message into `buffer` and releases its slot, waiting for it until `deadline`: see
    /// [`recv_deadline`](Self::recv_deadline).
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{BestEffortReader, RecvError};
    /// # use core::time::Duration;
    /// # use std::time::Instant;
    /// fn comes(reader: &mut BestEffortReader, buffer: &mut [u8]) -> Result<bool, RecvError> {
    ///     Ok(reader.recv_into_deadline(buffer, Instant::now() + Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_into_deadline(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
    ) -> Result<Outcome<Copied>, RecvError> {
        copier::receive_into(self, buffer, Some(Limit::At(deadline)))
    }
}
