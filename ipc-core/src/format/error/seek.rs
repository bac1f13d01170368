//! Why a reader didn't go elsewhere.

use super::{Damaged, Forked, Truncated};

/// Why a reader didn't go to the message asked for. It is where it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeekError {
    /// The message is gone.
    #[error("message {asked} is no longer kept: the oldest that this reader can go to is {oldest}")]
    Overwritten {
        /// The sequence asked for.
        asked: u64,
        /// The oldest sequence that can be asked for now.
        oldest: u64,
    },
    /// The message isn't published yet.
    #[error("message {asked} isn't published yet: head is {head}; ask for head at most, and wait there")]
    Unpublished {
        /// The sequence asked for.
        asked: u64,
        /// The sequence of the next message to be published.
        head: u64,
    },
    /// The message lies behind a consumer, which has released it or peeked further.
    #[error(
        "message {asked} lies behind: this consumer goes on at {expected}, and forward only; read back with an observer"
    )]
    Backward {
        /// The sequence asked for.
        asked: u64,
        /// The least sequence that can be asked for: that of the next message to read, or to peek at.
        expected: u64,
    },
    /// What lies in shared memory contradicts itself.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The handle was made before a fork.
    #[error(transparent)]
    Forked(#[from] Forked),
    /// The ring's file was cut short under the handle.
    #[error(transparent)]
    Truncated(#[from] Truncated),
}
