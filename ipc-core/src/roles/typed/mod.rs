//! Messages as values of a type, which the ring records and checks.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use crate::format::error::{PublishError, RecvError, TypeMismatch};
use crate::format::message_type::Message;
use crate::format::type_check::check_type;
use crate::protocol::doorbell::WakeMode;
use crate::protocol::message::Outcome;
use crate::protocol::wait::Wait;
use crate::roles::claim::Claim;
use crate::roles::consumer::Consumer;
use crate::roles::guard::Guard;
use crate::roles::observer::Observer;
use crate::roles::producer::Producer;

/// A handle of a role, for messages of type `T`.
pub struct Typed<H, T> {
    pub(crate) handle: H,
    of: PhantomData<fn() -> T>,
}

// By hand, since a derived one would ask for `T: Debug`.
impl<H: fmt::Debug, T> fmt::Debug for Typed<H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Typed").field(&self.handle).finish()
    }
}

impl<H, T> Typed<H, T> {
    /// The handle for plain bytes that this one is made of: for what isn't about messages.
    pub fn handle(&self) -> &H {
        &self.handle
    }
}

/// A [`Producer`] of messages of type `T`.
pub type TypedProducer<T> = Typed<Producer, T>;
/// A [`Consumer`] of messages of type `T`.
pub type TypedConsumer<T> = Typed<Consumer, T>;
/// An [`Observer`] of messages of type `T`.
pub type TypedObserver<T> = Typed<Observer, T>;

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

/// Why a payload of a typed ring always is a `T`: its length is checked where it is made, and
/// `TypeInfo::fits` has checked the alignment.
const FITS: &str = "a typed ring's payload has its type's size and alignment";

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

    /// The next message, waiting for it until `timeout` has passed.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    #[inline]
    pub fn recv(&mut self, wait: Wait, timeout: Duration) -> Result<Outcome<TypedGuard<'_, T>>, RecvError> {
        typed_guard(self.handle.recv(wait, timeout)?)
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

/// A message of another length on a typed ring: some producer wrote past the type.
#[inline]
fn check_len<T>(found: usize, seq: u64) -> Result<(), RecvError> {
    let expected = size_of::<T>();
    if found == expected { Ok(()) } else { Err(RecvError::WrongLength { seq, found, expected }) }
}

/// A message of type `T` that a consumer is reading. Dropping it releases the slot.
pub struct TypedGuard<'c, T> {
    guard: Guard<'c>,
    of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for TypedGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedGuard").field(&self.guard).finish()
    }
}

impl<T> TypedGuard<'_, T> {
    /// Number of the message, from 0 for the ring's first.
    pub fn seq(&self) -> u64 {
        self.guard.seq()
    }

    /// The tag that the producer gave it.
    pub fn tag(&self) -> u32 {
        self.guard.tag()
    }
}

impl<T: Message> Deref for TypedGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        T::ref_from_bytes(&self.guard).expect(FITS)
    }
}

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
        self.recv(Wait::Spin, Duration::ZERO)
    }

    /// The next message as a value, waiting for it until `timeout` has passed.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    pub fn recv(&mut self, wait: Wait, timeout: Duration) -> Result<Outcome<TypedReceived<T>>, RecvError> {
        let outcome = self.handle.recv(wait, timeout)?;
        if let Outcome::Message(message) = &outcome {
            check_len::<T>(message.len(), message.seq())?;
        }
        Ok(outcome.map(|message| TypedReceived {
            seq: message.seq(),
            tag: message.tag(),
            value: T::read_from_bytes(&message).expect(FITS),
        }))
    }
}

/// A message of type `T`, copied out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TypedReceived<T> {
    /// Number of the message, from 0 for the ring's first.
    pub seq: u64,
    /// The tag that the producer gave it.
    pub tag: u32,
    /// The message.
    pub value: T,
}

impl<T> Deref for TypedReceived<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}
