//! What the protocol asks of the system: which roles are alive, and whether a handle can still be used.

#![allow(clippy::disallowed_types, reason = "the status word is private to the process")]

use std::sync::Arc;

use crate::format::error::{AttachError, Forked, Truncated, Unusable};
use crate::memory::source::RingSource;
use crate::ordering::sync::{Ordering, PrivateU64, signal_fence};

/// Answers from the only authority on which roles are alive: the kernel's locks.
///
/// Implemented by each placement, and by the loom models. A handle owns its `Liveness`, which in turn owns
/// whatever keeps the handle's mapping and locks in place.
pub trait Liveness: Send {
    /// Whether some process holds the producer's lock.
    fn producer_alive(&self) -> bool;
    /// Whether some process holds the lock of consumer cell `cell`.
    fn cell_alive(&self, cell: usize) -> bool;
    /// Frees the producer's lock, which this handle holds and won't use again, before the mapping ends. Whether it
    /// did: then the handle rings the doorbell, so that readers learn at once that the producer is gone.
    ///
    /// A placement that can't leaves it to its own drop, and readers to their slices.
    fn free_producer(&self) -> bool {
        false
    }
    /// Whether processes that come now find this ring where it was opened. A placement without names says yes, and so
    /// does one that can't tell.
    fn is_current(&self) -> bool {
        true
    }
    /// A handle of the ring that the role was taken on. One that is made for the caller holds what the role's own ring
    /// handle held, until it is dropped, and the role nothing more than before.
    ///
    /// # Errors
    /// `Detached` if the placement knows no ring, as this method says if it isn't implemented; else see
    /// [`AttachError`].
    fn ring(&self) -> Result<Arc<dyn RingSource>, AttachError> {
        Err(AttachError::Detached)
    }
    /// The word that tells whether the handle can still be used.
    fn handle_status(&self) -> HandleStatus;
}

/// Tells a handle whether it can still be used, for one load: whether it is in the process that made it, and
/// still has its memory.
///
/// The word lies in a page that the kernel wipes in every forked child (`MADV_WIPEONFORK`), so it needs no
/// cooperation from whatever forked. A handle may have a word of its own, which a signal handler that finds
/// the handle's memory gone [marks](Self::truncated).
#[derive(Clone, Copy, Debug)]
pub struct HandleStatus {
    word: &'static PrivateU64,
    generation: u64,
}

/// The word of handles that never meet a fork.
static NEVER: PrivateU64 = PrivateU64::new(0);

/// Set in a generation whose handle lost its memory.
const TRUNCATED: u64 = 1 << 63;

impl HandleStatus {
    /// A handle made now: it belongs here as long as `word` holds `generation`, from 1 to 2^63 - 1.
    pub fn new(word: &'static PrivateU64, generation: u64) -> Self {
        Self { word, generation }
    }

    /// For handles that never meet a fork, as in a model.
    pub fn never() -> Self {
        Self { word: &NEVER, generation: 0 }
    }

    /// What `word` holds once the handle of `generation` has lost its memory.
    pub const fn truncated(generation: u64) -> u64 {
        generation | TRUNCATED
    }

    /// Whether the handle can still be used.
    #[inline(always)]
    pub(crate) fn is_valid(&self) -> bool {
        // Relaxed: the kernel wiped the page before the child ran its first instruction, and it is the
        // thread that uses the handle whose signal handler marks the word.
        self.word.load(Ordering::Relaxed) == self.generation
    }

    /// Says why the handle can't be used, if it can't.
    ///
    /// # Errors
    /// `Forked` in a child forked since, `Truncated` if the handle has lost its memory.
    #[inline(always)]
    pub fn check(&self) -> Result<(), Unusable> {
        self.check_for()
    }

    /// The same as the error of an operation, which the paths that are taken often have made out of line.
    #[inline(always)]
    pub(crate) fn check_for<E: From<Unusable>>(&self) -> Result<(), E> {
        if self.is_valid() { Ok(()) } else { Err(self.why()) }
    }

    /// The same, of what was read from the handle's memory before: if that is gone, it was zeros.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    #[inline(always)]
    pub fn check_after(&self) -> Result<(), Unusable> {
        self.check_after_for()
    }

    /// As [`check_for`](Self::check_for), of what was read before.
    #[inline(always)]
    pub(crate) fn check_after_for<E: From<Unusable>>(&self) -> Result<(), E> {
        signal_fence();
        self.check_for()
    }

    /// As [`is_valid`](Self::is_valid), of what was read before.
    #[inline(always)]
    pub(crate) fn is_valid_after(&self) -> bool {
        signal_fence();
        self.is_valid()
    }

    /// Whether the handle was made before a fork, whatever became of its memory.
    ///
    /// # Errors
    /// `Forked` in a child forked since.
    #[inline]
    pub fn check_fork(&self) -> Result<(), Forked> {
        match self.check() {
            Err(Unusable::Forked(forked)) => Err(forked),
            _ => Ok(()),
        }
    }

    #[cold]
    #[inline(never)]
    fn why<E: From<Unusable>>(&self) -> E {
        if self.word.load(Ordering::Relaxed) == Self::truncated(self.generation) {
            return Unusable::Truncated(Truncated).into();
        }
        Unusable::Forked(Forked).into()
    }
}
