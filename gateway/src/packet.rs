//! A frame as Zenoh delivered it.

use zenoh::bytes::ZBytes;

/// Bytes below which a frame is copied: it may lie in a buffer of Zenoh's of 64 KiB, which it would keep.
const COPIED: usize = 16 * 1024;

/// A frame as it came: where Zenoh has received it, or a copy.
#[derive(Debug)]
pub enum Packet {
    /// In one piece of Zenoh's memory.
    Borrowed(ZBytes),
    /// In our own.
    Copied(Vec<u8>),
}

impl From<&ZBytes> for Packet {
    fn from(bytes: &ZBytes) -> Self {
        if bytes.len() < COPIED || bytes.slices().count() != 1 {
            return Self::Copied(bytes.to_bytes().into_owned());
        }
        Self::Borrowed(bytes.clone())
    }
}

impl AsRef<[u8]> for Packet {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes.slices().next().unwrap_or_default(),
            Self::Copied(bytes) => bytes,
        }
    }
}
