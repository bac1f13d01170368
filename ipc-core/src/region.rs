//! Typed views of a ring's shared memory: what each role may read and write, and nothing else.
//!
//! The protocol never sees a pointer. It gets, for each section, a view made of atomic 8-byte words, typed by
//! permission: a [`ReadOnly`] word can only be loaded (relaxed, the one kind of atomic load that Rust
//! guarantees on read-only pages), a [`ReadWrite`] word can be stored too. A store through a section that the
//! role maps read-only doesn't compile.
//!
//! There are two implementations of the views: over a mapping (`region/mapped.rs`, the only one in
//! production) and over loom's atomics (`region/model.rs`). The protocol is the same code above both.

#[path = "region/bell.rs"]
mod bell;
#[cfg(not(loom))]
#[path = "region/mapped.rs"]
mod views;
#[cfg(loom)]
#[path = "region/model.rs"]
mod views;

use core::cell::Cell;
use core::marker::PhantomData;

use crate::edge::{self, Edge};
use crate::error::Unusable;
use crate::geometry::{Geometry, Section};
use crate::liveness::{ForkWord, Liveness};
use crate::slice::Slices;
use crate::sync::{AtomicU64, Ordering};

pub(crate) use bell::Bell;
pub use views::HeaderWords;
pub(crate) use views::{Cells, Hints, OwnCell, Page, Place, Slot, Slots};
#[cfg(loom)]
pub use views::{ModelHeader, ModelRing};
pub use views::{Payload, PayloadMut};

/// Permission of a view.
pub trait Access: sealed::Sealed {}

/// Permission to load.
#[derive(Debug)]
pub enum ReadOnly {}
/// Permission to load and store.
#[derive(Debug)]
pub enum ReadWrite {}

impl Access for ReadOnly {}
impl Access for ReadWrite {}

/// A role on a ring, as far as memory is concerned: which sections it writes.
pub trait Role: sealed::Sealed {
    /// Permission on the producer page.
    type Page: Access;
    /// Permission on the hints page.
    type Hints: Access;
    /// Permission on the consumers' cells.
    type Cells: Access;
    /// Permission on the slots.
    type Slots: Access;
    /// Whether the role writes the sections: producer page, hints, cells, slots.
    const WRITES: [bool; 4];
}

/// The producer: writes its page, the hints and the slots.
#[derive(Debug)]
pub enum AsProducer {}
/// A consumer: writes its cell and the hints.
#[derive(Debug)]
pub enum AsConsumer {}
/// An observer: writes nothing.
#[derive(Debug)]
pub enum AsObserver {}

impl Role for AsProducer {
    type Page = ReadWrite;
    type Hints = ReadWrite;
    type Cells = ReadOnly;
    type Slots = ReadWrite;
    const WRITES: [bool; 4] = [true, true, false, true];
}

impl Role for AsConsumer {
    type Page = ReadOnly;
    type Hints = ReadWrite;
    type Cells = ReadWrite;
    type Slots = ReadOnly;
    const WRITES: [bool; 4] = [false, true, true, false];
}

impl Role for AsObserver {
    type Page = ReadOnly;
    type Hints = ReadOnly;
    type Cells = ReadOnly;
    type Slots = ReadOnly;
    const WRITES: [bool; 4] = [false, false, false, false];
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::ReadOnly {}
    impl Sealed for super::ReadWrite {}
    impl Sealed for super::AsProducer {}
    impl Sealed for super::AsConsumer {}
    impl Sealed for super::AsObserver {}
}

/// The sections of a ring that role `R` maps, each with whether it may write there.
///
/// In order of their offsets; together they span the ring without a gap.
pub fn sections<R: Role>(geometry: &Geometry) -> [(Section, bool); 5] {
    let [page, hints, cells, slots] = R::WRITES;
    [
        (geometry.geometry_section(), false),
        (geometry.producer_section(), page),
        (geometry.hints_section(), hints),
        (geometry.consumers_section(), cells),
        (geometry.slots_section(), slots),
    ]
}

/// One atomic 8-byte word of shared memory.
pub(crate) struct Word<'a, A> {
    atomic: &'a AtomicU64,
    access: PhantomData<A>,
}

impl<'a, A: Access> Word<'a, A> {
    #[inline(always)]
    fn new(atomic: &'a AtomicU64) -> Self {
        Self { atomic, access: PhantomData }
    }

    /// A relaxed load. Whatever it must be ordered with needs a fence of its own.
    #[inline(always)]
    pub(crate) fn load(&self) -> u64 {
        self.atomic.load(Ordering::Relaxed)
    }

