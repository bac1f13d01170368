//! What a role holds of a ring: its views, and whatever keeps them valid.
//!
//! The protocol never sees a pointer. It gets a view for each section, made of atomic 8-byte words typed by
//! permission. A [`ReadOnly`](crate::memory::access::ReadOnly) word can only be loaded: relaxed, the one atomic load
//! that Rust guarantees on read-only pages. A [`ReadWrite`](crate::memory::access::ReadWrite) word can be stored, too.
//! A store through a section that the role maps read-only doesn't compile.
//!
//! There are two implementations of the views: over a mapping (`mapped.rs`, the only one in production) and over
//! loom's atomics (`model/`). The protocol is the same code above both.

use core::cell::Cell;

use crate::format::error::Unusable;
use crate::format::geometry::{Geometry, Section};
use crate::format::name::Name;
use crate::memory::access::Role;
use crate::memory::deferral::Deferral;
use crate::memory::liveness::{HandleStatus, Liveness};
use crate::memory::short::{ShortBound, ShortLen};
use crate::memory::sized::Len;
use crate::memory::sleep_slices::Slices;
use crate::memory::{Cells, Hints, ProducerPage, Slots};
use crate::ordering::membarrier::register;

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

/// What a role holds of a ring: its views, and whatever keeps them valid.
pub struct Region<R: Role> {
    pub(crate) geometry: Geometry,
    pub(crate) producer_page: ProducerPage<R::ProducerPage>,
    pub(crate) hints: Hints<R::Hints>,
    pub(crate) cells: Cells<R::Cells>,
    pub(crate) slots: Slots<R::Slots>,
    /// Whether payloads may be borrowed where they lie; otherwise they are copied.
    pub(crate) in_place: bool,
    /// Whether they may, and slots have headers.
    pub(crate) plain: bool,
    /// Whether they may, and no message is ever skipped.
    pub(crate) gapless: bool,
    /// The longest payload that may be borrowed: 0 where none may be.
    pub(crate) borrowable: u64,
    /// The longest payload that is copied in the caller's own code: none where payloads are borrowed.
    pub(crate) short: ShortBound,
    pub(crate) fork: HandleStatus,
    /// Whether this role may register its process for membarrier.
    pub(crate) membarrier: bool,
    /// The name that this role gives itself.
    pub(crate) name: Option<Name>,
    /// The `wake_at` at which a consumer has woken the producer last.
    pub(crate) rung: Cell<u64>,
    pub(crate) slices: Slices,
    /// Whether this producer leaves readers asleep for now.
    pub(crate) deferral: Deferral,
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

    /// `len`, as found in a slot, as the length of a payload that is to be copied, isn't empty, and is short.
    #[inline(always)]
    pub(crate) fn short(&self, len: u64) -> Option<ShortLen> {
        ShortLen::new(len, self.short)
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

impl<R: Role> Region<R> {
    /// Says whether this role may register its process for membarrier; at first it may.
    ///
    /// A process is registered until it ends, and then any process can slow it down. Where it may not be, its
    /// producers are [`Fenced`](crate::WakeMode::Fenced), and an `Asymmetric` producer elsewhere that waits for its
    /// consumers looks again every millisecond.
    #[must_use]
    pub fn with_membarrier(self, yes: bool) -> Self {
        Self { membarrier: yes, ..self }
    }

    /// The name that the role gives itself from the start; at first none.
    #[must_use]
    pub fn with_name(self, name: Option<Name>) -> Self {
        Self { name, ..self }
    }

    /// Has this process take part in others' barriers, if this role may do that. Whether it does.
    pub(crate) fn register(&self) -> bool {
        self.membarrier && register()
    }
}

impl<R: Role> core::fmt::Debug for Region<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // What tells rings apart at a glance: a handle's text contains this.
        let Geometry { slots, payload_capacity, .. } = self.geometry;
        f.debug_struct("Region")
            .field("slots", &slots)
            .field("payload_capacity", &payload_capacity)
            .finish_non_exhaustive()
    }
}
