//! How slots lie one after another.

use crate::format::layout::SLOT_HEADER;

/// How slots lie one after another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Stride {
    /// A multiple of 64 bytes: no two slots share a cache line. Payloads are 16-aligned.
    #[default]
    Aligned,
    /// A multiple of 8 bytes: less memory, a slower round trip. Payloads are 8-aligned.
    Packed,
}

impl Stride {
    /// What the distance from one slot to the next is a multiple of, in bytes.
    pub(crate) const fn multiple(self) -> u64 {
        match self {
            Stride::Aligned => 64,
            Stride::Packed => 8,
        }
    }

    /// The alignment of every payload in the ring, in bytes.
    pub const fn payload_align(self) -> u64 {
        match self {
            Stride::Aligned => SLOT_HEADER,
            Stride::Packed => 8,
        }
    }

    pub(crate) const fn code(self) -> u64 {
        match self {
            Stride::Aligned => 0,
            Stride::Packed => 1,
        }
    }

    pub(crate) const fn from_code(code: u64) -> Option<Self> {
        match code {
            0 => Some(Stride::Aligned),
            1 => Some(Stride::Packed),
            _ => None,
        }
    }
}
