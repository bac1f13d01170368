//! Rings in heap memory, whose every word a test can read and write.
//!
//! # Safety
//! The memory is one zeroed allocation, owned by [`Memory`], which each handle's keeper shares; so it outlives them
//! all. It is reached through atomic accesses, and through what the protocol lends. A handle takes its role's lock
//! before its region is made, and frees it with its keeper. Only this program's tests write there: one that damages a
//! ring that is read in place changes no payload while it is lent. Where a test plays a forked child, no
//! access can reach the memory.

#![allow(unsafe_code)]
#![allow(clippy::disallowed_types, reason = "a test plays the peer that writes what it likes")]

#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "../../../testkit/src/payload.rs"]
pub mod payload;

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ringway_core::placement::layout::CELL_BYTES;
use ringway_core::placement::{AsConsumer, HandleStatus, HeaderWords, Liveness, Region, Role, RoleHint};
use ringway_core::{
    AttachError, BestEffortReader, Config, Consumer, Geometry, Observer, Placement, Producer, RecvError,
    Resume, Ring, Start, Stride,
};

const PAGE: usize = 4096;
/// The largest page that a machine may have.
pub const LARGEST_PAGE: usize = 1 << 16;
/// Of the rings' fork words.
const GENERATION: u64 = 1;
/// Bit of the producer's lock; bit `i` is cell `i`'s.
const PRODUCER: usize = 63;

/// Words of the producer page and of a cell, as docs/format.md has them, by their first bytes.
pub const HEAD: u64 = 0;
pub const EPOCH_STATE: u64 = 128;
pub const WAKE_MODE: u64 = 152;
pub const BLOCKED_ON: u64 = 256;
pub const WAKE_AT: u64 = 264;
pub const TIMES_FULL: u64 = 272;
const DOORBELL: u64 = 384;
pub const CURSOR: u64 = 0;
pub const WORD: u64 = 8;
pub const SPACE: u64 = 24;
pub const REGISTERED: u64 = 32;
/// Bit of `blocked_on`: to be read again after a fence.
pub const LOOK: u64 = 1 << 63;

/// Whether messages are read where they lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Copied,
    InPlace,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Copied, Kind::InPlace];

    /// A ring of this kind.
    pub fn ring(self, config: &Config) -> TestRing {
        let geometry =
            config.geometry(PAGE as u64, Placement::Anonymous, [7; 16], [9; 16]).expect("a small ring");
        let memory = Memory::new(geometry.total_length() as usize);
        // SAFETY: the allocation is larger than a header, and outlives the view.
        ringway_core::placement::format(&unsafe { HeaderWords::writable(memory.base) }, &geometry);
        TestRing { kind: self, geometry, memory, membarrier: true, frees: true }
    }
}

/// A ring.
#[derive(Clone)]
pub struct TestRing {
    kind: Kind,
    geometry: Geometry,
    memory: Arc<Memory>,
    /// Whether roles may register the process for membarrier.
    pub membarrier: bool,
    /// Whether a producer's lock can be freed ahead of its mapping.
    pub frees: bool,
}

impl TestRing {
    /// The word at this byte of the producer page.
    pub fn page(&self, byte: u64) -> &AtomicU64 {
        self.memory.word(self.geometry.producer_section().offset + byte)
    }

    /// The word at this byte of a cell.
    pub fn cell(&self, number: u64, byte: u64) -> &AtomicU64 {
        self.memory.word(self.geometry.consumers_section().offset + number * CELL_BYTES + byte)
    }

    /// The words of the line of message `seq`, in a ring of lines.
    pub fn line(&self, seq: u64) -> [&AtomicU64; 8] {
        let first = self.geometry.slots_section().offset + seq % self.geometry.slots() * 64;
        core::array::from_fn(|word| self.memory.word(first + word as u64 * 8))
    }

    /// The stamp of message `seq`, and its length and tag.
    pub fn slot(&self, seq: u64) -> [&AtomicU64; 2] {
        let index = seq % self.geometry.slots();
        let at = self.geometry.slots_section().offset + index * self.geometry.stride();
        [at, at + 8].map(|at| self.memory.word(at))
    }

    /// The stamp of message `seq`, in slots of any kind.
    pub fn stamp(&self, seq: u64) -> &AtomicU64 {
        match self.geometry.stride_kind() {
            Stride::Line => self.line(seq)[7],
            Stride::Split => {
                let at = self.geometry.slots_section().offset + seq % self.geometry.slots() * 8;
                self.memory.word(at)
            }
            _ => self.slot(seq)[0],
        }
    }

    /// The bell on which readers sleep.
    pub fn doorbell(&self) -> &AtomicU32 {
        self.memory.half(self.geometry.producer_section().offset + DOORBELL)
    }

