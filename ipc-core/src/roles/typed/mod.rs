//! Messages as values of a type, which the ring records and checks.

mod batch_claim;
mod best_effort;
mod claim;
mod claim_batch;
mod consumer;
mod message;
mod observer;
mod producer;
mod producer_state;
mod publish_batch;
mod questions;
mod recv_batch;
mod waiting;

use core::fmt;
use core::marker::PhantomData;

pub use self::batch_claim::{TypedBatchClaim, TypedBatchClaimIter, TypedMessageClaim};
pub use self::claim::TypedClaim;
pub use self::message::{TypedGuard, TypedMessage, TypedReceived};
pub use self::recv_batch::{TypedBatch, TypedBatchIter};
use crate::roles::best_effort::BestEffortReader;
use crate::roles::consumer::Consumer;
use crate::roles::observer::Observer;
use crate::roles::producer::Producer;

/// A handle of a role, for messages of type `T`.
///
/// # Examples
/// ```
/// use ringway::{Config, Message, Outcome, Ring, Start, TypedConsumer, TypedProducer};
/// use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
///
/// #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
/// #[repr(C)]
/// struct Tick {
///     price: u64,
/// }
///
/// impl Message for Tick {
///     const NAME: &'static str = "example.Tick.v1";
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new().of_type::<Tick>())?;
/// let mut consumer: TypedConsumer<Tick> = ring.typed_consumer(Start::Oldest)?;
/// let mut producer: TypedProducer<Tick> = ring.typed_producer()?;
/// producer.publish(&Tick { price: 101 })?;
/// assert!(matches!(consumer.recv()?, Outcome::Message(tick) if tick.price == 101));
/// # Ok(())
/// # }
/// ```
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
    /// A handle that was found to carry this type.
    fn of(handle: H) -> Self {
        Self { handle, of: PhantomData }
    }

    /// The handle for plain bytes that this one is made of: for what isn't about messages.
    pub fn handle(&self) -> &H {
        &self.handle
    }

    /// The handle for plain bytes that this one is made of. Made of it anew, a typed handle goes on where this one was.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Message, Ring, TypedProducer};
    /// use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
    ///
    /// #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    /// #[repr(C)]
    /// struct Tick {
    ///     price: u64,
    /// }
    ///
    /// impl Message for Tick {
    ///     const NAME: &'static str = "example.Tick.v1";
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().of_type::<Tick>())?;
    /// let producer = ring.typed_producer::<Tick>()?.into_inner();
    /// let mut producer = TypedProducer::<Tick>::new(producer)?;
    /// producer.publish(&Tick { price: 101 })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_inner(self) -> H {
        self.handle
    }
}

/// A [`Producer`] of messages of type `T`.
pub type TypedProducer<T> = Typed<Producer, T>;
/// A [`Consumer`] of messages of type `T`.
pub type TypedConsumer<T> = Typed<Consumer, T>;
/// A [`BestEffortReader`] of messages of type `T`.
pub type TypedBestEffortReader<T> = Typed<BestEffortReader, T>;
/// An [`Observer`] of messages of type `T`.
pub type TypedObserver<T> = Typed<Observer, T>;
