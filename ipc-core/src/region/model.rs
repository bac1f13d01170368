//! The views over loom's atomics, for the models.
//!
//! loom's atomics are handles of its explorer, not bits in memory, so a modelled ring is built anew for each
//! execution, and of just the words that the protocol names. Beside each slot lies a *shadow cell*: the
//! producer holds it mutably while it writes the payload, a consumer holds it while it borrows or copies the
//! payload, an observer never touches it. loom reports any overlap, which checks of values can't see.
//!
//! # Safety
//!
//! The shadow cells hold nothing, so no access through them can be wrong; they are shared between threads
//! because finding conflicting accesses is their purpose.

#![allow(unsafe_code)]

#[path = "model_header.rs"]
mod header;
#[path = "model_payload.rs"]
mod payload;

use core::cell::Cell;
use core::marker::PhantomData;
use std::sync::Arc;

use super::bell::BellWord;
use super::{Access, Bell, Fitting, Len, ReadOnly, ReadWrite, Region, Role, Word};
use crate::death::is_ghost;
use crate::geometry::{Config, Geometry, Placement};
use crate::layout::{cell, page};
use crate::liveness::Liveness;
use crate::seq::Seq;
use crate::slice::Slices;
use crate::sync::{AtomicU64, Ordering, UnsafeCell};

pub use header::{HeaderWords, ModelHeader};
pub use payload::{Payload, PayloadMut};

const PAGE_WORDS: [usize; 9] = [
    page::HEAD,
    page::REIGN,
    page::FIRST_SEQ_EVEN,
    page::FIRST_SEQ_ODD,
    page::WAKE_MODE,
    page::PRODUCER_PID,
    page::BLOCKED_ON,
    page::WAKE_AT,
    page::TIMES_FULL,
];
const CELL_WORDS: [usize; 4] = [cell::CURSOR, cell::WORD, cell::PID, cell::REGISTERED];

/// A ring in loom's memory. Make one per execution.
#[derive(Clone)]
pub struct ModelRing {
    geometry: Geometry,
    memory: Arc<Memory>,
    barriers: bool,
    trusted: bool,
}

struct Memory {
    page: [AtomicU64; PAGE_WORDS.len()],
    doorbell: BellWord,
    sleepers: BellWord,
    cells_used: AtomicU64,
    spaces: Vec<BellWord>,
    cells: Vec<[AtomicU64; CELL_WORDS.len()]>,
    slots: Vec<ModelSlot>,
}

struct ModelSlot {
    stamp: AtomicU64,
    len_and_tag: AtomicU64,
    payload: Vec<AtomicU64>,
    shadow: UnsafeCell<()>,
}

// SAFETY: see the module's documentation.
unsafe impl Sync for ModelSlot {}
// SAFETY: see the module's documentation.
unsafe impl Send for ModelSlot {}

fn zeroes<const N: usize>() -> [AtomicU64; N] {
    core::array::from_fn(|_| AtomicU64::new(0))
}

impl ModelRing {
    /// A ring of `slots` slots of `payload_words` 8-byte words each.
    pub fn new(slots: u64, payload_words: usize, consumers: u64) -> Self {
        let geometry = Config::new()
            .slots(slots)
            .payload_capacity(payload_words as u64 * 8)
            .max_consumers(consumers)
            .geometry(4096, Placement::Anonymous, [1; 16], [2; 16])
            .expect("models ask for valid rings");
        let slot = || ModelSlot {
            stamp: AtomicU64::new(0),
            len_and_tag: AtomicU64::new(0),
            payload: (0..payload_words).map(|_| AtomicU64::new(0)).collect(),
            shadow: UnsafeCell::new(()),
        };
        let memory = Memory {
            page: zeroes(),
            doorbell: BellWord::default(),
            sleepers: BellWord::default(),
            cells_used: AtomicU64::new(0),
            spaces: (0..consumers).map(|_| BellWord::default()).collect(),
            cells: (0..consumers).map(|_| zeroes()).collect(),
            slots: (0..slots).map(|_| slot()).collect(),
        };
        Self { geometry, memory: Arc::new(memory), barriers: false, trusted: true }
    }

    /// The same, where who goes to sleep has the others execute fences. Without sleepers there are none.
    #[must_use]
    pub fn with_sleepers(self) -> Self {
        Self { barriers: true, ..self }
    }

