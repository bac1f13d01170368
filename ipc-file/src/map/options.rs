//! How a mapping is to be treated by the kernel.
//!
//! # Safety
//! Locking and reading pages changes nothing that a pointer could see. Both stay within the span, whose range
//! was checked.

#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::sys::mman::{MmapAdvise, mlock};

use ringway_core::Section;

use super::span::{Span, page_size};

/// What to tell the kernel about how a ring's memory will be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Advice {
    /// Nothing in particular.
    Normal,
    /// Read in order: read ahead.
    Sequential,
    /// Read in no order: don't read ahead.
    Random,
    /// Needed soon: start reading it in.
    WillNeed,
    /// Use huge pages where possible. It takes a ring whose `section_align` is that of huge pages,
    /// and a kernel that has them.
    HugePage,
}

impl Advice {
    fn flag(self) -> MmapAdvise {
        match self {
            Advice::Normal => MmapAdvise::MADV_NORMAL,
            Advice::Sequential => MmapAdvise::MADV_SEQUENTIAL,
            Advice::Random => MmapAdvise::MADV_RANDOM,
            Advice::WillNeed => MmapAdvise::MADV_WILLNEED,
            Advice::HugePage => MmapAdvise::MADV_HUGEPAGE,
        }
    }
}

/// Options of a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct MapOptions {
    /// Bring all pages in at once, so that using the ring faults on none.
    pub populate: bool,
    /// Lock all pages in memory (`mlock`), within `RLIMIT_MEMLOCK`.
    pub lock_memory: bool,
    /// Advice to the kernel.
    pub advice: Option<Advice>,
}

impl Span {
    /// Applies the options to mapped sections, each with whether it is writable.
    ///
    /// # Errors
    /// What was tried, and what the system said.
    pub fn apply(
        &mut self,
        options: &MapOptions,
        sections: &[(Section, bool)],
    ) -> Result<(), (&'static str, Errno)> {
        if let Some(advice) = options.advice {
            self.advise(self.whole(), advice.flag())
                .map_err(|error| ("advising on the ring's memory", error))?;
        }
        if options.populate {
            for &(section, write) in sections {
                self.populate(section, write).map_err(|error| ("populating the ring's memory", error))?;
            }
        }
        if options.lock_memory {
            let (start, length) =
                self.range(self.whole()).map_err(|error| ("locking the ring in memory", error))?;
            // SAFETY: within this span, all of which is mapped.
            unsafe { mlock(start, length.get()) }.map_err(|error| ("locking the ring in memory", error))?;
        }
        Ok(())
    }

    fn populate(&self, section: Section, write: bool) -> Result<(), Errno> {
        let advice = if write { MmapAdvise::MADV_POPULATE_WRITE } else { MmapAdvise::MADV_POPULATE_READ };
        match self.advise(section, advice) {
            // Kernels before 5.14.
            Err(Errno::EINVAL) => self.touch(section),
            other => other,
        }
    }

    /// Reads a byte of each page.
    fn touch(&self, section: Section) -> Result<(), Errno> {
        let (start, length) = self.range(section)?;
        for offset in (0..length.get()).step_by(page_size() as usize) {
            // SAFETY: within a mapped section, at least readable. The value, which may be changing, is
            // dropped unseen; volatile, so that the access stays.
            unsafe { start.cast::<u8>().add(offset).read_volatile() };
        }
        Ok(())
    }
}
