//! Messages of a type, as readers get them.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use crate::format::error::RecvError;
use crate::format::message_type::Message;
use crate::protocol::message::{Outcome, Received};
use crate::roles::guard::Guard;

/// Why a payload of a typed ring always is a `T`: its length is checked where it is made, and
/// `TypeInfo::fits` has checked the alignment.
pub(super) const FITS: &str = "a typed ring's payload has its type's size and alignment";

/// A message of another length on a typed ring: some producer wrote past the type.
#[inline]
pub(super) fn check_len<T>(found: usize, seq: u64) -> Result<(), RecvError> {
    let expected = size_of::<T>();
    if found == expected { Ok(()) } else { Err(RecvError::WrongLength { seq, found, expected }) }
}

/// A message of type `T` that a consumer is reading. Dropping it releases the slot.
#[must_use = "dropping a guard releases the message, read or not"]
pub struct TypedGuard<'c, T> {
    pub(super) guard: Guard<'c>,
    pub(super) of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for TypedGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedGuard").field(&self.guard).finish()
    }
}

impl<T> TypedGuard<'_, T> {
    /// Sequence of the message: its number, counted up from the ring's first.
    pub fn seq(&self) -> u64 {
        self.guard.seq()
    }

    /// The tag that the producer gave it.
    pub fn tag(&self) -> u32 {
        self.guard.tag()
    }
}

impl<T: Message> TypedGuard<'_, T> {
    /// The message as a value of its own.
    pub(super) fn to_received(&self) -> TypedReceived<T> {
        let value = T::read_from_bytes(&self.guard).expect(FITS);
        TypedReceived { seq: self.seq(), tag: self.tag(), value }
    }
}

impl<T: Message> Deref for TypedGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        T::ref_from_bytes(&self.guard).expect(FITS)
    }
}

/// A message of type `T`, copied out.
#[must_use = "the message has been received, and doesn't come again by itself"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TypedReceived<T> {
    /// Sequence of the message: its number, counted up from the ring's first.
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

/// A message of type `T` among others that are held: borrowed where it lies, or copied.
#[must_use = "it is held until it is released"]
pub struct TypedMessage<'a, T> {
    message: Received<'a>,
    of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for TypedMessage<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedMessage").field(&self.message).finish()
    }
}

impl<'a, T> TypedMessage<'a, T> {
    /// `message`, if it has the type's length.
    pub(super) fn new(message: Received<'a>) -> Result<Self, RecvError> {
        check_len::<T>(message.len(), message.seq())?;
        Ok(Self { message, of: PhantomData })
    }

    /// Sequence of the message: its number, counted up from the ring's first.
    pub fn seq(&self) -> u64 {
        self.message.seq()
    }

    /// The tag that the producer gave it.
    pub fn tag(&self) -> u32 {
        self.message.tag()
    }
}

impl<T: Message> Deref for TypedMessage<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        T::ref_from_bytes(&self.message).expect(FITS)
    }
}

/// The message as a value of the ring's type.
pub(super) fn typed<T: Message>(
    outcome: Outcome<Received<'_>>,
) -> Result<Outcome<TypedReceived<T>>, RecvError> {
    if let Outcome::Message(message) = &outcome {
        check_len::<T>(message.len(), message.seq())?;
    }
    Ok(outcome.map(|message| TypedReceived {
        seq: message.seq(),
        tag: message.tag(),
        value: T::read_from_bytes(&message).expect(FITS),
    }))
}
