//! A modelled ring's memory: just the words that the protocol names.
//!
//! # Safety
//!
//! As for the whole model: see `model/mod.rs`.

#![allow(unsafe_code)]

use crate::format::layout::{cell, producer_page};
use crate::memory::access::{ReadOnly, ReadWrite};
use crate::memory::futex_word::FutexAtomic;
use crate::memory::word::Word;
use crate::ordering::sync::{AtomicU64, UnsafeCell};

pub(super) const PAGE_WORDS: [usize; 10] = [
    producer_page::HEAD,
    producer_page::EPOCH_STATE,
    producer_page::FIRST_SEQ_EVEN,
    producer_page::FIRST_SEQ_ODD,
    producer_page::WAKE_MODE,
    producer_page::PRODUCER_PID,
    producer_page::BLOCKED_ON,
    producer_page::WAKE_AT,
    producer_page::TIMES_FULL,
    producer_page::TIMES_PASSED_OVER,
];
pub(super) const CELL_WORDS: [usize; 6] =
    [cell::CURSOR, cell::WORD, cell::PID, cell::REGISTERED, cell::LOST, cell::TIMES_LAGGED];

pub(super) struct Memory {
    pub(super) producer_page: [AtomicU64; PAGE_WORDS.len()],
    pub(super) doorbell: FutexAtomic,
    pub(super) sleepers: FutexAtomic,
    pub(super) cells_used: AtomicU64,
    pub(super) clones: AtomicU64,
    pub(super) spaces: Vec<FutexAtomic>,
    pub(super) cells: Vec<[AtomicU64; CELL_WORDS.len()]>,
    pub(super) slots: Vec<ModelSlot>,
}

pub(super) struct ModelSlot {
    pub(super) stamp: AtomicU64,
    pub(super) len_and_tag: AtomicU64,
    pub(super) payload: Vec<AtomicU64>,
    pub(super) shadow: UnsafeCell<()>,
}

// SAFETY: see the module's documentation.
unsafe impl Sync for ModelSlot {}
// SAFETY: see the module's documentation.
unsafe impl Send for ModelSlot {}

pub(super) fn zeroes<const N: usize>() -> [AtomicU64; N] {
    core::array::from_fn(|_| AtomicU64::new(0))
}

/// Where the word of this index is kept.
pub(super) fn position(words: &[usize], index: usize) -> usize {
    words.iter().position(|&word| word == index).expect("the protocol uses no other word")
}

impl ModelSlot {
    pub(super) fn load(&self, dst: &mut [u8]) {
        for (bytes, word) in dst.chunks_mut(8).zip(&self.payload) {
            bytes.copy_from_slice(&Word::<ReadOnly>::new(word).load().to_ne_bytes()[..bytes.len()]);
        }
    }

    pub(super) fn store(&self, src: &[u8]) {
        for (bytes, word) in src.chunks(8).zip(&self.payload) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            Word::<ReadWrite>::new(word).store(u64::from_ne_bytes(padded));
        }
    }
}
