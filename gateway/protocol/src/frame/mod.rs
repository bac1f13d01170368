//! What a source sends: consecutive messages of one ring.
//!
//! ```text
//!  offset  bytes
//!       0      4  "RWGF"
//!       4      2  version of this layout, 1
//!       6      1  condition of the ring: 0 no producer yet, 1 live, 2 producer lost, 3 closed
//!       7      1  0
//!       8      4  number of records
//!      12      4  bytes of all records
//!      16     16  ring id
//!      32      8  epoch of the ring's producer
//!      40      8  first sequence of that epoch
//!      48      8  from: the sequence that the frame continues at
//!      56      8  start: sequence of the first record. The source lost the messages from `from` to before it
//!      64         records: length (4), tag (4), bytes
//! ```
//!
//! Numbers are little-endian. A frame without records says how far the source has sent, or what it lost.

mod decode;
mod encode;
mod error;

pub use decode::{Expected, Frame, Record, Records};
pub use encode::Builder;
pub use error::{FrameError, Refused};

/// The mark at the beginning of a frame.
pub const MAGIC: [u8; 4] = *b"RWGF";
/// The version of the layout.
pub const VERSION: u16 = 1;
/// Bytes before the records.
pub const HEADER: usize = 64;
/// Bytes before the payload of a record.
pub const RECORD: usize = 8;
/// A frame of more than one message has this many bytes at most: with what Zenoh adds it is just one of its batches, which
/// have 65,535.
pub const FRAME_BYTES: usize = 64_000;
/// No sequence is larger.
pub const MAX_SEQ: u64 = 1 << 62;

/// Identity of a ring.
pub type RingId = [u8; 16];

/// The state of a ring's producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Condition {
    /// No producer has entered the ring yet.
    NoProducerYet = 0,
    /// The producer is alive.
    Live = 1,
    /// The producer is gone, and the ring isn't closed.
    Lost = 2,
    /// The producer closed the ring.
    Closed = 3,
}

impl Condition {
    /// The condition of this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::NoProducerYet,
            1 => Self::Live,
            2 => Self::Lost,
            3 => Self::Closed,
            _ => return None,
        })
    }
}

/// The header of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The state of the producer.
    pub condition: Condition,
    /// The ring.
    pub ring_id: RingId,
    /// Epoch of its producer.
    pub epoch: u64,
    /// First sequence of that epoch.
    pub epoch_first: u64,
    /// The sequence that the frame continues at.
    pub from: u64,
    /// Sequence of the first record.
    pub start: u64,
    /// Number of records.
    pub count: u32,
}

impl Header {
    /// The sequence after the last record.
    pub fn end(&self) -> u64 {
        self.start + u64::from(self.count)
    }

    /// Whether the frame has neither records nor a loss: it says where the source is.
    pub fn is_heartbeat(&self) -> bool {
        self.count == 0 && self.from == self.start
    }
}

/// The ring of which these bytes claim to be a frame; `None` if they can't be one.
pub fn ring_of(bytes: &[u8]) -> Option<RingId> {
    let claims = bytes.len() >= HEADER && bytes[..4] == MAGIC && bytes[4..6] == VERSION.to_le_bytes();
    claims.then(|| bytes[16..32].try_into().expect("16 bytes"))
}
