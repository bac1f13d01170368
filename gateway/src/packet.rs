//! A frame as Zenoh delivered it.

use zenoh::bytes::ZBytes;

/// Shorter frames are copied: one may lie in a buffer of 64 KiB of Zenoh, which it would keep alive.
const COPIED: usize = 16 * 1024;

/// A frame as it came, in Zenoh's memory or as a copy.
#[derive(Debug)]
pub enum Packet {
    /// One piece of Zenoh's memory.
    Borrowed(ZBytes),
    /// A copy.
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
