//! The mappings of this process's roles, as its signal handler finds them.
//!
//! The table grows by chunks, each twice as long as the one before, and is never freed. It is read by handlers
//! that interrupt the code that writes it, in any thread, so it has no lock. An entry is written under a generation
//! that no other entry ever has. A reader that finds the same generation before and after it has read a range
//! has read the range of that generation, since a range is stored after the generation before it was cleared.
//!
//! The chunks are wiped in forked children, where the mappings aren't: the entry's word is the status word of
//! the role's handle.
//!
//! # Safety
//! Chunks are zeroed, aligned to pages and never unmapped, so references to entries are `'static`; zero is a
//! valid value of them. Only atomic accesses reach them.

#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "the words are private to the process, not shared memory")]

use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::sys::mman::munmap;
use ringway_core::placement::HandleStatus;

use crate::system::handle_status::{next_generation, wiped};
use crate::system::page_size::page_size;

/// More entries in all than a process may have mappings.
const CHUNKS: usize = 16;

static TABLE: [AtomicPtr<Entry>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];

#[repr(C)]
struct Entry {
    taken: AtomicBool,
    /// 0 while there is no range; marked once the memory is gone.
    word: AtomicU64,
    start: AtomicUsize,
    end: AtomicUsize,
}

/// An entry of the table, until it is dropped: a mapping whose loss is told of, not died of.
#[derive(Debug)]
pub(crate) struct Guarded {
    entry: &'static Entry,
    word: HandleStatus,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("word", &self.word).finish_non_exhaustive()
    }
}

impl Guarded {
    /// Enters a mapping of `length` bytes.
    pub(crate) fn new(start: usize, length: usize) -> io::Result<Self> {
        let entry = free_entry()?;
        let generation = next_generation();
        entry.start.store(start, Ordering::Release);
        entry.end.store(start + length, Ordering::Release);
        entry.word.store(generation, Ordering::Release);
        Ok(Self { entry, word: HandleStatus::new(&entry.word, generation) })
    }

    /// Tells a handle on the mapping whether it can still be used.
    pub(crate) fn word(&self) -> HandleStatus {
        self.word
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // In a forked child the entry may be another mapping's.
        if self.word.check_fork().is_ok() {
            self.entry.word.store(0, Ordering::Relaxed);
            self.entry.start.store(0, Ordering::Release);
            self.entry.end.store(0, Ordering::Release);
            self.entry.taken.store(false, Ordering::Release);
        }
    }
}

/// Puts zeros in the place of the mapping that `address` lies in, and marks it. `false` if there is none.
///
/// Called by the signal handler.
pub(super) fn replace(address: usize) -> bool {
    for entry in TABLE.iter().enumerate().flat_map(|(index, chunk)| entries(index, chunk)) {
        let word = entry.word.load(Ordering::Acquire);
        // Acquire: a range that is a later generation's shows that this one's word was cleared.
        let (start, end) = (entry.start.load(Ordering::Acquire), entry.end.load(Ordering::Acquire));
        if word != 0 && (start..end).contains(&address) && entry.word.load(Ordering::Relaxed) == word {
            // Before the zeros: a call that reads them looks at the word afterwards.
            let marked = HandleStatus::truncated(word);
            // Another thread that borrows from the same mapping may have marked it.
            let _ = entry.word.compare_exchange(word, marked, Ordering::Relaxed, Ordering::Relaxed);
            return map_zeros(start, end - start);
        }
    }
    false
}

/// Private zeros over a range, all readable and writable, whatever the role may write. Children don't get it,
/// as they wouldn't get what was there.
fn map_zeros(start: usize, length: usize) -> bool {
    use libc::c_long as long;
    let protection = long::from(libc::PROT_READ | libc::PROT_WRITE);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
    let (no_file, from) = (-1 as long, 0 as long);
    // SAFETY: the table says that the range is a role's mapping, which the faulting thread is using. By the
    // system calls themselves, all of whose arguments are of the width of a register, since the library's
    // functions may do more than a signal handler may.
    unsafe {
        let mapped =
            libc::syscall(libc::SYS_mmap, start, length, protection, long::from(flags), no_file, from);
        libc::syscall(libc::SYS_madvise, start, length, long::from(libc::MADV_DONTFORK));
        mapped != -1
    }
}

fn free_entry() -> io::Result<&'static Entry> {
    for (index, chunk) in TABLE.iter().enumerate() {
        if chunk.load(Ordering::Acquire).is_null() {
            add(index, chunk)?;
        }
        let taken = |entry: &&Entry| !entry.taken.swap(true, Ordering::Acquire);
        if let Some(entry) = entries(index, chunk).find(taken) {
            return Ok(entry);
        }
    }
    Err(Errno::ENOMEM.into())
}

fn bytes(index: usize) -> usize {
    page_size().get() << index
}

fn entries(index: usize, chunk: &'static AtomicPtr<Entry>) -> impl Iterator<Item = &'static Entry> {
    let base = chunk.load(Ordering::Acquire);
    let count = if base.is_null() { 0 } else { bytes(index) / size_of::<Entry>() };
    // SAFETY: the chunk has `bytes(index)` bytes, zeroed when it was mapped, and stays.
    (0..count).map(move |at| unsafe { &*base.add(at) })
}

fn add(index: usize, chunk: &AtomicPtr<Entry>) -> io::Result<()> {
    let mapped: NonNull<Entry> = wiped(bytes(index))?.cast();
    if chunk.compare_exchange(ptr::null_mut(), mapped.as_ptr(), Ordering::Release, Ordering::Relaxed).is_err()
    {
        // SAFETY: mapped above and shown to nobody; another thread added one.
        unsafe { munmap(mapped.cast(), bytes(index))? };
    }
    Ok(())
}