    /// The flag of the readers that sleep there.
    pub fn sleepers(&self) -> &AtomicU32 {
        self.memory.half(self.geometry.hints_section().offset)
    }

    /// The bell on which the producer sleeps while this cell fills the ring.
    pub fn space(&self, number: u64) -> &AtomicU32 {
        self.memory.half(self.geometry.consumers_section().offset + number * CELL_BYTES + SPACE)
    }

    /// Has `act` called each time that the kernel is asked whether a process lives, before it answers.
    pub fn when_asked(&self, act: impl FnMut(&TestRing) + Send + 'static) {
        *self.memory.asked.lock().unwrap() = Some(Box::new(act));
    }

    /// What is left of a consumer that dies: its lock is free, and its cell as it was.
    pub fn kill(&self, consumer: Consumer) {
        self.free_cell(consumer.cell());
        std::mem::forget(consumer);
    }

    /// The same of a consumer that dies just after the kernel was next asked about it.
    pub fn kill_once_asked(&self, consumer: Consumer) {
        self.memory.doomed.store(1 << consumer.cell(), Ordering::Relaxed);
        std::mem::forget(consumer);
    }

    /// Has the kernel say that this cell's consumer is gone.
    pub fn free_cell(&self, cell: usize) {
        self.memory.free(cell);
    }

    /// Has the kernel say that the producer is gone, though its handle isn't.
    pub fn free_producer(&self) {
        self.memory.free(PRODUCER);
    }

    /// Does `work` as in a forked child of the handles' process: nothing of the ring is mapped there, so one access to
    /// it ends the test program.
    pub fn in_a_child(&self, work: impl FnOnce()) {
        let _child = Child::of(&self.memory);
        work();
    }

    /// Tells the handles that their memory is gone.
    pub fn truncate(&self) {
        self.memory.status_word.store(HandleStatus::truncated(GENERATION), Ordering::Relaxed);
    }

