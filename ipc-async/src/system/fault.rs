//! Mistakes that a model makes on purpose, one at a time, to show that it would notice them.

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// A task leaves a new waker after its last look, though the entry has fired since it was armed.
    WakerAfterLook,
    /// A task arms a word that the thread doesn't sleep on, and leaves `control` as it is.
    SilentControl,
    /// A word that isn't watched any more still counts as one that the thread sleeps on.
    StillListed,
}

/// Whether the model makes this mistake; never, but in a model.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) fn seeded(_fault: Fault) -> bool {
    false
}

#[cfg(loom)]
pub(crate) use model::{seeded, with_fault};

#[cfg(loom)]
mod model {
    use std::cell::Cell;

    use super::Fault;

    thread_local! {
        /// A model runs in threads of loom's, which all run on one thread of the system's.
        static SEEDED: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    pub(crate) fn seeded(fault: Fault) -> bool {
        SEEDED.get() == Some(fault)
    }

    /// Runs `model` with a mistake, or none.
    pub(crate) fn with_fault<R>(fault: Option<Fault>, model: impl FnOnce() -> R) -> R {
        SEEDED.set(fault);
        model()
    }
}
