//! The slots over loom's atomics.
//!
//! # Safety
//!
//! As for the whole model: see `model/mod.rs`.

#![allow(unsafe_code)]

use core::cell::Cell;
use core::marker::PhantomData;
use std::sync::Arc;

use super::payload::{Payload, PayloadMut};
use super::storage::{Memory, ModelSlot};
use crate::format::seq::Seq;
use crate::memory::access::{Access, ReadWrite};
use crate::memory::short::{Short, ShortLen};
use crate::memory::sized::{Len, SizedMessage};
use crate::memory::word::Word;
use crate::ordering::death::is_ghost;

/// The slots.
pub(crate) struct Slots<A> {
    pub(super) memory: Arc<Memory>,
    pub(super) capacity: usize,
    /// As in the mapped view.
    pub(in crate::memory) headed_below: usize,
    /// Whether the role holds the producer back, so that nobody writes what it copies out.
    pub(super) holds_back: bool,
    pub(super) access: PhantomData<fn() -> A>,
}

impl<A: Access> Slots<A> {
    pub(crate) fn count(&self) -> u64 {
        self.memory.slots.len() as u64
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn are_headed(&self) -> bool {
        self.headed_below != 0
    }

    /// A model has no cache.
    pub(crate) fn prefetch(&self, _seq: Seq, _n: u64) {}

    pub(crate) fn at(&self, seq: Seq) -> Slot<'_, A> {
        self.slot(seq, AnyParts { headed: self.are_headed() })
    }

    pub(crate) fn headed(&self, seq: Seq) -> Slot<'_, A, Headed> {
        assert!(self.are_headed(), "the protocol takes the short way where slots have no headers");
        self.slot(seq, Headed)
    }

    fn slot<P>(&self, seq: Seq, parts: P) -> Slot<'_, A, P> {
        let slot = &self.memory.slots[seq.get() as usize % self.memory.slots.len()];
        Slot { slot, parts, seq, capacity: self.capacity, holds_back: self.holds_back, access: PhantomData }
    }

    pub(crate) fn walk(&self, seq: Seq) -> Walk<'_, A> {
        // SAFETY: the result borrows these slots, whose region has the memory.
        unsafe { self.walk_kept(seq) }
    }

    /// # Safety
    /// As for the mapped view.
    pub(crate) unsafe fn walk_kept<'s>(&self, seq: Seq) -> Walk<'s, A> {
        let slots = Self { memory: self.memory.clone(), ..*self };
        Walk { slots, at: Cell::new(seq), of: PhantomData }
    }
}

/// A walk from slot to slot.
pub(crate) struct Walk<'s, A> {
    slots: Slots<A>,
    at: Cell<Seq>,
    of: PhantomData<&'s ()>,
}

impl<A: Access> Clone for Walk<'_, A> {
    fn clone(&self) -> Self {
        // SAFETY: the region lives as long as this walk may, and so as long as its copy.
        unsafe { self.slots.walk_kept(self.at.get()) }
    }
}

impl<'s, A: Access> Walk<'s, A> {
    pub(crate) fn seq(&self) -> Seq {
        self.at.get()
    }

    pub(crate) fn published(&self) -> u64 {
        self.seq().published()
    }

    pub(crate) fn slot(&self) -> Slot<'s, A> {
        Self::kept(self.slots.at(self.seq()))
    }

    pub(crate) fn headed(&self) -> Slot<'s, A, Headed> {
        Self::kept(self.slots.headed(self.seq()))
    }

    fn kept<P>(slot: Slot<'_, A, P>) -> Slot<'s, A, P> {
        let Slot { slot, parts, seq, capacity, holds_back, access } = slot;
        // SAFETY: the ring's memory lives as long as the region does, which whatever made the walk vouches for.
        Slot { slot: unsafe { &*core::ptr::from_ref(slot) }, parts, seq, capacity, holds_back, access }
    }

    pub(crate) fn step(&self) {
        self.at.set(self.seq().next());
    }

    pub(crate) fn go_to(&self, seq: Seq) {
        self.at.set(seq);
    }

    pub(crate) fn prefetch(&self, _: usize) {}
}

/// Which words a slot has.
pub(crate) trait Parts: Copy {
    fn is_headed(self) -> bool;
}

/// Those of a slot with a header.
#[derive(Clone, Copy)]
pub(crate) struct Headed;

/// Those of a slot, whatever the stride.
#[derive(Clone, Copy)]
pub(crate) struct AnyParts {
    headed: bool,
}

impl Parts for Headed {
    fn is_headed(self) -> bool {
        true
    }
}

impl Parts for AnyParts {
    fn is_headed(self) -> bool {
        self.headed
    }
}

/// The slot of one message.
pub(crate) struct Slot<'a, A, P = AnyParts> {
    pub(super) slot: &'a ModelSlot,
    parts: P,
    pub(super) seq: Seq,
    pub(super) capacity: usize,
    pub(super) holds_back: bool,
    pub(super) access: PhantomData<fn() -> A>,
}

impl<A, P: Copy> Clone for Slot<'_, A, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, P: Copy> Copy for Slot<'_, A, P> {}

impl<'a, A: Access, P: Parts> Slot<'a, A, P> {
    pub(crate) fn seq(self) -> Seq {
        self.seq
    }

    pub(crate) fn capacity(self) -> usize {
        self.capacity
    }

    pub(crate) fn stamp(self) -> Word<'a, A> {
        Word::new(&self.slot.stamp)
    }

    pub(crate) fn len_and_tag(self) -> Option<Word<'a, A>> {
        self.parts.is_headed().then(|| Word::new(&self.slot.len_and_tag))
    }

    pub(crate) fn touch(self) {}

    pub(crate) fn copy_out(self, len: Len, dst: &mut [u8]) {
        let _reading = (self.holds_back && !is_ghost()).then(|| self.slot.shadow.get());
        self.slot.load(&mut dst[..len.get()]);
    }

    pub(crate) fn copy_out_short(self, len: ShortLen, dst: &mut Short) {
        self.copy_out(len.len(), dst.all());
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

impl<'a, P: Parts> Slot<'a, ReadWrite, P> {
    pub(crate) fn copy_in(self, message: SizedMessage<'_>) {
        let _writing = (!is_ghost()).then(|| self.slot.shadow.get_mut());
        self.slot.store(message.0);
    }

    /// # Safety
    /// None is needed here; the caller keeps to the contract of the mapped view.
    pub(crate) unsafe fn borrow_mut(self, len: Len) -> PayloadMut<'a> {
        let writing = (!is_ghost()).then(|| self.slot.shadow.get_mut());
        let mut bytes = vec![0; len.get()];
        self.slot.load(&mut bytes);
        PayloadMut { bytes, slot: Some((self.slot, writing)), buffer: None }
    }
}
