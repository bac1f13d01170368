//! Death in the middle of an operation, for the models.
//!
//! To all other processes, a dead process is one whose stores have come to an end. So a modelled process dies by
//! having all its further stores and fences left out. It goes on as a ghost that only loads, until its operation
//! returns. Its locks are freed after that: to the other processes, the kernel takes its time.

use core::cell::Cell;

use crate::ordering::sync::thread_local;

/// How far a process is from its death.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Immortal,
    /// It makes so many more steps.
    Mortal(u32),
    Ghost,
}

thread_local! {
    static LIFE: Cell<Life> = Cell::new(Life::Immortal);
}

/// Runs `operation` in a process that dies after `steps` stores and fences. Returns what the operation, or
/// the ghost, came to, and whether the process died.
pub fn after<R>(steps: u32, operation: impl FnOnce() -> R) -> (R, bool) {
    LIFE.with(|life| life.set(Life::Mortal(steps)));
    let result = operation();
    let end = LIFE.with(|life| life.replace(Life::Immortal));
    (result, end == Life::Ghost)
}

/// The process is about to store, or to fence: whether it lives to do so.
pub(crate) fn lives() -> bool {
    LIFE.with(|life| {
        match life.get() {
            Life::Mortal(0) => life.set(Life::Ghost),
            Life::Mortal(steps) => life.set(Life::Mortal(steps - 1)),
            Life::Immortal | Life::Ghost => {}
        }
        life.get() != Life::Ghost
    })
}

/// Whether the process has died.
pub(crate) fn is_ghost() -> bool {
    LIFE.with(|life| life.get() == Life::Ghost)
}
