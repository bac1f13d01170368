//! A modelled payload's bytes, as the roles hold them, with the shadow cell of their slot.

use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use super::storage::ModelSlot;
use crate::ordering::sync::{ConstPtr, MutPtr};

/// A message's bytes. Where production borrows a slot, this holds the slot's shadow cell.
pub struct Payload<'a> {
    pub(super) bytes: Vec<u8>,
    pub(super) reading: Option<ConstPtr<()>>,
    pub(super) borrow: PhantomData<&'a [u8]>,
}

impl Payload<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Ends the borrow.
    pub(crate) fn end(&mut self) {
        self.reading = None;
    }
}

impl Clone for Payload<'_> {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes.clone(), reading: None, borrow: PhantomData }
    }
}

impl core::fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.bytes.fmt(f)
    }
}

impl From<&[u8]> for Payload<'_> {
    fn from(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), reading: None, borrow: PhantomData }
    }
}

impl Deref for Payload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A claimed slot's bytes. What was written reaches the slot, or the buffer, when this is dropped, which the protocol
/// does before it publishes, or when it abandons the claim.
pub struct PayloadMut<'a> {
    pub(super) bytes: Vec<u8>,
    pub(super) slot: Option<(&'a ModelSlot, Option<MutPtr<()>>)>,
    /// The private buffer that the bytes are of, where they are of no slot.
    pub(super) buffer: Option<&'a mut [u8]>,
}

impl PayloadMut<'_> {
    /// Ends the borrow.
    pub(crate) fn end(self) {}
}

impl core::fmt::Debug for PayloadMut<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.bytes.fmt(f)
    }
}

impl<'a> From<&'a mut [u8]> for PayloadMut<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Self { bytes: bytes.to_vec(), slot: None, buffer: Some(bytes) }
    }
}

impl Deref for PayloadMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for PayloadMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for PayloadMut<'_> {
    fn drop(&mut self) {
        if let Some((slot, _writing)) = self.slot.take() {
            slot.store(&self.bytes);
        }
        if let Some(buffer) = self.buffer.take() {
            buffer.copy_from_slice(&self.bytes);
        }
    }
}
