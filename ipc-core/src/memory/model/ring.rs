//! A modelled ring, and what each role holds of it.

use core::cell::Cell;
use core::marker::PhantomData;
use std::sync::Arc;

use super::sections::{Cells, Hints, ProducerPage};
use super::slots::Slots;
use super::storage::{Memory, ModelSlot, zeroes};
use crate::format::geometry::{Config, Geometry, Placement};
use crate::format::layout::cell;
use crate::format::seq::Seq;
use crate::format::stride::Stride;
use crate::memory::access::{AsConsumer, ReadWrite, Role};
use crate::memory::deferral::Deferral;
use crate::memory::futex_word::FutexAtomic;
use crate::memory::liveness::Liveness;
use crate::memory::region::Region;
use crate::memory::short::ShortBound;
use crate::memory::sleep_slices::Slices;
use crate::ordering::sync::{AtomicU64, Ordering, UnsafeCell};

/// A ring in loom's memory. Make one per execution.
#[derive(Clone)]
pub struct ModelRing {
    geometry: Geometry,
    memory: Arc<Memory>,
    barriers: bool,
    trusted: bool,
}

impl ModelRing {
    /// A ring of `slots` slots of `payload_words` 8-byte words each.
    pub fn new(slots: u64, payload_words: usize, consumers: u64) -> Self {
        Self::with_stride(slots, payload_words, consumers, Stride::Aligned)
    }

    /// The same of any stride. A model knows no addresses: the stride says which words there are, and how long messages
    /// are.
    pub fn with_stride(slots: u64, payload_words: usize, consumers: u64, stride: Stride) -> Self {
        Self::of(
            &Config::new()
                .slots(slots)
                .stride(stride)
                .payload_capacity(payload_words as u64 * 8)
                .max_consumers(consumers),
        )
    }

    /// The same of any shape; a payload capacity in whole words.
    pub fn of(config: &Config) -> Self {
        let geometry = config
            .geometry(4096, Placement::Anonymous, [1; 16], [2; 16])
            .expect("models ask for valid rings");
        let (slots, consumers) = (geometry.slots, geometry.max_consumers);
        let payload_words = (geometry.payload_capacity / 8) as usize;
        let slot = || ModelSlot {
            stamp: AtomicU64::new(0),
            len_and_tag: AtomicU64::new(0),
            payload: (0..payload_words).map(|_| AtomicU64::new(0)).collect(),
            shadow: UnsafeCell::new(()),
        };
        let memory = Memory {
            producer_page: zeroes(),
            doorbell: FutexAtomic::default(),
            sleepers: FutexAtomic::default(),
            cells_used: AtomicU64::new(0),
            clones: AtomicU64::new(0),
            spaces: (0..consumers).map(|_| FutexAtomic::default()).collect(),
            cells: (0..consumers).map(|_| zeroes()).collect(),
            slots: (0..slots).map(|_| slot()).collect(),
        };
        Self { geometry, memory: Arc::new(memory), barriers: false, trusted: true }
    }

    /// The same ring, where a thread that goes to sleep has the others execute fences. Without sleepers there are none.
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
            producer_page: ProducerPage {
                memory: self.memory.clone(),
                first: Seq::new(self.geometry.first_seq()),
                access,
            },
            hints: Hints { memory: self.memory.clone(), access: PhantomData },
            cells: Cells { memory: self.memory.clone(), access: PhantomData },
            slots: Slots {
                memory: self.memory.clone(),
                capacity: self.geometry.payload_capacity as usize,
                headed_below: self.geometry.headed_below(),
                holds_back: R::WRITES.contains(&true),
                access: PhantomData,
            },
            in_place: self.trusted,
            plain: self.trusted && self.geometry.headed_below() != 0,
            gapless: self.trusted && !self.geometry.can_skip(),
            borrowable: if self.trusted { self.geometry.payload_capacity } else { 0 },
            short: if self.trusted {
                ShortBound::NONE
            } else {
                ShortBound::of(self.geometry.payload_capacity)
            },
            fork: keeper.handle_status(),
            membarrier: true,
            name: None,
            rung: Cell::new(0),
            slices: Slices::default(),
            deferral: Deferral::default(),
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

    /// Whether the producer sleeps and hasn't been woken.
    pub fn producer_asleep(&self) -> bool {
        self.memory.spaces.iter().any(|bell| bell.asleep() != 0)
    }

    /// How many readers sleep and haven't been woken.
    pub fn readers_asleep(&self) -> u32 {
        self.memory.doorbell.asleep()
    }

    /// How many threads sleep and haven't been woken.
    pub fn asleep(&self) -> u32 {
        let Memory { doorbell, spaces, .. } = &*self.memory;
        doorbell.asleep() + spaces.iter().map(FutexAtomic::asleep).sum::<u32>()
    }
}

impl Region<AsConsumer> {
    /// The same for a reader that may be passed over: the producer may write what it copies out.
    pub(crate) fn may_be_overwritten(mut self) -> Self {
        self.slots.holds_back = false;
        self
    }
}
