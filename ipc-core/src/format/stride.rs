//! How slots lie one after another.

use crate::format::error::GeometryError;
use crate::format::layout::{LINE, LINE_PAIR, SLOT_HEADER};

/// How slots lie one after another.
///
/// | messages | stride |
/// | --- | --- |
/// | of several lengths, with tags, or of up to 48 bytes | `Aligned` |
/// | of 64 bytes in streams, or where memory is short | `Packed` |
/// | all of 49 to 56 bytes | `Line`: half the cache lines |
/// | all of 64 bytes or a multiple, in batches | `Split` |
///
/// # Examples
/// ```
/// use ringway::{Config, PublishError, Ring, Stride};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new().payload_capacity(56).stride(Stride::Line))?;
/// let mut producer = ring.producer()?;
/// producer.publish(&[7; 56])?;
/// let refused = producer.publish(&[7; 55]);
/// assert_eq!(refused, Err(PublishError::FixedLength { len: 55, expected: 56 }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Stride {
    /// A multiple of 64 bytes: no two slots share a cache line. Payloads are 16-aligned.
    #[default]
    Aligned,
    /// A multiple of 8 bytes: less memory, a slower round trip. Payloads are 8-aligned.
    Packed,
    /// One cache line of 64 bytes a message, which all have one length: exactly the ring's payload capacity, 56 bytes
    /// at most. No message has a tag. Payloads are 16-aligned.
    ///
    /// For messages of 49 to 56 bytes, which take two lines each if the stride is `Aligned`. The guide has a table of
    /// which stride is for which message, and figures.
    Line,
    /// Payloads at multiples of 64 bytes, apart from their stamps, which lie densely. Messages all have one length:
    /// exactly the ring's payload capacity. No message has a tag. Payloads are 16-aligned.
    ///
    /// For batches of messages of 64 bytes, or a multiple. Consumers go by head: they read one line for each
    /// message of 64 bytes, and head's line now and then (and stamps, where they copy). A round trip takes longer than
    /// with the others, since each message brings head's line over, too. A batch comes once head counts it, not message
    /// by message.
    Split,
}

/// Bytes of a stamp.
const STAMP: u64 = 8;

/// Where the parts of a ring's slots lie, in bytes from the ring's start.
#[cfg(not(loom))]
pub(crate) struct SlotParts {
    /// The first payload. From one to the next it is the stride.
    pub(crate) payloads: u64,
    /// The first stamp.
    pub(crate) stamps: u64,
    /// From one stamp to the next.
    pub(crate) stamp_stride: u64,
}

impl Stride {
    /// What the distance from one slot to the next is a multiple of, in bytes.
    pub(crate) const fn multiple(self) -> u64 {
        match self {
            Stride::Aligned | Stride::Line | Stride::Split => LINE,
            Stride::Packed => 8,
        }
    }

    /// Whether all messages of a ring have one length: exactly its payload capacity. Such messages have no tags.
    pub const fn is_fixed_length(self) -> bool {
        match self {
            Stride::Aligned | Stride::Packed => false,
            Stride::Line | Stride::Split => true,
        }
    }

    /// Bytes of a slot besides its payload.
    const fn overhead(self) -> u64 {
        match self {
            Stride::Aligned | Stride::Packed => SLOT_HEADER,
            Stride::Line => STAMP,
            Stride::Split => 0,
        }
    }

    /// Bytes from one slot to the next; `None` if the number overflows.
    pub(crate) fn bytes(self, capacity: u64) -> Option<u64> {
        self.overhead().checked_add(capacity)?.max(1).checked_next_multiple_of(self.multiple())
    }

    /// Whether the stamps lie apart from the payloads, so that consumers had better go by head.
    pub(crate) const fn is_read_by_head(self) -> bool {
        matches!(self, Stride::Split)
    }

    /// Bytes of so many slots of `stride` bytes; `None` if the number overflows.
    pub(crate) fn section(self, slots: u64, stride: u64) -> Option<u64> {
        slots.checked_mul(stride)?.checked_add(self.stamps_apart(slots))
    }

    /// Bytes ahead of the payloads, of the stamps that lie there. Of as many slots as there may
    /// be, it doesn't overflow.
    const fn stamps_apart(self, slots: u64) -> u64 {
        match self {
            Stride::Split => (slots * STAMP).next_multiple_of(LINE_PAIR as u64),
            _ => 0,
        }
    }

    /// Whether slots hold payloads of so many bytes.
    pub(crate) const fn check_capacity(self, found: u64) -> Result<(), GeometryError> {
        match self {
            Stride::Line if found > LINE - STAMP => Err(GeometryError::LineCapacity { found }),
            _ if found > u32::MAX as u64 => Err(GeometryError::PayloadCapacity { found }),
            _ => Ok(()),
        }
    }

    /// Where the parts of slots of `stride` bytes lie, the first of which begins at `offset`.
    #[cfg(not(loom))]
    pub(crate) const fn parts(self, offset: u64, slots: u64, stride: u64) -> SlotParts {
        match self {
            Stride::Split => {
                SlotParts { payloads: offset + self.stamps_apart(slots), stamps: offset, stamp_stride: STAMP }
            }
            Stride::Aligned | Stride::Packed => {
                SlotParts { payloads: offset + SLOT_HEADER, stamps: offset, stamp_stride: stride }
            }
            Stride::Line => {
                SlotParts { payloads: offset, stamps: offset + LINE - STAMP, stamp_stride: stride }
            }
        }
    }

    /// The alignment of every payload in the ring, in bytes.
    pub const fn payload_align(self) -> u64 {
        match self {
            Stride::Aligned | Stride::Line | Stride::Split => SLOT_HEADER,
            Stride::Packed => 8,
        }
    }

    pub(crate) const fn code(self) -> u64 {
        match self {
            Stride::Aligned => 0,
            Stride::Packed => 1,
            Stride::Line => 2,
            Stride::Split => 3,
        }
    }

    pub(crate) const fn from_code(code: u64) -> Option<Self> {
        match code {
            0 => Some(Stride::Aligned),
            1 => Some(Stride::Packed),
            2 => Some(Stride::Line),
            3 => Some(Stride::Split),
            _ => None,
        }
    }
}
