//! The word by which a handle knows that it was made before a fork.
//!
//! It lies in a private page that the kernel wipes in every forked child (`MADV_WIPEONFORK`), whatever
//! forked: no handler has to run. While the page reads 0, no handle was made in this process yet; the first
//! one numbers a new generation, from a counter in ordinary memory, which a fork copies. So a child's
//! generations are larger than those of every handle that it inherited.
//!
//! Nothing here locks, since a fork may happen at any moment, and a lock that another thread holds stays held
//! for ever in the child.
//!
//! # Safety
//! The one page is never unmapped, so references to its word are `'static`. Only atomic accesses reach it.

#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "the words are private to the process, not shared memory")]

use std::io;
use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use libc::c_void;
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};
use ringway_core::placement::HandleStatus;

use crate::system::page_size::page_size;

/// The page's word, once mapped.
static WORD: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// The last generation given out, here or in an ancestor.
static LAST: AtomicU64 = AtomicU64::new(0);

/// The status of a handle made now.
///
/// # Errors
/// The page can't be mapped, or the kernel is older than 4.14 and can't wipe it.
pub fn current() -> io::Result<HandleStatus> {
    let word = word()?;
    let mut generation = word.load(Ordering::Relaxed);
    if generation == 0 {
        let next = next_generation();
        generation = match word.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => next,
            Err(already) => already,
        };
    }
    Ok(HandleStatus::new(word, generation))
}

/// A generation larger than all that were given out before, here or in an ancestor.
pub(crate) fn next_generation() -> u64 {
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

fn word() -> io::Result<&'static AtomicU64> {
    let known = WORD.load(Ordering::Acquire);
    if let Some(known) = NonNull::new(known) {
        // SAFETY: published below, mapped for ever.
        return Ok(unsafe { known.as_ref() });
    }
    let mapped = wiped(page_size().get())?.cast::<AtomicU64>();
    // Release, and Acquire above and on failure: a thread that gets the pointer sees the page set up.
    match WORD.compare_exchange(ptr::null_mut(), mapped.as_ptr(), Ordering::Release, Ordering::Acquire) {
        // SAFETY: just mapped, readable and writable, zero, and never unmapped from here on.
        Ok(_) => Ok(unsafe { mapped.as_ref() }),
        Err(theirs) => {
            // SAFETY: mapped above and shown to nobody.
            unsafe { munmap(mapped.cast(), page_size().get())? };
            // SAFETY: another thread published it, mapped for ever.
            Ok(unsafe { &*theirs })
        }
    }
}

/// Private zeroed memory, of whole pages, that is zeroed again in every forked child.
pub(crate) fn wiped(length: usize) -> io::Result<NonNull<c_void>> {
    let length = NonZeroUsize::new(length).ok_or(Errno::EINVAL)?;
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    let pages = unsafe { mmap_anonymous(None, length, access, MapFlags::MAP_PRIVATE)? };
    // SAFETY: the pages are this function's own.
    if let Err(error) = unsafe { madvise(pages, length.get(), MmapAdvise::MADV_WIPEONFORK) } {
        // SAFETY: as above, and nothing points to them.
        unsafe { munmap(pages, length.get())? };
        return Err(error.into());
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_of_one_process_share_a_generation() {
        let (first, second) = (current().unwrap(), current().unwrap());
        assert!(first.check().is_ok() && second.check().is_ok());
        assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }
}
