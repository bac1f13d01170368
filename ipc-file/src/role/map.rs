//! A ring mapped for one role.
//!
//! # Safety
//! The mapping is new, is owned by the region that is made of it, and was found to hold a ring of the expected
//! geometry. What can't be checked here is the caller's to promise: that the locks are those of the role, and
//! that the file isn't cut short.

#![allow(unsafe_code)]

use std::fmt::Debug;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::stat::FileStat;
use ringway_core::placement::{HandleStatus, HeaderWords, Liveness, Region, RingSource, Role, sections};
use ringway_core::{AttachError, Geometry, GeometryError, Section};

use super::locks::RoleLocks;
use crate::locks::descriptors::os;
use crate::map::{MapOptions, Span, page_size};
use crate::truncation::{self, Guarded};

/// Where a role comes from: it makes a handle of the ring for the role.
pub trait Origin: Debug + Send + Sync {
    /// A handle of the ring, by the descriptor that holds the role's locks.
    ///
    /// # Errors
    /// As for [`Liveness::ring`].
    fn ring(&self, locks: BorrowedFd<'_>) -> Result<Arc<dyn RingSource>, AttachError>;

    /// Whether the ring is still found where it was opened: see [`Liveness::is_current`].
    fn is_current(&self) -> bool {
        true
    }
}

/// A whole ring, mapped anew for role `R`: writable where the role writes, readable elsewhere.
#[derive(Debug)]
pub struct RoleMap<R> {
    /// Before the span, so that it is gone before the span is unmapped.
    guarded: Option<Guarded>,
    span: Span,
    geometry: Geometry,
    role: PhantomData<R>,
}

impl<R: Role> RoleMap<R> {
    /// Maps the ring that starts at `offset` of the file of `fd`, of which `stat` tells. What is found there must
    /// be a ring of exactly this geometry.
    ///
    /// # Errors
    /// `Geometry` if the header changed or the file is too short; `Os`.
    pub(crate) fn of_file(
        fd: BorrowedFd<'_>,
        stat: &FileStat,
        offset: u64,
        geometry: &Geometry,
        options: &MapOptions,
    ) -> Result<Self, AttachError> {
        let expected = geometry.total_length();
        // Pages past the end would be mapped all the same, and be a SIGBUS when touched.
        let found = (stat.st_size as u64).saturating_sub(offset);
        if found < expected {
            return Err(GeometryError::Length { found, expected }.into());
        }
        let mut span = reserve(geometry)?;
        span.map_file(span.whole(), fd, offset, false).map_err(os("mapping the ring"))?;
        let guarded = truncation::guard(span.base().addr().get(), span.length());
        let guarded =
            guarded.map_err(|error| AttachError::Os { action: "guarding the ring's mapping", error })?;
        Self::finish(span, false, guarded, geometry, options)
    }

    /// Maps once more a ring that lies in shared memory mapped whole by `source`.
    ///
    /// # Errors
    /// `Geometry` if the header changed; `Os`.
    pub fn of_memory(source: &Span, geometry: &Geometry, options: &MapOptions) -> Result<Self, AttachError> {
        let mut span = reserve(geometry)?;
        span.map_again(source).map_err(os("mapping the ring once more"))?;
        // Memory has no length that anybody could change.
        Self::finish(span, true, None, geometry, options)
    }

    /// Gives the role its rights in a span that is mapped, writable or not as a whole, and looks at the header.
    fn finish(
        mut span: Span,
        writable: bool,
        guarded: Option<Guarded>,
        geometry: &Geometry,
        options: &MapOptions,
    ) -> Result<Self, AttachError> {
        // Before the rights, which divide the mapping into several.
        span.keep_out_of_dumps().map_err(os("keeping the mapping out of core dumps"))?;
        for (section, write) in runs::<R>(geometry).into_iter().filter(|&(_, write)| write != writable) {
            span.protect(section, write).map_err(os("protecting the ring's sections"))?;
        }
        span.apply(options, &sections::<R>(geometry)).map_err(|(action, error)| os(action)(error))?;
        // SAFETY: the geometry's section is mapped readable at the start of the span.
        let words = unsafe { HeaderWords::readable(span.base()) };
        let header = ringway_core::placement::snapshot(&words);
        if let Some(guarded) = &guarded {
            guarded.word().check_after()?;
        }
        let found = header.decode(page_size())?;
        if found != *geometry {
            return Err(changed(&found, geometry).into());
        }
        Ok(Self { guarded, span, geometry: geometry.clone(), role: PhantomData })
    }

