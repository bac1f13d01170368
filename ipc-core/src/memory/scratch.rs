//! Private memory for messages that aren't read or written where they lie.

use crate::format::error::{PublishError, RecvError};

/// A private buffer whose bytes are 16-aligned, like a payload in an aligned slot.
///
/// It holds nothing at first, and grows to what messages need: a ring's payload capacity comes from its file, and
/// may be more than this machine has.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<u128>);

/// The allocator has no memory for a buffer of so many bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NoMemory(pub(crate) usize);

impl From<NoMemory> for RecvError {
    fn from(NoMemory(needed): NoMemory) -> Self {
        RecvError::NoMemory { needed }
    }
}

impl From<NoMemory> for PublishError {
    fn from(NoMemory(needed): NoMemory) -> Self {
        PublishError::NoMemory { needed }
    }
}

impl Scratch {
    /// The first `len` bytes; the buffer grows to hold them.
    #[inline]
    pub(crate) fn bytes(&mut self, len: usize) -> Result<&mut [u8], NoMemory> {
        self.grow(len)?;
        Ok(&mut self.all()[..len])
    }

    /// Makes sure that there are `len` bytes at least.
    #[inline]
    pub(crate) fn grow(&mut self, len: usize) -> Result<(), NoMemory> {
        if len <= self.as_bytes().len() { Ok(()) } else { self.grow_to(len) }
    }

    #[cold]
    #[inline(never)]
    fn grow_to(&mut self, len: usize) -> Result<(), NoMemory> {
        let chunks = len.div_ceil(size_of::<u128>());
        let more = chunks - self.0.len();
        // Twice what there was, so that growing messages don't move the buffer each time; where that is too much,
        // no more than is needed.
        self.0.try_reserve(more).or_else(|_| self.0.try_reserve_exact(more)).map_err(|_| NoMemory(len))?;
        self.0.resize(chunks, 0);
        Ok(())
    }

    /// All the bytes there are, to read.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        zerocopy::IntoBytes::as_bytes(self.0.as_slice())
    }

    /// All the bytes there are.
    #[inline]
    pub(crate) fn all(&mut self) -> &mut [u8] {
        zerocopy::IntoBytes::as_mut_bytes(self.0.as_mut_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_grows_to_what_is_asked_and_keeps_what_it_holds() {
        let mut scratch = Scratch::default();
        assert_eq!(scratch.all().len(), 0);
        scratch.bytes(5).unwrap().copy_from_slice(b"bytes");
        scratch.grow(100).unwrap();
        assert!(scratch.all().len() >= 100);
        assert_eq!(scratch.bytes(5).unwrap(), b"bytes");
    }

    #[test]
    fn more_than_there_can_be_is_refused_and_nothing_is_lost() {
        let mut scratch = Scratch::default();
        scratch.bytes(5).unwrap().copy_from_slice(b"bytes");
        for len in [usize::MAX, 1 << 62] {
            assert_eq!(scratch.grow(len), Err(NoMemory(len)));
        }
        assert_eq!(scratch.bytes(5).unwrap(), b"bytes");
    }
}
