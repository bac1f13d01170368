//! A frame as Zenoh delivered it.

use zenoh::bytes::ZBytes;

/// Shorter frames are copied: one may lie in a buffer of 64 KiB of Zenoh, which it would keep alive. So a bound on the bytes
/// of frames bounds what they keep in memory, to four thirds of it.
const COPIED: usize = 48 * 1024;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_is_kept_keeps_no_buffer_of_more_than_four_thirds_of_its_bytes() {
        let kept = |bytes: usize| match Packet::from(&ZBytes::from(vec![7; bytes])) {
            Packet::Borrowed(_) => 64 * 1024,
            Packet::Copied(copy) => copy.capacity(),
        };
        for bytes in [1, 1000, 16 * 1024, 48 * 1024 - 1, 48 * 1024, 64_000] {
            assert!(kept(bytes) <= bytes * 4 / 3 + 1, "{} bytes for {bytes}", kept(bytes));
        }
    }
}
