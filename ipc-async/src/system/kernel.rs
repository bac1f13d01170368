//! What the sleeper needs of the kernel: a sleep on many words at once, and a wake of its own.

use core::time::Duration;

#[cfg(not(loom))]
pub(crate) use ringway_core::Slept;

use crate::system::sync::AtomicU32;

/// How a modelled sleep ended.
#[cfg(loom)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Slept {
    Woken(usize),
    TimedOut,
    Changed,
    Denied,
    #[expect(dead_code, reason = "the model's words are all there")]
    BadAddress,
}

/// A word and the value that it had before a handle's last look.
pub(crate) trait Ticket: Copy {
    /// A word of this process's own.
    fn control(word: &AtomicU32, value: u32) -> Self;

    /// Whether both are of the same word and the same value.
    fn is(&self, other: &Self) -> bool;

    /// The same word with the value that it has once its bell is rung: each ring adds 1.
    fn rung(&self) -> Self;

    /// How long to sleep at most.
    fn longest(&self) -> Duration;
}

/// What puts the thread to sleep and wakes it: the kernel, or a model of it.
pub(crate) trait Kernel {
    type Ticket: Ticket;

    /// Sleeps until a word is woken, or `limit` has passed ([`Duration::MAX`]: without end).
    fn sleep(&self, tickets: &[Self::Ticket], limit: Duration) -> Slept;

    /// Wakes the thread that sleeps on a word of this process's own.
    fn wake(&self, word: &AtomicU32);
}