    /// A store through any view, which only a seeded fault uses.
    #[cfg(loom)]
    pub(crate) fn store_by_fault(&self, value: u64) {
        self.atomic.store(value, Ordering::Relaxed);
    }

    /// An acquire load, which only a seeded fault uses: a read-only page guarantees relaxed loads alone.
    #[cfg(loom)]
    pub(crate) fn load_acquire(&self) -> u64 {
        self.atomic.load(Ordering::Acquire)
    }
}

impl Word<'_, ReadWrite> {
    /// A relaxed load of a word that this role alone writes, so that it finds what was stored last.
    #[inline(always)]
    pub(crate) fn load_own(&self) -> u64 {
        #[cfg(loom)]
        return self.atomic.load_own();
        #[cfg(not(loom))]
        self.load()
    }

    /// A relaxed store.
    #[inline(always)]
    pub(crate) fn store(&self, value: u64) {
        self.atomic.store(value, Ordering::Relaxed);
    }

    /// Raises the word to `value`, if it is less: relaxed.
    pub(crate) fn raise(&self, value: u64) {
        self.atomic.fetch_max(value, Ordering::Relaxed);
    }

    /// A release store, one half of the pair that `edge` names.
    #[inline(always)]
    pub(crate) fn store_release(&self, value: u64, edge: Edge) {
        self.atomic.store(value, edge::store_ordering(edge));
    }
}

/// What a role holds of a ring: its views, and whatever keeps them valid.
pub struct Region<R: Role> {
    pub(crate) geometry: Geometry,
    pub(crate) page: Page<R::Page>,
    pub(crate) hints: Hints<R::Hints>,
    pub(crate) cells: Cells<R::Cells>,
    pub(crate) slots: Slots<R::Slots>,
    /// Whether payloads may be borrowed where they lie; otherwise they are copied.
    pub(crate) in_place: bool,
    /// The longest payload that may be borrowed: 0 where none may be.
    pub(crate) borrowable: u64,
    pub(crate) fork: ForkWord,
    /// Whether this role may register its process for membarrier.
    pub(crate) membarrier: bool,
    /// The `wake_at` at which a consumer has woken the producer last.
    pub(crate) rung: Cell<u64>,
    pub(crate) slices: Slices,
    /// Whether somebody has this role execute fences.
    #[cfg(loom)]
    pub(crate) barriers: bool,
    /// Last, so that it is dropped last: it owns the mapping that the views point into.
    pub(crate) keeper: Box<dyn Liveness>,
}

impl<R: Role> Region<R> {
    /// `len`, as found in a slot, as the length of a payload that may be borrowed and isn't empty. Three questions
    /// in one comparison.
    #[inline(always)]
    pub(crate) fn borrowable(&self, len: u64) -> Option<Len> {
        if len.wrapping_sub(1) < self.borrowable { Some(Len(len as usize)) } else { None }
    }

    /// Reads something of the ring that is no message, if the handle can still be used, and if what was read
    /// was the ring.
    pub(crate) fn read<T, E: From<Unusable>>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.fork.check()?;
        let found = read(self);
        self.fork.check_after()?;
        found
    }
}

impl<R: Role> core::fmt::Debug for Region<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Region").field("geometry", &self.geometry).finish_non_exhaustive()
    }
}

/// A payload length known to fit the slots of the ring it was made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Len(usize);

impl Len {
    #[inline(always)]
    pub(crate) fn get(self) -> usize {
        self.0
    }

    /// The first so many of `bytes`.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub(crate) fn prefix_of(self, bytes: &[u8]) -> Fitting<'_> {
        Fitting(&bytes[..self.0])
    }
}

/// A message known to fit the slots of the ring it was made for.
#[derive(Clone, Copy)]
pub(crate) struct Fitting<'a>(&'a [u8]);

impl Fitting<'_> {
    #[inline(always)]
    pub(crate) fn len(&self) -> Len {
        Len(self.0.len())
    }
}

impl<A: Access> Slots<A> {
    /// `len` as a payload length, if the slots hold as much.
    #[inline(always)]
    pub(crate) fn len(&self, len: usize) -> Option<Len> {
        if len <= self.capacity() { Some(Len(len)) } else { None }
    }

    /// `message`, if the slots hold as much.
    #[inline(always)]
    pub(crate) fn fit<'m>(&self, message: &'m [u8]) -> Option<Fitting<'m>> {
        if message.len() <= self.capacity() { Some(Fitting(message)) } else { None }
    }
}

impl<A: Access> Slot<'_, A> {
    /// `len`, as found in the slot, as a payload length, if the slot holds as much.
    #[inline(always)]
    pub(crate) fn len(self, len: u64) -> Option<Len> {
        if len <= self.capacity() as u64 { Some(Len(len as usize)) } else { None }
    }
}
