//! Why a thread can't wait for so many handles.

use crate::format::counted::Counted;

/// Why a [`WaitSet`](crate::WaitSet) didn't wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitSetError {
    /// The kernel lets a thread sleep on no more words than that.
    #[error(
        "{found} handles to wait for, at most {most} expected: spread them over several threads, each with a WaitSet of its own"
    )]
    TooMany {
        /// Number of handles.
        found: usize,
        /// The most that one wait takes.
        most: usize,
    },
    /// There is no memory for the wait's notes on its handles.
    #[error("a wait has no memory for {} of notes on its handles: free some and call again", Counted(*needed, "byte"))]
    NoMemory {
        /// Bytes asked of the allocator.
        needed: usize,
    },
}
