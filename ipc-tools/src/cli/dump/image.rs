//! A ring in a private copy of its file, read word by word.

use std::cell::Cell;

use ringway::file::PrivateMapping;
use ringway::{Truncated, Unusable};

/// The bytes of a ring, from its first one on.
///
/// A file that is cut short under it reads as if it ended there. [`check`](Self::check) tells, once all is read.
pub(super) struct Image {
    copy: PrivateMapping,
    offset: u64,
    failed: Cell<bool>,
}

impl Image {
    pub(super) fn new(copy: PrivateMapping, offset: u64) -> Self {
        Self { copy, offset, failed: Cell::new(false) }
    }

    /// The file that it lies in.
    pub(super) fn file(&self) -> &PrivateMapping {
        &self.copy
    }

    /// Where the ring starts in the file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes from the ring's start to the end of the file.
    pub(super) fn length(&self) -> u64 {
        self.copy.length().saturating_sub(self.offset)
    }

    /// Copies bytes out, as many as there are from `at` on. Returns how many.
    pub(super) fn bytes(&self, at: u64, bytes: &mut [u8]) -> usize {
        let Some(at) = self.offset.checked_add(at) else { return 0 };
        self.copy.read(at, bytes).unwrap_or_else(|_| {
            self.failed.set(true);
            0
        })
    }

    /// The word at `at`; `None` if the file ends before it does.
    pub(super) fn word(&self, at: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        (self.bytes(at, &mut bytes) == 8).then(|| u64::from_ne_bytes(bytes))
    }

    /// Whether all that was read was there.
    pub(super) fn check(&self) -> Result<(), Unusable> {
        if self.failed.get() { Err(Truncated.into()) } else { Ok(()) }
    }
}
