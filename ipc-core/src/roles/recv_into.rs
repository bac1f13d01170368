//! Receiving into the caller's buffer: the slot is released before the call returns.

use core::time::Duration;
use std::time::Instant;

use crate::format::error::RecvError;
use crate::protocol::message::{Copied, Outcome};
use crate::protocol::stamp::SlotHeader;
use crate::protocol::wait::Limit;
use crate::roles::consumer::Consumer;

impl Consumer {
    /// Copies the next message into `buffer` and releases its slot, if it is there.
    ///
    /// # Errors
    /// `TooSmall` if the buffer is shorter than the message, which can then be read again; `Damaged`,
    /// `Forked`, `Truncated`.
    ///
    /// # Examples
    /// A buffer that grows to what messages need:
    /// ```
    /// # use ringway_core::{Consumer, Copied, Outcome, RecvError};
    /// fn next(consumer: &mut Consumer, buffer: &mut Vec<u8>) -> Result<Outcome<Copied>, RecvError> {
    ///     loop {
    ///         match consumer.try_recv_into(buffer) {
    ///             Err(RecvError::TooSmall { needed, .. }) => buffer.resize(needed, 0),
    ///             other => return other,
    ///         }
    ///     }
    /// }
    /// ```
    pub fn try_recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        self.recv_into_within(buffer, None)
    }

    /// Copies the next message into `buffer` and releases its slot, waiting for it without end.
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn first_byte(consumer: &mut Consumer) -> Result<Option<u8>, RecvError> {
    ///     let mut buffer = [0; 64];
    ///     Ok(match consumer.recv_into(&mut buffer)? {
    ///         Outcome::Message(copied) => buffer[..copied.len].first().copied(),
    ///         _ => None,
    ///     })
    /// }
    /// ```
    pub fn recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        self.recv_into_within(buffer, Some(Limit::Never))
    }

    /// Copies the next message into `buffer` and releases its slot, waiting for it until `timeout` has passed:
    /// see [`recv_timeout`](Self::recv_timeout).
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{RecvError, Consumer};
    /// # use core::time::Duration;
    /// fn comes(consumer: &mut Consumer, buffer: &mut [u8]) -> Result<bool, RecvError> {
    ///     Ok(consumer.recv_into_timeout(buffer, Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_into_timeout(
        &mut self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<Outcome<Copied>, RecvError> {
        self.recv_into_within(buffer, Some(Limit::After(timeout)))
    }

    /// Copies the next message into `buffer` and releases its slot, waiting for it until `deadline`:
    /// see [`recv_deadline`](Self::recv_deadline).
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{RecvError, Consumer};
    /// # use core::time::Duration;
    /// # use std::time::Instant;
    /// fn comes(consumer: &mut Consumer, buffer: &mut [u8]) -> Result<bool, RecvError> {
    ///     Ok(consumer.recv_into_deadline(buffer, Instant::now() + Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_into_deadline(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
    ) -> Result<Outcome<Copied>, RecvError> {
        self.recv_into_within(buffer, Some(Limit::At(deadline)))
    }

    fn recv_into_within(
        &mut self,
        buffer: &mut [u8],
        limit: Option<Limit>,
    ) -> Result<Outcome<Copied>, RecvError> {
        if let Some(limit) = limit.filter(|_| self.cursor.published() >= self.coalescing.from) {
            self.coalesce(limit);
        }
        let SlotHeader { len, tag } = match self.next_within(limit)? {
            Outcome::Message(header) => header,
            event => return Ok(event.without_message()),
        };
        if len.get() > buffer.len() {
            return Err(RecvError::TooSmall { needed: len.get(), found: buffer.len() });
        }
        let seq = self.cursor.next();
        #[cfg(loom)]
        self.cursor.release_by_fault(1);
        self.cursor.slot().copy_out(len, buffer);
        self.cursor.check_copied(self.cursor.slot())?;
        self.cursor.release();
        Ok(Outcome::Message(Copied { seq: seq.get(), tag, len: len.get() }))
    }
}
