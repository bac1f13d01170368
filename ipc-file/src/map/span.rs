//! Address ranges: reserved first, then mapped, section by section or as a whole.
//!
//! # Safety
//! A [`Span`] owns its addresses: it reserved them, nothing else in the process lies there, and only `Drop`
//! gives them back. So mapping over a part of it, which is checked to lie within, takes nothing from other code.
//! What can't be checked is which code follows a pointer into it, and that is unsafe where it happens.
//!
//! Spans of roles are kept from forked children (`MADV_DONTFORK`), by the same step that maps them: their addresses
//! may hold something else there, so dropping such a span in a child does nothing.

#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "words ahead of a ring's birth are cleared, relaxed")]

use std::num::NonZeroUsize;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use libc::c_void;
use nix::errno::Errno;
use nix::sys::mman::{
    MRemapFlags, MapFlags, MmapAdvise, MsFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, mremap,
    msync, munmap,
};
use ringway_core::placement::{HandleStatus, HeaderWords};
use ringway_core::{Geometry, Section};

use crate::locks::descriptors;
use crate::system::{handle_status, page_size};

/// The page size of the running system, in bytes.
pub fn page_size() -> u64 {
    page_size::page_size().get() as u64
}

/// A range of this process's addresses, for the sections of one ring.
#[derive(Debug)]
pub struct Span {
    base: NonNull<u8>,
    length: usize,
    /// Tells whether the range is still this span's; `None` if forked children inherit it.
    fork: Option<HandleStatus>,
}

// SAFETY: addresses belong to the process, not to a thread.
unsafe impl Send for Span {}
// SAFETY: whatever changes the mapping takes `&mut self`.
unsafe impl Sync for Span {}

impl Span {
    /// Reserves `length` bytes of address space, a multiple of the page size, aligned to `align`, a power of
    /// two. Nothing is accessible yet, and forked children don't get what will be mapped there.
    ///
    /// # Errors
    /// What the system says.
    pub fn reserve(length: u64, align: u64) -> Result<Self, Errno> {
        let fork =
            handle_status::current().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
        Self::reserve_as(length, align, Some(fork))
    }

    /// As [`reserve`](Self::reserve), but forked children inherit what will be mapped there.
    ///
    /// # Errors
    /// As for [`reserve`](Self::reserve).
    pub fn reserve_inheritable(length: u64, align: u64) -> Result<Self, Errno> {
        Self::reserve_as(length, align, None)
    }

    fn reserve_as(length: u64, align: u64, fork: Option<HandleStatus>) -> Result<Self, Errno> {
        let length = usize::try_from(length).map_err(|_| Errno::ENOMEM)?;
        let align = usize::try_from(align).map_err(|_| Errno::ENOMEM)?.max(page_size::page_size().get());
        let slack = align - page_size::page_size().get();
        let longer = length.checked_add(slack).and_then(NonZeroUsize::new).ok_or(Errno::ENOMEM)?;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let start = unsafe { mmap_anonymous(None, longer, ProtFlags::PROT_NONE, flags)? }.cast::<u8>();
        let before = start.addr().get().next_multiple_of(align) - start.addr().get();
        // SAFETY: the aligned start and the span behind it lie within what was just mapped.
        let base = unsafe { start.add(before) };
        let span = Self { base, length, fork };
        trim(start, before)?;
        // SAFETY: `before` is at most `slack`.
        trim(unsafe { base.add(length) }, slack - before)?;
        Ok(span)
    }

    /// The first byte. Only what is mapped may be accessed, and only as it is protected.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Number of bytes.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Maps a section of the file of `fd`, which starts at `offset` of the file, into its place. No child forked
    /// from now on gets it, unless the span is inheritable.
    ///
    /// # Errors
    /// What the system says; `EINVAL` if the section lies outside the span.
    pub fn map_file(
        &mut self,
        section: Section,
        fd: BorrowedFd<'_>,
        offset: u64,
        write: bool,
    ) -> Result<(), Errno> {
        let (start, length) = self.range(section)?;
        let offset = libc::off_t::try_from(offset).map_err(|_| Errno::EOVERFLOW)?;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_FIXED;
        self.map_unforked(section, || {
            // SAFETY: the range lies within this span, whose addresses are its own.
            unsafe { mmap(Some(start.addr()), length, protection(write), flags, fd, offset) }.map(drop)
        })
    }