    /// Whether these bytes are the ring's own.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        let start = self.memory.base.as_ptr() as usize;
        (start..start + self.memory.layout.size()).contains(&(bytes.as_ptr() as usize))
    }

    /// Zeroed memory for a copy of the ring.
    pub fn blank(&self) -> TestRing {
        TestRing { memory: Memory::new(self.geometry.total_length() as usize), ..self.clone() }
    }

    /// Copies a half of `ring`'s words: those with an even index, or those with an odd one.
    pub fn copy_half(&self, ring: &TestRing, odd: bool) {
        let words = self.geometry.total_length() / 8;
        for at in (u64::from(odd)..words).step_by(2).map(|index| 8 * index) {
            self.memory.word(at).store(ring.memory.word(at).load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// What a handle that holds this lock, or none, has of the ring.
    pub fn region<R: Role>(&self, lock: Option<usize>) -> Region<R> {
        let keeper = Box::new(Keeper { ring: self.clone(), lock: Cell::new(lock) });
        // SAFETY: see `# Safety` above.
        let region = unsafe {
            Region::from_mapping(self.geometry.clone(), self.memory.base, self.kind == Kind::InPlace, keeper)
        };
        region.with_membarrier(self.membarrier)
    }

    /// What a reader has that takes the first free cell.
    fn consumer_region(&self) -> Result<(Region<AsConsumer>, usize), AttachError> {
        let max = self.geometry.max_consumers();
        let free = (0..max as usize).find(|&cell| self.memory.take(cell));
        let cell = free.ok_or(AttachError::NoFreeCell { max, observers: 0 })?;
        Ok((self.region(Some(cell)), cell))
    }
}

impl Ring for TestRing {
    fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    fn producer_of_any_type(&self) -> Result<Producer, AttachError> {
        if !self.memory.take(PRODUCER) {
            let load = |at| Some(self.page(at).load(Ordering::Relaxed));
            let RoleHint { pid, uid, name } = RoleHint::of_producer_page(load);
            return Err(AttachError::ProducerTaken { pid, uid, name });
        }
        Producer::enter(self.region(Some(PRODUCER)))
    }

    fn consumer(&self, start: Start) -> Result<Consumer, AttachError> {
        let (region, cell) = self.consumer_region()?;
        // SAFETY: the cell's lock has just been taken, and the region's keeper frees it.
        let consumer = unsafe { Consumer::join(region, cell, start) }?;
        assert_eq!(consumer.in_place(), self.kind == Kind::InPlace);
        Ok(consumer)
    }

    fn best_effort_reader(&self, start: Start) -> Result<BestEffortReader, AttachError> {
        let (region, cell) = self.consumer_region()?;
        // SAFETY: as above.
        unsafe { BestEffortReader::join(region, cell, start) }
    }

    fn observer(&self, start: Start, resume: Resume) -> Result<Observer, AttachError> {
        Observer::attach(self.region(None), start, resume)
    }
}

struct Memory {
    base: NonNull<u8>,
    layout: Layout,
    locks: AtomicU64,
    /// Holds [`GENERATION`] where the handles belong.
    status_word: &'static AtomicU64,
    /// The locks that fall free once somebody has asked about them.
    doomed: AtomicU64,
    asked: Mutex<Option<Act>>,
}

/// What happens when the kernel is asked.
type Act = Box<dyn FnMut(&TestRing) + Send>;

// SAFETY: the allocation is reached through atomics, and through what the protocol lends.
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
    fn new(length: usize) -> Arc<Self> {
        // Whole pages, so that all of it can be protected, and nothing else.
        let length = length.next_multiple_of(LARGEST_PAGE);
        let layout = Layout::from_size_align(length, LARGEST_PAGE).expect("a small ring");
        // SAFETY: no ring is empty.
        let base =
            NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        let status_word = Box::leak(Box::new(AtomicU64::new(GENERATION)));
        Arc::new(Self {
            base,
            layout,
            locks: AtomicU64::new(0),
            status_word,
            doomed: AtomicU64::new(0),
            asked: Mutex::new(None),
        })
    }

    /// Says what accesses the ring's pages allow.
    fn protect(&self, accesses: i32) {
        // SAFETY: whole pages of this allocation, which are readable and writable again when it is freed.
        let done = unsafe { libc::mprotect(self.base.as_ptr().cast(), self.layout.size(), accesses) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    fn word(&self, offset: u64) -> &AtomicU64 {
        let offset = offset as usize;
        assert!(offset.is_multiple_of(8) && offset < self.layout.size());
        // SAFETY: within the allocation, 8-aligned, and reached by atomic accesses alone.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    fn half(&self, offset: u64) -> &AtomicU32 {
        let offset = offset as usize;
        assert!(offset.is_multiple_of(4) && offset < self.layout.size());
        // SAFETY: within the allocation, 4-aligned, and reached by atomic accesses alone.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    fn take(&self, lock: usize) -> bool {
        self.locks.fetch_or(1 << lock, Ordering::Relaxed) & 1 << lock == 0
    }

    fn free(&self, lock: usize) {
        self.locks.fetch_and(!(1 << lock), Ordering::Relaxed);
    }
}

/// While it lives, a ring is as its handles have it in a forked child.
struct Child<'m>(&'m Memory);

impl<'m> Child<'m> {
    fn of(memory: &'m Memory) -> Self {
        memory.status_word.store(0, Ordering::Relaxed);
        memory.protect(libc::PROT_NONE);
        Self(memory)
    }
}

impl Drop for Child<'_> {
    fn drop(&mut self) {
        self.0.protect(libc::PROT_READ | libc::PROT_WRITE);
        self.0.status_word.store(GENERATION, Ordering::Relaxed);
    }
}

/// Plays the kernel for one handle.
struct Keeper {
    ring: TestRing,
    /// The lock that is freed when the handle goes.
    lock: Cell<Option<usize>>,
}

impl Liveness for Keeper {
    fn producer_alive(&self) -> bool {
        self.cell_alive(PRODUCER)
    }

    fn cell_alive(&self, cell: usize) -> bool {
        let memory = &self.ring.memory;
        let act = memory.asked.lock().unwrap().take();
        if let Some(mut act) = act {
            act(&self.ring);
            *memory.asked.lock().unwrap() = Some(act);
        }
        let alive = memory.locks.load(Ordering::Relaxed) & 1 << cell != 0;
        if memory.doomed.load(Ordering::Relaxed) & 1 << cell != 0 {
            memory.free(cell);
        }
        alive
    }

    fn free_producer(&self) -> bool {
        if self.ring.frees {
            self.ring.free_producer();
            self.lock.set(None);
        }
        self.ring.frees
    }

    fn handle_status(&self) -> HandleStatus {
        HandleStatus::new(self.ring.memory.status_word, GENERATION)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.get() {
            self.ring.memory.free(lock);
        }
    }
}

/// Wakes the threads that sleep on `word`. Returns whether any did.
pub fn wake(word: &AtomicU32) -> bool {
    // SAFETY: the kernel takes the address of a word that is borrowed, and reads and writes nothing there.
    let woken = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, libc::c_int::MAX) };
    woken > 0
}

/// A call that must find this damaged.
pub fn damaged<T: std::fmt::Debug>(result: Result<T, RecvError>, what: &str) {
    let error = result.expect_err("damage");
    assert!(matches!(error, RecvError::Damaged(damaged) if damaged.what == what), "{error}");
}
