//! Lengths and messages that are known to fit a slot: checked once, and then no more.

use crate::memory::access::Access;
use crate::memory::{Parts, Slot, Slots};

/// A payload length known to fit the slots of the ring it was made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Len(pub(super) usize);

impl Len {
    #[inline(always)]
    pub(crate) fn get(self) -> usize {
        self.0
    }

    /// The first so many of `bytes`.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub(crate) fn prefix_of(self, bytes: &[u8]) -> SizedMessage<'_> {
        SizedMessage(&bytes[..self.0])
    }
}

/// A message known to fit the slots of the ring it was made for.
#[derive(Clone, Copy)]
pub(crate) struct SizedMessage<'a>(pub(super) &'a [u8]);

impl SizedMessage<'_> {
    #[inline(always)]
    pub(crate) fn len(&self) -> Len {
        Len(self.0.len())
    }
}

impl<A: Access> Slots<A> {
    /// `len` as a payload length, if the slots have headers and hold as much.
    #[inline(always)]
    pub(crate) fn len(&self, len: usize) -> Option<Len> {
        if len < self.headed_below { Some(Len(len)) } else { None }
    }

    /// `message`, if the slots have headers and hold as much.
    #[inline(always)]
    pub(crate) fn fit<'m>(&self, message: &'m [u8]) -> Option<SizedMessage<'m>> {
        self.len(message.len()).map(|_| SizedMessage(message))
    }

    /// `message`, if all messages have one length, and it has that.
    #[inline(always)]
    pub(crate) fn fit_fixed<'m>(&self, message: &'m [u8]) -> Option<SizedMessage<'m>> {
        self.fixed_len(message.len()).map(|_| SizedMessage(message))
    }

    /// The length of each message, if that is one, and `len` is it.
    #[inline(always)]
    pub(crate) fn fixed_len(&self, len: usize) -> Option<Len> {
        if !self.are_headed() && len == self.capacity() { Some(Len(len)) } else { None }
    }
}

impl<A: Access, P: Parts> Slot<'_, A, P> {
    /// `len`, as found in the slot, as a payload length, if the slot holds as much.
    #[inline(always)]
    pub(crate) fn len(self, len: u64) -> Option<Len> {
        if len <= self.capacity() as u64 { Some(Len(len as usize)) } else { None }
    }
}
