//! Where the words of a slot lie, by docs/format.md, section 7, whatever the stride.
//!
//! The fuzz targets of `ipc-core` include this file, too: it takes the crate's names from the module that it is in.

use super::{Geometry, Stride};

/// Bytes ahead of the payloads, of the stamps that lie there.
pub fn stamps_apart(geometry: &Geometry) -> u64 {
    match geometry.stride_kind() {
        Stride::Split => (8 * geometry.slots()).next_multiple_of(128),
        _ => 0,
    }
}

/// Where the stamp of a slot lies in the ring.
pub fn stamp_offset(geometry: &Geometry, slot: u64) -> u64 {
    let start = geometry.slots_section().offset;
    match geometry.stride_kind() {
        Stride::Aligned | Stride::Packed => start + geometry.stride() * slot,
        Stride::Line => start + geometry.stride() * slot + 56,
        Stride::Split => start + 8 * slot,
        unknown => panic!("docs/format.md has no stride {unknown:?}"),
    }
}

/// Where the word of a slot's length and tag lies in the ring, if there is one.
pub fn length_offset(geometry: &Geometry, slot: u64) -> Option<u64> {
    (!geometry.stride_kind().is_fixed_length()).then(|| stamp_offset(geometry, slot) + 8)
}

/// Where the payload of a slot lies in the ring.
pub fn payload_offset(geometry: &Geometry, slot: u64) -> u64 {
    let ahead = match geometry.stride_kind() {
        Stride::Aligned | Stride::Packed => 16,
        Stride::Line => 0,
        Stride::Split => stamps_apart(geometry),
        unknown => panic!("docs/format.md has no stride {unknown:?}"),
    };
    geometry.slots_section().offset + ahead + geometry.stride() * slot
}