    /// The same ring for roles that don't trust its peers: they copy each message.
    #[must_use]
    pub fn untrusted(self) -> Self {
        Self { trusted: false, ..self }
    }

    /// What role `R` holds of the ring.
    pub fn region<R: Role>(&self, keeper: Box<dyn Liveness>) -> Region<R> {
        let access = PhantomData;
        Region {
            geometry: self.geometry.clone(),
            page: Page { memory: self.memory.clone(), access },
            hints: Hints { memory: self.memory.clone(), access: PhantomData },
            cells: Cells { memory: self.memory.clone(), access: PhantomData },
            slots: Slots {
                memory: self.memory.clone(),
                capacity: self.geometry.payload_capacity as usize,
                gates: R::WRITES.contains(&true),
                access: PhantomData,
            },
            in_place: self.trusted,
            borrowable: if self.trusted { self.geometry.payload_capacity } else { 0 },
            fork: keeper.fork_word(),
            membarrier: true,
            rung: Cell::new(0),
            slices: Slices::default(),
            barriers: self.barriers,
            keeper,
        }
    }

    /// How often the doorbell has been rung.
    pub fn rings(&self) -> u32 {
        self.memory.doorbell.load(Ordering::Relaxed)
    }

    /// Stores what no consumer stores in its cell's cursor.
    pub fn stray_cursor(&self, cell: usize, value: u64) {
        let cells = Cells::<ReadWrite> { memory: self.memory.clone(), access: PhantomData };
        cells.word::<{ cell::CURSOR }>(cell).store(value);
    }

    /// Whether the producer sleeps, and nobody has woken it.
    pub fn producer_asleep(&self) -> bool {
        self.memory.spaces.iter().any(|bell| bell.asleep() != 0)
    }

    /// How many sleep whom nobody has woken.
    pub fn asleep(&self) -> u32 {
        let Memory { doorbell, spaces, .. } = &*self.memory;
        doorbell.asleep() + spaces.iter().map(BellWord::asleep).sum::<u32>()
    }
}

/// The producer page.
pub(crate) struct Page<A> {
    memory: Arc<Memory>,
    access: PhantomData<fn() -> A>,
}

impl<A: Access> Page<A> {
    pub(crate) fn word<const INDEX: usize>(&self) -> Word<'_, A> {
        Word::new(&self.memory.page[position(&PAGE_WORDS, INDEX)])
    }

    pub(crate) fn doorbell(&self) -> Bell<'_, A> {
        Bell::new(&self.memory.doorbell)
    }
}

/// The hints page.
pub(crate) struct Hints<A> {
    memory: Arc<Memory>,
    access: PhantomData<fn() -> A>,
}

impl<A: Access> Hints<A> {
    pub(crate) fn sleepers(&self) -> Bell<'_, A> {
        Bell::new(&self.memory.sleepers)
    }

    pub(crate) fn cells_used(&self) -> Word<'_, A> {
        Word::new(&self.memory.cells_used)
    }
}

/// The consumers' cells.
pub(crate) struct Cells<A> {
    memory: Arc<Memory>,
    access: PhantomData<fn() -> A>,
}

impl<A: Access> Cells<A> {
    pub(crate) fn count(&self) -> usize {
        self.memory.cells.len()
    }

    pub(crate) fn word<const INDEX: usize>(&self, cell: usize) -> Word<'_, A> {
        Word::new(&self.memory.cells[cell][position(&CELL_WORDS, INDEX)])
    }

    /// # Safety
    /// None is needed here; the caller keeps to the contract of the mapped view.
    pub(crate) unsafe fn own(&self, cell: usize) -> OwnCell<A> {
        OwnCell { memory: self.memory.clone(), cell, access: PhantomData }
    }

    pub(crate) fn space(&self, cell: usize) -> Bell<'_, A> {
        Bell::new(&self.memory.spaces[cell])
    }
}

fn position(words: &[usize], index: usize) -> usize {
    words.iter().position(|&word| word == index).expect("the protocol uses no other word")
}

/// One consumer's own cell.
pub(crate) struct OwnCell<A> {
    memory: Arc<Memory>,
    cell: usize,
    access: PhantomData<fn() -> A>,
}

impl<A: Access> OwnCell<A> {
    pub(crate) fn word<const INDEX: usize>(&self) -> Word<'_, A> {
        Word::new(&self.memory.cells[self.cell][position(&CELL_WORDS, INDEX)])
    }
}

