//! The observer of messages of a type.

use core::marker::PhantomData;
use core::time::Duration;
use std::time::Instant;

use super::TypedObserver;
use super::message::{FITS, TypedReceived, check_len};
use crate::format::error::{RecvError, TypeMismatch};
use crate::format::message_type::Message;
use crate::format::type_check::check_type;
use crate::protocol::message::{Outcome, Received};
use crate::protocol::wait::Wait;
use crate::roles::observer::Observer;

impl<T: Message> TypedObserver<T> {
    /// Makes an observer a typed one.
    ///
    /// # Errors
    /// The ring carries another type.
    pub fn new(handle: Observer) -> Result<Self, TypeMismatch> {
        check_type::<T>(handle.geometry())?;
        Ok(Self { handle, of: PhantomData })
    }

    /// The next message, if it is there, as a value.
    ///
    /// # Errors
    /// As for [`Observer::try_recv`]; `WrongLength` for a message of another length, which is passed over and counts
    /// as received.
    pub fn try_recv(&mut self) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        typed(self.handle.try_recv()?)
    }

    /// The next message as a value, waiting for it without end.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    pub fn recv(&mut self) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        typed(self.handle.recv()?)
    }

    /// The next message as a value, waiting for it until `timeout` has passed: see [`Observer::recv_timeout`].
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        typed(self.handle.recv_timeout(timeout)?)
    }

    /// The next message as a value, waiting for it until `deadline`: see [`Observer::recv_deadline`].
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        typed(self.handle.recv_deadline(deadline)?)
    }

    /// Sets how calls wait that find nothing: see [`Observer::set_wait`].
    pub fn set_wait(&mut self, wait: Wait) {
        self.handle.set_wait(wait);
    }

    /// How calls wait that find nothing.
    pub fn wait(&self) -> Wait {
        self.handle.wait()
    }
}

/// The message as a value of the ring's type.
fn typed<T: Message>(outcome: Outcome<Received<'_>>) -> Result<Outcome<TypedReceived<T>>, RecvError> {
    if let Outcome::Message(message) = &outcome {
        check_len::<T>(message.len(), message.seq())?;
    }
    Ok(outcome.map(|message| TypedReceived {
        seq: message.seq(),
        tag: message.tag(),
        value: T::read_from_bytes(&message).expect(FITS),
    }))
}
