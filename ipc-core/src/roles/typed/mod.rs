//! Messages as values of a type, which the ring records and checks.

mod consumer;
mod message;
mod observer;
mod producer;

use core::fmt;
use core::marker::PhantomData;

pub use self::message::{TypedGuard, TypedReceived};
pub use self::producer::TypedClaim;
use crate::roles::consumer::Consumer;
use crate::roles::observer::Observer;
use crate::roles::producer::Producer;

/// A handle of a role, for messages of type `T`.
#[must_use = "dropping a handle gives its role back"]
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
