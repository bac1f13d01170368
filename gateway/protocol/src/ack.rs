//! The ack: a sink tells its source how far the mirror is.
//!
//! ```text
//!  offset  bytes
//!       0      4  "RWGA"
//!       4      2  version of this layout, 1
//!       6      2  0
//!       8     16  ring id of the source's ring
//!      24      8  the mirror's next sequence: all before it is there, or skipped
//!      32      8  messages that the mirror skipped
//! ```

use crate::frame::{MAX_SEQ, RingId, VERSION};

const MAGIC: [u8; 4] = *b"RWGA";
/// Bytes of an ack.
pub const LENGTH: usize = 40;

/// How far a mirror is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ack {
    /// The source's ring.
    pub ring_id: RingId,
    /// The mirror's next sequence.
    pub next: u64,
    /// Messages that this sink skipped since it started.
    pub skipped: u64,
}

impl Ack {
    /// Its bytes.
    ///
    /// # Examples
    /// ```
    /// use ringway_gateway_protocol::ack::Ack;
    ///
    /// let ack = Ack { ring_id: [1; 16], next: 5, skipped: 0 };
    /// assert_eq!(Ack::read(&ack.bytes()), Some(ack));
    /// assert_eq!(Ack::read(b"garbage"), None);
    /// ```
    pub fn bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[8..24].copy_from_slice(&self.ring_id);
        bytes[24..32].copy_from_slice(&self.next.to_le_bytes());
        bytes[32..].copy_from_slice(&self.skipped.to_le_bytes());
        bytes
    }

    /// Reads an ack; `None` if the bytes aren't an ack of this version.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        if bytes[..4] != MAGIC || bytes[4..6] != VERSION.to_le_bytes() {
            return None;
        }
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let (next, skipped) = (u64_at(24), u64_at(32));
        let ring_id = bytes[8..24].try_into().expect("16 bytes");
        (next <= MAX_SEQ).then_some(Self { ring_id, next, skipped })
    }
}
