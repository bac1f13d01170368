//! A ring's geometry section over loom's atomics.

use core::marker::PhantomData;
use std::sync::Arc;

use super::storage::zeroes;
use crate::format::layout::geometry;
use crate::memory::access::{Access, ReadOnly, ReadWrite};
use crate::memory::word::Word;
use crate::ordering::sync::AtomicU64;

/// A ring's geometry section in loom's memory.
#[derive(Clone)]
pub struct ModelHeader(Arc<[AtomicU64; geometry::WORDS]>);

impl Default for ModelHeader {
    fn default() -> Self {
        Self(Arc::new(zeroes()))
    }
}

impl ModelHeader {
    /// The view of a reader.
    pub fn readable(&self) -> HeaderWords<ReadOnly> {
        HeaderWords { memory: self.0.clone(), access: PhantomData }
    }

    /// The view of the creator.
    pub fn writable(&self) -> HeaderWords<ReadWrite> {
        HeaderWords { memory: self.0.clone(), access: PhantomData }
    }
}

/// The geometry section.
pub struct HeaderWords<A> {
    memory: Arc<[AtomicU64; geometry::WORDS]>,
    access: PhantomData<fn() -> A>,
}

impl<A: Access> HeaderWords<A> {
    pub(crate) fn word(&self, index: usize) -> Word<'_, A> {
        Word::new(&self.memory[index])
    }
}