/// The slots.
pub(crate) struct Slots<A> {
    memory: Arc<Memory>,
    capacity: usize,
    /// Whether the role holds the producer back, so that nobody writes what it copies out.
    gates: bool,
    access: PhantomData<fn() -> A>,
}

impl<A: Access> Slots<A> {
    pub(crate) fn local(&self) -> Self {
        Self { memory: self.memory.clone(), ..*self }
    }

    pub(crate) fn count(&self) -> u64 {
        self.memory.slots.len() as u64
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn at(&self, seq: Seq) -> Slot<'_, A> {
        let slot = &self.memory.slots[seq.get() as usize % self.memory.slots.len()];
        Slot { slot, seq, capacity: self.capacity, gates: self.gates, access: PhantomData }
    }

    pub(crate) fn place(&self, seq: Seq) -> Place {
        Place(seq)
    }

    /// # Safety
    /// None is needed here; the caller keeps to the contract of the mapped view.
    pub(crate) unsafe fn next_place(&self, Place(seq): Place) -> Place {
        Place(seq.next())
    }

    pub(crate) fn prefetch(&self, _: Place, _: usize) {}

    /// # Safety
    /// None is needed here; the caller keeps to the contract of the mapped view.
    pub(crate) unsafe fn slot<'s>(&self, Place(seq): Place) -> Slot<'s, A> {
        let Slot { slot, seq, capacity, gates, access } = self.at(seq);
        // SAFETY: the ring's memory lives as long as the region does, which the caller vouches for.
        Slot { slot: unsafe { &*core::ptr::from_ref(slot) }, seq, capacity, gates, access }
    }
}

/// Where a message's slot lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(Seq);

impl Place {
    pub(crate) fn seq(self) -> Seq {
        self.0
    }

    pub(crate) fn published(self) -> u64 {
        self.0.published()
    }
}

/// The slot of one message.
pub(crate) struct Slot<'a, A> {
    slot: &'a ModelSlot,
    seq: Seq,
    capacity: usize,
    gates: bool,
    access: PhantomData<fn() -> A>,
}

impl<A> Clone for Slot<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Slot<'_, A> {}

impl<'a, A: Access> Slot<'a, A> {
    pub(crate) fn seq(self) -> Seq {
        self.seq
    }

    pub(crate) fn capacity(self) -> usize {
        self.capacity
    }

    pub(crate) fn stamp(self) -> Word<'a, A> {
        Word::new(&self.slot.stamp)
    }

    pub(crate) fn len_and_tag(self) -> Word<'a, A> {
        Word::new(&self.slot.len_and_tag)
    }

    pub(crate) fn copy_out(self, len: Len, dst: &mut [u8]) {
        let _reading = (self.gates && !is_ghost()).then(|| self.slot.shadow.get());
        self.slot.load(&mut dst[..len.get()]);
    }

    /// # Safety
    /// None is needed here; the caller keeps to the contract of the mapped view.
    pub(crate) unsafe fn borrow(self, len: Len) -> Payload<'a> {
        let reading = (!is_ghost()).then(|| self.slot.shadow.get());
        let mut bytes = vec![0; len.get()];
        self.slot.load(&mut bytes);
        Payload { bytes, reading, borrow: PhantomData }
    }
}

impl<'a> Slot<'a, ReadWrite> {
    pub(crate) fn copy_in(self, message: Fitting<'_>) {
        let _writing = (!is_ghost()).then(|| self.slot.shadow.get_mut());
        self.slot.store(message.0);
    }

    /// # Safety
    /// None is needed here; the caller keeps to the contract of the mapped view.
    pub(crate) unsafe fn borrow_mut(self, len: Len) -> PayloadMut<'a> {
        let writing = (!is_ghost()).then(|| self.slot.shadow.get_mut());
        let mut bytes = vec![0; len.get()];
        self.slot.load(&mut bytes);
        PayloadMut { bytes, slot: Some((self.slot, writing)) }
    }
}

impl ModelSlot {
    fn load(&self, dst: &mut [u8]) {
        for (bytes, word) in dst.chunks_mut(8).zip(&self.payload) {
            bytes.copy_from_slice(&Word::<ReadOnly>::new(word).load().to_ne_bytes()[..bytes.len()]);
        }
    }

    fn store(&self, src: &[u8]) {
        for (bytes, word) in src.chunks(8).zip(&self.payload) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            Word::<ReadWrite>::new(word).store(u64::from_ne_bytes(padded));
        }
    }
}
