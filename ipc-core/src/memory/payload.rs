//! A payload's bytes, as the roles hold them.

use core::ops::{Deref, DerefMut};

/// A message's bytes, where they lie or copied out.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a>(&'a [u8]);

impl<'a> Payload<'a> {
    /// The bytes, for as long as the borrow they come from.
    #[inline(always)]
    pub fn as_slice(&self) -> &'a [u8] {
        self.0
    }

    /// Ends the borrow.
    #[inline(always)]
    pub(crate) fn end(&mut self) {}
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Payload(bytes)
    }
}

impl Deref for Payload<'_> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        self.0
    }
}

/// A claimed slot's bytes, or the buffer that stands for them.
#[derive(Debug)]
pub struct PayloadMut<'a>(&'a mut [u8]);

impl PayloadMut<'_> {
    /// Ends the borrow.
    #[inline(always)]
    pub(crate) fn end(self) {}
}

impl<'a> From<&'a mut [u8]> for PayloadMut<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        PayloadMut(bytes)
    }
}

impl Deref for PayloadMut<'_> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        self.0
    }
}

impl DerefMut for PayloadMut<'_> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0
    }
}
