//! Why a configuration makes no ring, or bytes are none.

use crate::format::counted::Counted;
use crate::format::layout::{FORMAT_VERSION, MAX_CONSUMERS, MAX_SLOTS, TYPE_NAME_MAX};
use crate::format::type_info::TypeInfo;

/// Why a configuration makes no ring, or bytes are none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// Too few bytes to hold a ring's header.
    #[error(
        "{} can't be a ring, whose header alone takes {expected}: the file is truncated or is no ring; check the path, or remove the file and make the ring anew",
        Counted(*found, "byte")
    )]
    TooShort {
        /// Bytes there.
        found: u64,
        /// Bytes a header takes.
        expected: u64,
    },
    /// The first eight bytes aren't a ring's.
    #[error(
        "not a ring: it starts with \"{}\", a ring with \"RINGWAY\\0\"; check the path and the offset",
        found.to_ne_bytes().escape_ascii()
    )]
    NotARing {
        /// The first word found.
        found: u64,
    },
    /// The ring's creator ended before it was complete.
    #[error(
        "a ring was being made there, but its creator ended before it was complete: create it again at this offset, which clears what is left, or remove the file"
    )]
    Unfinished,
    /// Made on a machine of the other byte order.
    #[error(
        "the ring's byte-order mark reads {found:#018x}, expected {expected:#018x}: it was made on a machine of another byte order; read it there"
    )]
    ByteOrder {
        /// The mark found.
        found: u64,
        /// The mark of this machine.
        expected: u64,
    },
    /// The byte-order mark is that of no machine.
    #[error(
        "the ring's byte-order mark reads {found:#018x}, expected {expected:#018x}, or the same bytes backwards: the header is damaged; make the ring anew"
    )]
    ByteOrderMark {
        /// The mark found.
        found: u64,
        /// The mark of this machine.
        expected: u64,
    },
    /// Another format version.
    #[error(
        "the ring has format version {found}, this program reads version {FORMAT_VERSION}: use the Ringway release that made it, or make the ring anew"
    )]
    Version {
        /// The version found.
        found: u64,
    },
    /// Features that this program doesn't know.
    #[error(
        "the ring needs features {found:#x}, of which this program knows {known:#x}: use a newer Ringway",
        known = crate::format::layout::feature::KNOWN
    )]
    Features {
        /// The feature bits found.
        found: u64,
    },
    /// The checksum doesn't match.
    #[error(
        "the ring's header has checksum {found:#018x}, its fields add up to {expected:#018x}: it is damaged; make the ring anew"
    )]
    Checksum {
        /// The checksum stored.
        found: u64,
        /// The checksum computed.
        expected: u64,
    },
    /// Number of slots out of range.
    #[error(
        "{}: expected a power of two from 2 to {MAX_SLOTS}; the nearest is {}",
        Counted(*found, "slot"), nearest(*found)
    )]
    Slots {
        /// The number found.
        found: u64,
    },
    /// Payload capacity out of range.
    #[error("payload capacity of {found} bytes: expected at most {max}", max = u32::MAX)]
    PayloadCapacity {
        /// The number found.
        found: u64,
    },
    /// More than a slot of one cache line holds.
    #[error("payload capacity of {found} bytes: a line holds at most 56; choose another stride")]
    LineCapacity {
        /// The number found.
        found: u64,
    },
    /// Number of consumers out of range.
    #[error("room for {found} consumers: expected 1 to {MAX_CONSUMERS}")]
    MaxConsumers {
        /// The number found.
        found: u64,
    },
    /// Sections not aligned to this machine's pages.
    #[error(
        "sections aligned to {}: expected a power of two, and at least this machine's page size of {page_size}; make the ring with a larger section_align",
        Counted(*found, "byte")
    )]
    SectionAlign {
        /// The alignment found.
        found: u64,
        /// The page size of the running system.
        page_size: u64,
    },
    /// The total length overflows.
    #[error(
        "{slots} slots of {} in sections of {section_align} exceed the address space: ask for less",
        Counted(*payload_capacity, "byte")
    )]
    Overflow {
        /// Number of slots.
        slots: u64,
        /// Payload capacity, bytes.
        payload_capacity: u64,
        /// Section alignment, bytes.
        section_align: u64,
    },
    /// No ring can begin at this sequence.
    #[error("first sequence {found}: expected at most {max}; check the number", max = crate::format::seq::MAX_SEQ - 1)]
    FirstSeq {
        /// The sequence found.
        found: u64,
    },
    /// A field contradicts the others.
    #[error(
        "the ring's header has {field} = {found}, but its other fields make it {expected}: it is damaged; make the ring anew"
    )]
    Inconsistent {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        found: u64,
        /// The value that the other fields require.
        expected: u64,
    },
    /// The ring's header and the room it has disagree.
    #[error("the ring takes {expected} bytes, but there are {found}: the file was {}; make the ring anew", if found < expected { "truncated" } else { "grown" })]
    Length {
        /// Bytes there.
        found: u64,
        /// Bytes the geometry requires.
        expected: u64,
    },
    /// A type's name can't be recorded.
    #[error("type name of {found} bytes: expected 1 to {TYPE_NAME_MAX} bytes of UTF-8")]
    TypeName {
        /// Length found, in bytes.
        found: u64,
    },
    /// A type that doesn't fit the ring's slots.
    #[error(
        "type {info} doesn't fit payloads of {} aligned to {align}: set `payload_capacity` to the type's size, or leave it to `of_type`; no alignment above {align} is possible",
        Counted(*capacity, "byte")
    )]
    TypeFit {
        /// The type.
        info: TypeInfo,
        /// Payload capacity, bytes.
        capacity: u64,
        /// Alignment of payloads, bytes.
        align: u64,
    },
}

/// The numbers of slots that a ring can have next to one that it can't.
fn nearest(slots: u64) -> String {
    match slots {
        ..2 => "2".into(),
        MAX_SLOTS.. => MAX_SLOTS.to_string(),
        _ => {
            let below = 1_u64 << slots.ilog2();
            format!("{below} or {}", 2 * below)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_number_of_slots_is_told_the_nearest_right_ones() {
        for (found, nearest) in
            [(0, "2".into()), (1, "2".into()), (3, "2 or 4".into()), (100, "64 or 128".into())]
                .into_iter()
                .chain([(MAX_SLOTS + 1, MAX_SLOTS.to_string()), (u64::MAX, MAX_SLOTS.to_string())])
        {
            let text = GeometryError::Slots { found }.to_string();
            assert!(text.ends_with(&format!("the nearest is {nearest}")), "{text}");
        }
    }
}