    /// The views of the mapped ring, which own the mapping and the locks. The role leads back to `origin`.
    ///
    /// # Safety
    /// - For a producer, `locks` hold the producer's lock of this ring; for a consumer, a cell's.
    /// - Nobody cuts the ring's file short while the region lives; if somebody does, the process dies of it,
    ///   or [`guard_truncation`](crate::guard_truncation) makes it an error.
    /// - Where `in_place` is true, no process writes the ring's memory but through `ringway-core`'s protocol.
    pub unsafe fn into_region(self, locks: RoleLocks, in_place: bool, origin: Arc<dyn Origin>) -> Region<R> {
        let Self { guarded, span, geometry, role: _ } = self;
        let base = span.base();
        let keeper = Keeper { guarded, _span: span, locks, origin };
        // SAFETY:
        // - `of_file` and `of_memory` mapped the whole ring, each section as `sections` says;
        //   `finish` found it to have this geometry.
        // - `of_file` found the file long enough; that it isn't cut short while it is mapped is its users'
        //   to see to, as with any mapped file.
        // - The keeper owns the span, which stays mapped until it is dropped; `Span::reserve` took
        //   its status word in the same process as `locks` took theirs.
        // - The mapping is new: no other pointer into it exists.
        // - The rest is the caller's.
        unsafe { Region::from_mapping(geometry, base, in_place, Box::new(keeper)) }
    }
}

/// Addresses for a whole ring.
pub(crate) fn reserve(geometry: &Geometry) -> Result<Span, AttachError> {
    Span::reserve(geometry.total_length(), geometry.section_align()).map_err(|error| match error {
        Errno::ENOMEM => AttachError::NoAddressSpace { needed: geometry.total_length(), error: error.into() },
        other => os("reserving addresses for the ring")(other),
    })
}

/// The sections of a role, those taken together that follow each other and have the same rights.
fn runs<R: Role>(geometry: &Geometry) -> Vec<(Section, bool)> {
    let mut runs: Vec<(Section, bool)> = Vec::with_capacity(5);
    for (section, write) in sections::<R>(geometry) {
        match runs.last_mut() {
            Some((run, same)) if *same == write && run.offset + run.length == section.offset => {
                run.length += section.length;
            }
            _ => runs.push((section, write)),
        }
    }
    runs
}

/// In what a ring's geometry isn't the one expected.
fn changed(found: &Geometry, expected: &Geometry) -> GeometryError {
    let id = |geometry: &Geometry| u128::from_be_bytes(geometry.ring_id()) as u64;
    let differing = [
        ("ring id", id(found), id(expected)),
        ("total_length", found.total_length(), expected.total_length()),
        ("slots", found.slots(), expected.slots()),
        ("payload_capacity", found.payload_capacity(), expected.payload_capacity()),
    ];
    let (field, found, expected) =
        differing.into_iter().find(|(_, found, expected)| found != expected).unwrap_or(("geometry", 1, 0));
    GeometryError::Inconsistent { field, found, expected }
}

/// What a handle lives on: its mapping and its locks.
#[derive(Debug)]
struct Keeper {
    /// Before the span, so that it is gone before the span is unmapped.
    guarded: Option<Guarded>,
    /// Before the locks, so that it is gone before they are free.
    _span: Span,
    locks: RoleLocks,
    origin: Arc<dyn Origin>,
}

impl Liveness for Keeper {
    fn producer_alive(&self) -> bool {
        self.locks.producer_alive()
    }

    fn cell_alive(&self, cell: usize) -> bool {
        self.locks.cell_alive(cell)
    }

    fn free_producer(&self) -> bool {
        self.locks.free_own()
    }

    fn is_current(&self) -> bool {
        self.origin.is_current()
    }

    fn ring(&self) -> Result<Arc<dyn RingSource>, AttachError> {
        self.origin.ring(self.locks.fd()?)
    }

    fn handle_status(&self) -> HandleStatus {
        self.guarded.as_ref().map_or_else(|| self.locks.handle_status(), Guarded::word)
    }
}
