//! Why a frame is refused.

use super::{HEADER, MAX_SEQ, VERSION};

/// Why a frame is refused. A refused frame changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame is shorter than a header.
    #[error("frame of {found} bytes, expected at least {HEADER}: another program writes to this key")]
    TooShort {
        /// Its bytes.
        found: usize,
    },
    /// The frame doesn't begin with the mark.
    #[error("frame without its mark: another program writes to this key")]
    Magic,
    /// The frame has another version of the layout.
    #[error("frame of version {found}, expected {VERSION}: run the same release on both sides")]
    Version {
        /// The version found.
        found: u16,
    },
    /// The code of the condition is unknown.
    #[error("frame with condition {found}, expected 0 to 3: run the same release on both sides")]
    Condition {
        /// The code found.
        found: u8,
    },
    /// The frame is of another ring.
    #[error(
        "frame of another ring than the one that is mirrored: the source made its ring anew, or two sources have one name"
    )]
    OtherRing,
    /// The sequences aren't in order, or exceed 2^62.
    #[error(
        "frame from {from}, starting at {start}, of {count} messages: expected ascending sequences below {MAX_SEQ}"
    )]
    Sequences {
        /// Where it continues.
        from: u64,
        /// Where it starts.
        start: u64,
        /// Number of records.
        count: u32,
    },
    /// The records are longer or shorter than the header says.
    #[error("frame with {found} bytes of records, expected {expected}: it was cut short or padded")]
    Length {
        /// Bytes there.
        found: usize,
        /// Bytes that the header names.
        expected: u32,
    },
    /// A record reaches past the frame, or bytes follow the last record.
    #[error("frame whose record {index} doesn't end with it: its lengths don't add up")]
    Record {
        /// Number of the record, from 0.
        index: u32,
    },
    /// A message doesn't fit the mirror.
    #[error("frame with a message of {found} bytes, expected {expected}: the geometries differ")]
    MessageLength {
        /// Its bytes.
        found: u32,
        /// The payload capacity.
        expected: u64,
    },
    /// A message has a tag, and the stride has none.
    #[error("frame with tag {found}, expected none: messages of this stride have no tags")]
    Tag {
        /// The tag found.
        found: u32,
    },
}

/// Frames refused, by what was wrong with them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Refused {
    /// Frames of another version of the layout, or with an unknown condition.
    pub version: u64,
    /// Frames of another ring.
    pub ring: u64,
    /// Frames with impossible sequences.
    pub sequences: u64,
    /// Frames with messages that don't fit the ring.
    pub geometry: u64,
    /// Frames whose lengths don't add up, and bytes that aren't a frame.
    pub bytes: u64,
}

impl Refused {
    /// Counts a frame.
    pub fn count(&mut self, error: &FrameError) {
        *match error {
            FrameError::Version { .. } | FrameError::Condition { .. } => &mut self.version,
            FrameError::OtherRing => &mut self.ring,
            FrameError::Sequences { .. } => &mut self.sequences,
            FrameError::MessageLength { .. } | FrameError::Tag { .. } => &mut self.geometry,
            FrameError::TooShort { .. }
            | FrameError::Magic
            | FrameError::Length { .. }
            | FrameError::Record { .. } => &mut self.bytes,
        } += 1;
    }

    /// The counts, with the name of each reason.
    pub fn reasons(&self) -> [(&'static str, u64); 5] {
        let Self { version, ring, sequences, geometry, bytes } = *self;
        [
            ("version", version),
            ("ring", ring),
            ("sequences", sequences),
            ("geometry", geometry),
            ("bytes", bytes),
        ]
    }
}
