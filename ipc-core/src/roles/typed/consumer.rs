//! The consumer of messages of a type.

use core::marker::PhantomData;
use core::time::Duration;
use std::time::Instant;

use super::TypedConsumer;
use super::message::{TypedGuard, check_len};
use crate::format::error::{RecvError, TypeMismatch};
use crate::format::message_type::Message;
use crate::format::type_check::check_type;
use crate::protocol::message::Outcome;
use crate::protocol::wait::Wait;
use crate::roles::consumer::Consumer;
use crate::roles::guard::Guard;

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
    #[inline]
    pub fn try_recv(&mut self) -> Result<Outcome<TypedGuard<'_, T>>, RecvError> {
        typed_guard(self.handle.try_recv()?)
    }

    /// The next message, waiting for it without end.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    #[inline]
    pub fn recv(&mut self) -> Result<Outcome<TypedGuard<'_, T>>, RecvError> {
        typed_guard(self.handle.recv()?)
    }

    /// The next message, waiting for it until `timeout` has passed: see [`Consumer::recv_timeout`].
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    #[inline]
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Outcome<TypedGuard<'_, T>>, RecvError> {
        typed_guard(self.handle.recv_timeout(timeout)?)
    }

    /// The next message, waiting for it until `deadline`: see [`Consumer::recv_deadline`].
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
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
