//! The bytes of messages, as Python objects lead to them.
//!
//! # Safety
//! A slot's bytes lie in the mapping of the reader that its hold keeps, and the producer leaves them alone until the
//! hold is dropped: the ring was opened with trust.
#![allow(unsafe_code)]

use crate::hold::Hold;

/// Bytes of one message, or of several.
pub enum Memory {
    /// Private copies.
    Owned(Vec<u8>),
    /// Where they lie in the ring.
    Slots {
        /// The first byte.
        at: *const u8,
        /// Number of bytes.
        len: usize,
        /// What keeps them.
        hold: Hold,
    },
}

// SAFETY: the bytes don't change as long as this lives, whatever thread reads them.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// The first byte.
    pub fn as_ptr(&self) -> *const u8 {
        match self {
            Self::Owned(bytes) => bytes.as_ptr(),
            Self::Slots { at, .. } => *at,
        }
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Owned(bytes) => bytes.len(),
            Self::Slots { len, .. } => *len,
        }
    }

    /// Whether they are the parent process's.
    pub fn is_forked(&self) -> bool {
        matches!(self, Self::Slots { hold, .. } if hold.is_forked())
    }

    /// The bytes. Only where [`is_forked`](Self::is_forked) says no.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            // SAFETY: see the module.
            Self::Slots { at, len, .. } => unsafe { core::slice::from_raw_parts(*at, *len) },
        }
    }
}
