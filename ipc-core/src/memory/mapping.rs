//! A role's region over a mapping.
//!
//! # Safety
//!
//! As for the views: see `mapped.rs`.

#![allow(unsafe_code)]

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::format::geometry::Geometry;
use crate::format::seq::Seq;
use crate::format::stride::SlotParts;
use crate::memory::access::Role;
use crate::memory::deferral::Deferral;
use crate::memory::liveness::Liveness;
use crate::memory::mapped::{Cells, Hints, ProducerPage};
use crate::memory::region::Region;
use crate::memory::short::ShortBound;
use crate::memory::sleep_slices::Slices;
use crate::memory::slots::{Headers, Slots};
use crate::ordering::sync::AtomicU64;

impl<R: Role> Region<R> {
    /// Makes the views of a mapped ring.
    ///
    /// `in_place` says whether payloads may be borrowed where they lie. `keeper` owns the mapping and the
    /// role's locks.
    ///
    /// # Safety
    /// - `base` is the first byte of a mapping of `geometry.total_length()` bytes of a ring of that
    ///   geometry, aligned to the page size, shared (or a private copy, for its maker and for observers),
    ///   readable, and writable in the sections that [`sections`](crate::memory::region::sections) says role `R`
    ///   writes.
    /// - The mapping stays in place, and backed by memory, until `keeper` is dropped, except in forked
    ///   children, where `keeper.handle_status()` differs.
    /// - No other Rust pointer is used to access these addresses, but by observers of a private copy.
    /// - For a producer: `keeper` holds the ring's producer lock, and its `cell_alive` never says `false` of a
    ///   cell whose lock is held.
    /// - Where `in_place` is true: no process writes the ring's memory but through this crate's protocol.
    pub unsafe fn from_mapping(
        geometry: Geometry,
        base: NonNull<u8>,
        in_place: bool,
        keeper: Box<dyn Liveness>,
    ) -> Self {
        // SAFETY: every section lies within the mapping, since `Geometry` is validated.
        let at = |offset: u64| unsafe { base.add(offset as usize) }.cast::<AtomicU64>();
        let first = Seq::new(geometry.first_seq());
        let producer_page =
            ProducerPage { base: at(geometry.plan.producer_offset), first, access: PhantomData };
        let hints = Hints { sleepers: at(geometry.plan.hints_offset).cast(), access: PhantomData };
        let cells = Cells {
            base: at(geometry.plan.consumers_offset),
            count: geometry.max_consumers as usize,
            access: PhantomData,
        };
        let SlotParts { stamps, stamp_stride, payloads } = geometry.parts();
        let (slots_offset, stride) = (geometry.plan.slots_offset, geometry.plan.stride);
        let headers = if geometry.stride_kind.is_fixed_length() {
            Headers::NONE
        } else {
            // Not the mapping's end, which is that of a page.
            let end = at(slots_offset + geometry.slots * stride);
            Headers { first: at(slots_offset), stride: stride as usize, end }
        };
        let slots = Slots {
            headers,
            mask: geometry.slots - 1,
            stride: stride as usize,
            capacity: geometry.payload_capacity as usize,
            headed_below: geometry.headed_below(),
            payloads: at(payloads),
            stamps: at(stamps),
            stamp_stride: stamp_stride as usize,
            access: PhantomData,
        };
        let plain = in_place && slots.are_headed();
        let gapless = in_place && !geometry.can_skip();
        let fork = keeper.handle_status();
        let capacity = geometry.payload_capacity;
        let (borrowable, short) =
            if in_place { (capacity, ShortBound::NONE) } else { (0, ShortBound::of(capacity)) };
        let (rung, slices, membarrier) = (Cell::new(0), Slices::default(), true);
        Region {
            geometry,
            producer_page,
            hints,
            cells,
            slots,
            in_place,
            plain,
            gapless,
            borrowable,
            short,
            fork,
            membarrier,
            name: None,
            rung,
            slices,
            deferral: Deferral::default(),
            keeper,
        }
    }
}
