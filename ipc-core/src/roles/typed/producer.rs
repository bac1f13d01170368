//! The producer of messages of a type, and the slot that it claims for one.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use super::TypedProducer;
use super::message::FITS;
use crate::format::error::{PublishError, TypeMismatch};
use crate::format::message_type::Message;
use crate::format::type_check::check_type;
use crate::protocol::doorbell::WakeMode;
use crate::protocol::wait::Wait;
use crate::roles::claim::Claim;
use crate::roles::producer::Producer;

impl<T: Message> TypedProducer<T> {
    /// Makes a producer a typed one.
    ///
    /// # Errors
    /// The ring carries another type.
    pub fn new(handle: Producer) -> Result<Self, TypeMismatch> {
        check_type::<T>(handle.geometry())?;
        Ok(Self { handle, of: PhantomData })
    }

    /// Sets how blocking calls wait: see [`Producer::set_wait`].
    pub fn set_wait(&mut self, wait: Wait, timeout: Duration) {
        self.handle.set_wait(wait, timeout);
    }

    /// Chooses how readers are woken: see [`Producer::set_wake_mode`].
    ///
    /// # Errors
    /// As for [`Producer::set_wake_mode`].
    pub fn set_wake_mode(&mut self, mode: WakeMode) -> Result<WakeMode, PublishError> {
        self.handle.set_wake_mode(mode)
    }

    /// Publishes a message with tag 0, waiting for room. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Producer::publish`].
    #[inline]
    pub fn publish(&mut self, message: &T) -> Result<u64, PublishError> {
        self.handle.publish(message.as_bytes())
    }

    /// Publishes a message with a tag of the caller's, waiting for room. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Producer::publish`].
    #[inline]
    pub fn publish_tagged(&mut self, message: &T, tag: u32) -> Result<u64, PublishError> {
        self.handle.publish_tagged(message.as_bytes(), tag)
    }

    /// Publishes a message with tag 0 if there is room now. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Producer::try_publish`].
    #[inline]
    pub fn try_publish(&mut self, message: &T) -> Result<u64, PublishError> {
        self.handle.try_publish(message.as_bytes())
    }

    /// Claims the next slot for a message to be written in place, waiting for room.
    ///
    /// # Errors
    /// As for [`Producer::claim`].
    #[inline]
    pub fn claim(&mut self) -> Result<TypedClaim<'_, T>, PublishError> {
        Ok(TypedClaim { claim: self.handle.claim(size_of::<T>())?, of: PhantomData })
    }

    /// Claims the next slot for a message if there is room now.
    ///
    /// # Errors
    /// As for [`Producer::try_claim`].
    #[inline]
    pub fn try_claim(&mut self) -> Result<TypedClaim<'_, T>, PublishError> {
        Ok(TypedClaim { claim: self.handle.try_claim(size_of::<T>())?, of: PhantomData })
    }

    /// Sets whether dropping this producer closes the ring: see [`Producer::close_on_drop`].
    pub fn close_on_drop(&mut self, closes: bool) {
        self.handle.close_on_drop(closes);
    }

    /// Closes the ring: see [`Producer::close`].
    ///
    /// # Errors
    /// As for [`Producer::close`].
    pub fn close(self) -> Result<(), PublishError> {
        self.handle.close()
    }
}

/// A claimed slot that dereferences to a message of type `T`; what it holds at first is some old message's
/// bytes.
pub struct TypedClaim<'p, T> {
    claim: Claim<'p>,
    of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for TypedClaim<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedClaim").field(&self.claim).finish()
    }
}

impl<T: Message> TypedClaim<'_, T> {
    /// The sequence that the message gets when it is committed.
    pub fn seq(&self) -> u64 {
        self.claim.seq()
    }

    /// Publishes the message. Returns its sequence.
    ///
    /// # Errors
    /// As for [`Claim::commit`].
    #[inline]
    pub fn commit(self, tag: u32) -> Result<u64, PublishError> {
        self.claim.commit(tag)
    }
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
