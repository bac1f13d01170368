//! A private mapping of a whole file: copy-on-write, so that nothing done through it could reach the file.
//!
//! # Safety
//! The span is this mapping's own and is mapped as a whole, rounded up to pages. Bytes are only copied out, by the
//! word-wise relaxed copy that is made for memory that others change meanwhile. A file that is cut short meanwhile is
//! the truncation guard's concern, which replaces the mapping by zeros and marks the status that is asked afterwards.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use ringway_core::placement::HandleStatus;
use ringway_core::{Unusable, copy};

use super::span::{Span, page_size};
use crate::system::handle_status;
use crate::truncation::{self, Guarded};

/// A file's bytes, mapped privately and read-only.
#[derive(Debug)]
pub(crate) struct PrivateMap {
    /// Before the span, so that it is gone before the span is unmapped.
    _guarded: Option<Guarded>,
    span: Span,
    status: HandleStatus,
    length: u64,
}

impl PrivateMap {
    /// Maps the first `length` bytes of the file, of which there is one at least.
    pub(crate) fn new(fd: BorrowedFd<'_>, length: u64) -> io::Result<Self> {
        let rounded = length.checked_next_multiple_of(page_size()).ok_or(Errno::ENOMEM)?;
        let mut span = Span::reserve(rounded, page_size())?;
        span.map_private(fd, 0, false)?;
        let guarded = truncation::guard(span.base().addr().get(), span.length())?;
        let status = match &guarded {
            Some(guarded) => guarded.word(),
            None => handle_status::current()?,
        };
        Ok(Self { _guarded: guarded, span, status, length })
    }

    /// Copies bytes out, as many as there are from `offset` on. Returns how many.
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<usize, Unusable> {
        self.status.check()?;
        let there = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = bytes.len().min(there);
        // The copy begins at a word.
        let ahead = (offset % 8) as usize;
        if ahead != 0 && length != 0 {
            let mut word = [0; 8];
            let first = length.min(8 - ahead);
            self.copy(offset - ahead as u64, &mut word);
            bytes[..first].copy_from_slice(&word[ahead..ahead + first]);
            self.copy(offset + first as u64, &mut bytes[first..length]);
        } else {
            self.copy(offset, &mut bytes[..length]);
        }
        self.status.check_after()?;
        Ok(length)
    }

    /// Copies from a multiple of 8, within the mapped pages.
    fn copy(&self, offset: u64, bytes: &mut [u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = (offset as usize).checked_add(bytes.len());
        assert!(offset.is_multiple_of(8) && end.is_some_and(|end| end <= self.span.length()));
        // SAFETY: the offset was just found to lie within the span, at a word; the span ends with a page, so the range
        // rounded up to words is mapped, too. The destination is private memory.
        unsafe {
            let source = self.span.base().add(offset as usize).cast::<u64>();
            copy::copy_out(bytes.as_mut_ptr(), source.as_ptr(), bytes.len());
        }
    }
}