    /// Maps the file of `fd` from `offset` on over the whole span, privately: nothing reaches the file. A page follows
    /// the file until it is copied, as [`copy_pages`](Self::copy_pages) has it where `write` is true. No child forked
    /// from now on gets it, unless the span is inheritable.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn map_private(&mut self, fd: BorrowedFd<'_>, offset: u64, write: bool) -> Result<(), Errno> {
        let (start, length) = self.range(self.whole())?;
        let offset = libc::off_t::try_from(offset).map_err(|_| Errno::EOVERFLOW)?;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED;
        self.map_unforked(self.whole(), || {
            // SAFETY: as in `map_file`.
            unsafe { mmap(Some(start.addr()), length, protection(write), flags, fd, offset) }.map(drop)
        })
    }

    /// Has the kernel copy each page of a private mapping from byte `start` to byte `end`, in this thread.
    /// Contents stay as they are.
    ///
    /// # Errors
    /// What the system says; `EFAULT` if the file was cut short.
    pub(crate) fn copy_pages(&mut self, start: u64, end: u64) -> Result<(), Errno> {
        if end <= start {
            return Ok(());
        }
        match self.advise(Section { offset: start, length: end - start }, MmapAdvise::MADV_POPULATE_WRITE) {
            // Kernels before 5.14. Storing a bit has the page copied, and it is put back in the copy.
            Err(Errno::EINVAL) if end <= self.length as u64 => {
                for offset in (start as usize..end as usize).step_by(page_size::page_size().get()) {
                    // SAFETY: within the mapped span, at the start of a page, reached by atomic accesses alone.
                    let word = unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) };
                    word.fetch_xor(1, Ordering::Relaxed);
                    word.fetch_xor(1, Ordering::Relaxed);
                }
                Ok(())
            }
            other => other,
        }
    }

    /// Maps zeros from byte `start` to byte `end`, private and writable, in the place of what was mapped there.
    ///
    /// # Errors
    /// What the system says; `EINVAL` if the range lies outside the span.
    pub(crate) fn map_zeros(&mut self, start: u64, end: u64) -> Result<(), Errno> {
        if end <= start {
            return Ok(());
        }
        let section = Section { offset: start, length: end - start };
        let (start, length) = self.range(section)?;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE | MapFlags::MAP_FIXED;
        self.map_unforked(section, || {
            // SAFETY: as in `map_file`.
            unsafe { mmap_anonymous(Some(start.addr()), length, protection(true), flags) }.map(drop)
        })
    }

    /// Has `map` map something over a section, and keeps that out of forked children.
    ///
    /// Both with forks held: a child forked between the two would have the mapping for good. With it, it would
    /// keep the file's open description, and the locks of a role whose process is dead.
    fn map_unforked(
        &mut self,
        section: Section,
        map: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let _held = descriptors::hold_forks()?;
        map()?;
        if self.fork.is_none() {
            return Ok(());
        }
        self.advise(section, MmapAdvise::MADV_DONTFORK).inspect_err(|_| self.unmap(section))
    }

    /// Puts addresses without memory in the place of a section.
    fn unmap(&self, section: Section) {
        if let Ok((start, length)) = self.range(section) {
            let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE | MapFlags::MAP_FIXED;
            // SAFETY: as in `map_file`. What can't be replaced is unmapped with the span.
            let _ = unsafe { mmap_anonymous(Some(start.addr()), length, ProtFlags::PROT_NONE, flags) };
        }
    }

    /// Maps new shared memory, zeroed, readable and writable, over the whole span.
    ///
    /// # Errors
    /// What the system says.
    pub fn map_memory(&mut self) -> Result<(), Errno> {
        let (start, length) = self.range(self.whole())?;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_FIXED;
        // SAFETY: as in `map_file`.
        unsafe { mmap_anonymous(Some(start.addr()), length, protection(true), flags)? };
        Ok(())
    }

    /// Maps the shared memory of `other`, a span of the same length, over the whole of this one: the same
    /// memory at other addresses.
    ///
    /// # Errors
    /// What the system says; `EINVAL` if the lengths differ.
    pub fn map_again(&mut self, other: &Span) -> Result<(), Errno> {
        if other.length != self.length {
            return Err(Errno::EINVAL);
        }
        let flags = MRemapFlags::MREMAP_MAYMOVE | MRemapFlags::MREMAP_FIXED;
        let target = Some(self.base.cast());
        let length = self.length;
        self.map_unforked(self.whole(), || {
            // SAFETY: an old length of 0 leaves `other` as it is and maps its memory once more (mremap(2));
            // the target is this span, whose addresses are its own.
            unsafe { mremap(other.base.cast(), 0, length, flags, target) }.map(drop)
        })
    }

    /// Makes a section readable, and writable or not.
    ///
    /// # Errors
    /// What the system says; `EINVAL` if the section lies outside the span.
    pub fn protect(&mut self, section: Section, write: bool) -> Result<(), Errno> {
        let (start, length) = self.range(section)?;
        // SAFETY: within this span, whose user knows which sections it may write.
        unsafe { mprotect(start, length.get(), protection(write)) }
    }

    /// Keeps the span's contents out of core dumps. To be called after the last section is mapped.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep_out_of_dumps(&mut self) -> Result<(), Errno> {
        self.advise(self.whole(), MmapAdvise::MADV_DONTDUMP)
    }

    /// Writes a ring's header into zeroed memory mapped writable at the start of the span.
    ///
    /// # Safety
    /// The geometry's section is mapped writable, and no other Rust pointer is used to access it.
    pub unsafe fn format(&mut self, geometry: &Geometry) {
        // SAFETY: the caller's; page-aligned, and mapped as long as the span lives.
        let words = unsafe { HeaderWords::writable(self.base) };
        ringway_core::placement::format(&words, geometry);
    }

    /// Sets words of mapped memory to zero.
    ///
    /// # Safety
    /// The `count` words from byte `offset` of the span on lie in a section mapped writable, and no Rust pointer
    /// is used to access them but for atomic accesses.
    pub(crate) unsafe fn zero_words(&mut self, offset: usize, count: usize) {
        for index in 0..count {
            // SAFETY: the caller's; word-aligned if `offset` is, since the span is page-aligned.
            unsafe { AtomicU64::from_ptr(self.base.add(offset + 8 * index).cast().as_ptr()) }
                .store(0, Ordering::Relaxed);
        }
    }

    /// Writes what was changed in these pages, through whatever mapping, to the file.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn write_back(&self, flags: MsFlags) -> Result<(), Errno> {
        // SAFETY: `msync` changes nothing that a pointer could see.
        unsafe { msync(self.base.cast(), self.length, flags) }
    }

    pub(super) fn advise(&self, section: Section, advice: MmapAdvise) -> Result<(), Errno> {
        let (start, length) = self.range(section)?;
        // SAFETY: within this span; none of the advice given here changes contents.
        unsafe { madvise(start, length.get(), advice) }
    }

    /// The span as one section.
    pub fn whole(&self) -> Section {
        Section { offset: 0, length: self.length as u64 }
    }

    pub(super) fn range(&self, section: Section) -> Result<(NonNull<c_void>, NonZeroUsize), Errno> {
        let end = section.offset.checked_add(section.length).ok_or(Errno::EINVAL)?;
        let length = NonZeroUsize::new(section.length as usize).ok_or(Errno::EINVAL)?;
        if end > self.length as u64 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the offset was just found to lie within the span.
        Ok((unsafe { self.base.add(section.offset as usize) }.cast(), length))
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.fork.is_none_or(|fork| fork.check_fork().is_ok()) {
            // SAFETY: the span's own addresses, which nobody uses after it.
            let _ = unsafe { munmap(self.base.cast(), self.length) };
        }
    }
}

fn protection(write: bool) -> ProtFlags {
    if write { ProtFlags::PROT_READ | ProtFlags::PROT_WRITE } else { ProtFlags::PROT_READ }
}

/// Gives back a part that a reservation doesn't need.
fn trim(start: NonNull<u8>, length: usize) -> Result<(), Errno> {
    if length == 0 {
        return Ok(());
    }
    // SAFETY: called for the parts of a fresh reservation that lie before and behind its span.
    unsafe { munmap(start.cast(), length) }
}
