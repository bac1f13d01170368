//! Why a frame is refused.

use super::{HEADER, MAX_SEQ, VERSION};

/// Why a frame is refused. None of it was used then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Shorter than a header.
    #[error("frame of {found} bytes, expected at least {HEADER}: another program writes to this key")]
    TooShort {
        /// Its bytes.
        found: usize,
    },
    /// It begins otherwise.
    #[error("frame without its mark: another program writes to this key")]
    Magic,
    /// Another version of the layout.
    #[error("frame of version {found}, expected {VERSION}: run the same release on both sides")]
    Version {
        /// The version found.
        found: u16,
    },
    /// A condition that there isn't.
    #[error("frame with condition {found}, expected 0 to 3: run the same release on both sides")]
    Condition {
        /// The code found.
        found: u8,
    },
    /// A frame of another ring.
    #[error(
        "frame of another ring than the one that is mirrored: the source made its ring anew, or two sources have one name"
    )]
    OtherRing,
    /// Sequences that aren't in order, or exceed 2^62.
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
    /// The records have other bytes than the header says.
    #[error("frame with {found} bytes of records, expected {expected}: it was cut short or padded")]
    Length {
        /// Bytes there.
        found: usize,
        /// Bytes that the header names.
        expected: u32,
    },
    /// A record that reaches past the frame, or bytes after the last one.
    #[error("frame whose record {index} doesn't end with it: its lengths don't add up")]
    Record {
        /// Number of the record, from 0.
        index: u32,
    },
    /// A message that the mirror can't take.
    #[error("frame with a message of {found} bytes, expected {expected}: the geometries differ")]
    MessageLength {
        /// Its bytes.
        found: u32,
        /// The payload capacity.
        expected: u64,
    },
    /// A tag where the stride has none.
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
    /// Of another version of the layout, or of a condition that this one hasn't.
    pub version: u64,
    /// Of another ring.
    pub ring: u64,
    /// With sequences that can't be.
    pub sequences: u64,
    /// With messages that the ring can't have.
    pub geometry: u64,
    /// With lengths that don't add up, or no frames at all.
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
