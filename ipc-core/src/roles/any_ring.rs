//! A ring wherever it lies: what roles lead back to, and how they are taken on it.
//!
//! # Safety
//! A cell that a consumer joins is one whose lock its region holds, by the contract of `RingSource`.

#![allow(unsafe_code)]

use core::fmt;
use std::sync::Arc;

use crate::format::error::AttachError;
use crate::format::geometry::Geometry;
use crate::memory::access::{AsConsumer, AsObserver, AsProducer, AsShown, AsWaker, Role};
use crate::memory::region::Region;
use crate::memory::source::{RingSource, Vacancy};
use crate::protocol::message::{Resume, Start};
use crate::roles::best_effort::BestEffortReader;
use crate::roles::consumer::Consumer;
use crate::roles::observer::Observer;
use crate::roles::producer::Producer;
use crate::roles::ring::Ring;

/// A ring of any placement, as [`Consumer::ring`](crate::Consumer::ring) and its like return it.
///
/// It is a [`Ring`](crate::Ring) like the handle that the role was taken on, and cheap to clone. Until its last clone
/// is dropped the ring counts as in use, as by that handle: a file can't be removed, and anonymous memory stays mapped.
///
/// # Examples
/// ```
/// use ringway::{AnyRing, Config, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let consumer = ringway::anon::create(&Config::new())?.consumer(Start::Oldest)?;
/// // The handle is dropped, and the consumer leads back to the ring.
/// let ring: AnyRing = consumer.ring()?;
/// ring.producer()?.publish(b"hello")?;
/// assert_eq!(consumer.len()?, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a ring's handle is there to take roles on"]
pub struct AnyRing {
    source: Arc<dyn RingSource>,
}

impl AnyRing {
    /// The ring that a role was taken on.
    pub(crate) fn of<R: Role>(region: &Region<R>) -> Result<Self, AttachError> {
        region.fork.check()?;
        Ok(Self { source: region.keeper.ring()? })
    }
}

impl fmt::Debug for AnyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyRing").field(&self.source).finish()
    }
}

// SAFETY: the source's.
unsafe impl RingSource for AnyRing {
    fn geometry(&self) -> &Geometry {
        self.source.geometry()
    }

    fn producer_region(&self) -> Result<Region<AsProducer>, AttachError> {
        self.source.producer_region()
    }

    fn consumer_region(&self) -> Result<(Region<AsConsumer>, usize), AttachError> {
        self.source.consumer_region()
    }

    fn observer_region(&self) -> Result<Region<AsObserver>, AttachError> {
        self.source.observer_region()
    }

    fn shown_region(&self) -> Result<(Region<AsShown>, usize), AttachError> {
        self.source.shown_region()
    }

    fn waker_region(&self) -> Result<Region<AsWaker>, AttachError> {
        self.source.waker_region()
    }

    fn is_current(&self) -> bool {
        self.source.is_current()
    }

    fn producer_vacancy(&self) -> Option<Box<dyn Vacancy>> {
        self.source.producer_vacancy()
    }

    fn producer_looks_taken(&self) -> bool {
        self.source.producer_looks_taken()
    }
}

impl<S: RingSource> Ring for S {
    fn geometry(&self) -> &Geometry {
        RingSource::geometry(self)
    }

    fn producer_of_any_type(&self) -> Result<Producer, AttachError> {
        Producer::enter(self.producer_region()?)
    }

    fn is_current(&self) -> bool {
        RingSource::is_current(self)
    }

    fn producer_vacancy(&self) -> Option<Box<dyn Vacancy>> {
        RingSource::producer_vacancy(self)
    }

    fn producer_looks_taken(&self) -> bool {
        RingSource::producer_looks_taken(self)
    }

    fn consumer(&self, start: Start) -> Result<Consumer, AttachError> {
        let (region, cell) = self.consumer_region()?;
        // SAFETY: the region owns the lock of this cell.
        unsafe { Consumer::join(region, cell, start) }
    }

    fn best_effort_reader(&self, start: Start) -> Result<BestEffortReader, AttachError> {
        let (region, cell) = self.consumer_region()?;
        // SAFETY: as above.
        unsafe { BestEffortReader::join(region, cell, start) }
    }

    fn observer(&self, start: Start, resume: Resume) -> Result<Observer, AttachError> {
        Observer::attach(self.observer_region()?, start, resume)
    }
}
