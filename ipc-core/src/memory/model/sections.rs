//! The sections' views over loom's atomics, but for the slots.
//!
//! # Safety
//!
//! As for the whole model: see `model/mod.rs`.

#![allow(unsafe_code)]

use core::marker::PhantomData;
use std::sync::Arc;

use super::storage::{CELL_WORDS, Memory, PAGE_WORDS, position};
use crate::format::seq::Seq;
use crate::memory::access::Access;
use crate::memory::futex_word::FutexWord;
use crate::memory::word::Word;

/// The producer page.
pub(crate) struct ProducerPage<A> {
    pub(super) memory: Arc<Memory>,
    /// As in the mapped view.
    pub(crate) first: Seq,
    pub(super) access: PhantomData<fn() -> A>,
}

impl<A: Access> ProducerPage<A> {
    pub(crate) fn word<const INDEX: usize>(&self) -> Word<'_, A> {
        Word::new(&self.memory.producer_page[position(&PAGE_WORDS, INDEX)])
    }

    pub(crate) fn doorbell(&self) -> FutexWord<'_, A> {
        FutexWord::new(&self.memory.doorbell)
    }
}

/// The hints page.
pub(crate) struct Hints<A> {
    pub(super) memory: Arc<Memory>,
    pub(super) access: PhantomData<fn() -> A>,
}

impl<A: Access> Hints<A> {
    pub(crate) fn sleepers(&self) -> FutexWord<'_, A> {
        FutexWord::new(&self.memory.sleepers)
    }

    pub(crate) fn cells_used(&self) -> Word<'_, A> {
        Word::new(&self.memory.cells_used)
    }

    pub(crate) fn clones(&self) -> Word<'_, A> {
        Word::new(&self.memory.clones)
    }
}

/// The consumers' cells.
pub(crate) struct Cells<A> {
    pub(super) memory: Arc<Memory>,
    pub(super) access: PhantomData<fn() -> A>,
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

    pub(crate) fn space_bell(&self, cell: usize) -> FutexWord<'_, A> {
        FutexWord::new(&self.memory.spaces[cell])
    }
}

/// One consumer's own cell.
pub(crate) struct OwnCell<A> {
    pub(super) memory: Arc<Memory>,
    pub(super) cell: usize,
    pub(super) access: PhantomData<fn() -> A>,
}

impl<A: Access> OwnCell<A> {
    pub(crate) fn word<const INDEX: usize>(&self) -> Word<'_, A> {
        Word::new(&self.memory.cells[self.cell][position(&CELL_WORDS, INDEX)])
    }
}
