//! What the protocol asks of the system: who is alive, and whether this is still the same process.

#![allow(clippy::disallowed_types, reason = "the fork word is private to the process")]

use crate::error::Forked;
use crate::sync::{Ordering, PrivateU64};

/// Answers from the only authority on who is alive: the kernel's locks.
///
/// Implemented by each placement, and by the loom models. A handle owns its `Liveness`, which in turn owns
/// whatever keeps the handle's mapping and locks in place.
pub trait Liveness: Send {
    /// Whether some process holds the producer's lock.
    fn producer_alive(&self) -> bool;
    /// Whether some process holds the lock of consumer cell `cell`.
    fn cell_alive(&self, cell: usize) -> bool;
    /// The word that tells a forked child from its parent.
    fn fork_word(&self) -> ForkWord;
}

/// Tells a handle whether it is still in the process that made it, for one load.
///
/// The word lies in a page that the kernel wipes in every forked child (`MADV_WIPEONFORK`), so it needs no
/// cooperation from whatever forked.
#[derive(Clone, Copy, Debug)]
pub struct ForkWord {
    word: Option<&'static PrivateU64>,
    generation: u64,
}

impl ForkWord {
    /// A handle made now: it belongs here as long as `word` holds `generation`, which must not be 0.
    pub fn new(word: &'static PrivateU64, generation: u64) -> Self {
        Self { word: Some(word), generation }
    }

    /// For handles that never meet a fork, as in a model.
    pub fn never() -> Self {
        Self { word: None, generation: 0 }
    }

    /// `Err(Forked)` in a child forked since.
    #[inline(always)]
    pub fn check(&self) -> Result<(), Forked> {
        match self.word {
            // Relaxed: the kernel wiped the page before the child ran its first instruction.
            Some(word) if word.load(Ordering::Relaxed) != self.generation => Err(Forked),
            _ => Ok(()),
        }
    }
}
