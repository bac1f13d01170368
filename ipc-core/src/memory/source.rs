//! Where roles come from: a ring as the placements know it.
//!
//! # Safety
//! The one unsafe item is a trait, whose implementers answer for the locks that they say they hold.

#![allow(unsafe_code)]

use core::fmt::Debug;
use core::time::Duration;

use crate::format::error::AttachError;
use crate::format::geometry::Geometry;
use crate::memory::access::{AsConsumer, AsObserver, AsProducer, AsShown, AsWaker};
use crate::memory::region::Region;

/// A ring that roles can be taken on, as its placement maps and locks it. Each has the methods of
/// [`Ring`](crate::Ring).
///
/// # Safety
/// Each cell that [`consumer_region`](Self::consumer_region) or [`shown_region`](Self::shown_region) returns is one
/// whose lock the region's `keeper` holds. All regions are of one ring, that of [`geometry`](Self::geometry).
pub unsafe trait RingSource: Debug + Send + Sync {
    /// The ring's shape.
    fn geometry(&self) -> &Geometry;

    /// What a producer holds of the ring, its lock included.
    ///
    /// # Errors
    /// As for [`Ring::producer`](crate::Ring::producer), but for `Type`.
    fn producer_region(&self) -> Result<Region<AsProducer>, AttachError>;

    /// What a consumer holds of the ring, and the cell whose lock it holds.
    ///
    /// # Errors
    /// As for [`Ring::consumer`](crate::Ring::consumer), but for `Overwritten`.
    fn consumer_region(&self) -> Result<(Region<AsConsumer>, usize), AttachError>;

    /// What an observer holds of the ring.
    ///
    /// # Errors
    /// As for [`Ring::observer`](crate::Ring::observer), but for `Overwritten`.
    fn observer_region(&self) -> Result<Region<AsObserver>, AttachError>;

    /// What an observer holds besides in order to show itself, and the cell whose lock that holds.
    ///
    /// # Errors
    /// As for [`Observer::show`](crate::Observer::show).
    fn shown_region(&self) -> Result<(Region<AsShown>, usize), AttachError> {
        Err(AttachError::Detached)
    }

    /// What a waker of the ring's readers holds of it: no lock of a role.
    ///
    /// # Errors
    /// As for [`Producer::waker`](crate::Producer::waker).
    fn waker_region(&self) -> Result<Region<AsWaker>, AttachError> {
        Err(AttachError::Detached)
    }

    /// Whether processes that come now find this ring: see [`Ring::is_current`](crate::Ring::is_current).
    fn is_current(&self) -> bool {
        true
    }

    /// What tells that the producer's role may have fallen free: see
    /// [`Ring::producer_vacancy`](crate::Ring::producer_vacancy).
    fn producer_vacancy(&self) -> Option<Box<dyn Vacancy>> {
        None
    }

    /// Whether the producer's role looks taken: see [`Ring::producer_looks_taken`](crate::Ring::producer_looks_taken).
    fn producer_looks_taken(&self) -> bool {
        false
    }
}

/// Tells a [`Standby`](crate::Standby) that the producer's role may have fallen free.
pub trait Vacancy: Debug + Send {
    /// Has what happens from now on end the next [`wait`](Self::wait). Whether it could: else the standby polls.
    fn arm(&mut self) -> bool;
    /// Sleeps for `time` at most. Whether something happened; it may be something else than that the role is free, and
    /// the role may take a moment to be.
    fn wait(&mut self, time: Duration) -> bool;
    /// Ends what [`arm`](Self::arm) began. The role was taken.
    fn disarm(&mut self);
}
