//! A ring in heap memory of exactly its length, where a sanitizer sees each access outside of it.
//!
//! # Safety
//! The memory is one zeroed allocation, owned by [`Memory`], which each handle's keeper shares; so it outlives
//! them all. All handles and the scribbler access the same addresses, but no handle is given `in_place`, so
//! nothing is ever borrowed there: each access is an atomic one, or one of the copy's.

#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "it plays the peer that writes what it likes, by atomic stores")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ringway_core::Geometry;
use ringway_core::placement::{HandleStatus, Header, HeaderWords, Liveness, Region, Role};

/// More than any page that a section could have to be aligned to here.
const ALIGN: usize = 4096;
/// Bit of the producer in [`Memory::alive`]; bit `i` is cell `i`.
const PRODUCER: u32 = 63;

/// The memory of one ring, and the roles that the kernel would call alive.
pub struct Memory {
    base: NonNull<u8>,
    layout: Layout,
    alive: AtomicU64,
    /// What a peer stores each time a handle asks the kernel, in the middle of its call: byte offset and value.
    meanwhile: Mutex<Vec<(usize, u64)>>,
}

// SAFETY: the allocation is reached through atomics alone.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, by `Memory::new`.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}

impl Memory {
    /// `length` bytes of zeros, a multiple of 8.
    pub fn new(length: u64) -> Arc<Self> {
        let length = usize::try_from(length).expect("a small ring");
        let layout = Layout::from_size_align(length, ALIGN).expect("a small ring");
        // SAFETY: no ring is empty.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) });
        let base = base.unwrap_or_else(|| handle_alloc_error(layout));
        let (alive, meanwhile) = (AtomicU64::new(0), Mutex::new(Vec::new()));
        Arc::new(Self { base, layout, alive, meanwhile })
    }

    /// Bytes there are.
    pub fn length(&self) -> usize {
        self.layout.size()
    }

    /// The word at byte `offset`, a multiple of 8.
    pub fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset < self.length());
        // SAFETY: within the allocation, 8-aligned, and reached by atomic accesses alone.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    /// Loads the word at byte `offset`.
    pub fn load(&self, offset: usize) -> u64 {
        self.word(offset).load(Ordering::Relaxed)
    }

    /// Stores the word at byte `offset`.
    pub fn store(&self, offset: usize, value: u64) {
        self.word(offset).store(value, Ordering::Relaxed);
    }

    /// Writes the header of a ring.
    pub fn format(&self, geometry: &Geometry) {
        // SAFETY: the allocation is larger than a header, and outlives the view.
        ringway_core::placement::format(&unsafe { HeaderWords::writable(self.base) }, geometry);
    }

    /// The header, as a role that attaches reads it.
    pub fn snapshot(&self) -> Header {
        // SAFETY: as in `format`.
        ringway_core::placement::snapshot(&unsafe { HeaderWords::readable(self.base) })
    }

    /// Sets which roles are alive from now on, by bits, besides those that hold their locks here.
    pub fn set_alive(&self, bits: u64) {
        self.alive.store(bits, Ordering::Relaxed);
    }

    /// Has these words stored whenever the kernel is asked from now on, each time four more: that is what
    /// another incarnation makes of a cell's word.
    pub fn store_meanwhile(&self, stores: Vec<(usize, u64)>) {
        *self.meanwhile.lock().expect("one thread") = stores;
    }

    /// What role `R` holds of the ring, whose geometry this memory is as long as. `locks` are the bits of
    /// [`set_alive`](Self::set_alive) that it holds itself.
    ///
    /// # Safety
    /// The role's lock is in `locks`, and no other handle of this memory that lives has it.
    pub unsafe fn region<R: Role>(self: &Arc<Self>, geometry: &Geometry, locks: Locks) -> Region<R> {
        assert_eq!(geometry.total_length(), self.length() as u64);
        let keeper = Box::new(Keeper { memory: self.clone(), locks });
        // SAFETY: see `# Safety` above; the locks are the caller's word, and are the truth about the living
        // (`Locks::held`).
        unsafe { Region::from_mapping(geometry.clone(), self.base, false, keeper) }
    }
}

/// The locks that the handles of a ring hold, by the bits of [`Memory::set_alive`].
#[derive(Clone, Default)]
pub struct Locks(Arc<AtomicU64>);

impl Locks {
    /// How many cells there are locks for.
    pub const CELLS: usize = PRODUCER as usize;

    /// Takes the lock of cell `cell`, if it is free.
    pub fn take_cell(&self, cell: usize) -> bool {
        self.take(1 << cell)
    }

    /// Takes the producer's lock, if it is free.
    pub fn take_producer(&self) -> bool {
        self.take(1 << PRODUCER)
    }

    /// Frees the lock of cell `cell`.
    pub fn free_cell(&self, cell: usize) {
        self.0.fetch_and(!(1 << cell), Ordering::Relaxed);
    }

    /// Frees the producer's lock.
    pub fn free_producer(&self) {
        self.0.fetch_and(!(1 << PRODUCER), Ordering::Relaxed);
    }

    fn take(&self, bit: u64) -> bool {
        self.0.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    fn held(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Plays the kernel for one handle.
struct Keeper {
    memory: Arc<Memory>,
    locks: Locks,
}

impl Keeper {
    fn ask(&self, bit: u32) -> bool {
        for (offset, value) in self.memory.meanwhile.lock().expect("one thread").iter_mut() {
            self.memory.store(*offset, *value);
            *value = value.wrapping_add(4);
        }
        let alive = self.memory.alive.load(Ordering::Relaxed) | self.locks.held();
        alive & 1 << bit != 0
    }
}

impl Liveness for Keeper {
    fn producer_alive(&self) -> bool {
        self.ask(PRODUCER)
    }

    fn cell_alive(&self, cell: usize) -> bool {
        // Nobody here joins in a later cell, so nobody lives there.
        cell < Locks::CELLS && self.ask(cell as u32)
    }

    fn handle_status(&self) -> HandleStatus {
        HandleStatus::never()
    }
}
