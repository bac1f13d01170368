//! Why a handle can do nothing any more, whatever it is asked.

use super::{AttachError, PublishError, RecvError, SeekError};

/// The handle belongs to the process that made it, and this one is a forked child of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "this handle was made before a fork and belongs to the parent process: take a role anew in the child, which may use the opened ring"
)]
pub struct Forked;

/// The memory that the handle was mapped to is gone. Only a process that installed the guard of `ringway-file`
/// lives to see it: otherwise the access is a SIGBUS, which ends the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the ring's file was cut short under this handle, or its storage failed, or its file system copies on write (btrfs, XFS after a reflink) and is full; what wasn't read yet is lost to the handle: drop it, free space if there is none (`df` tells), and open the ring again if it is whole or was made anew"
)]
pub struct Truncated;

/// Why a handle can do nothing any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// It was made before a fork.
    #[error(transparent)]
    Forked(#[from] Forked),
    /// The ring's file was cut short under it.
    #[error(transparent)]
    Truncated(#[from] Truncated),
}

/// Each operation's error says it in a variant of its own.
macro_rules! from_unusable {
    ($($error:ident),+) => {
        $(impl From<Unusable> for $error {
            fn from(why: Unusable) -> Self {
                match why {
                    Unusable::Forked(forked) => $error::Forked(forked),
                    Unusable::Truncated(truncated) => $error::Truncated(truncated),
                }
            }
        })+
    };
}
from_unusable!(AttachError, PublishError, RecvError, SeekError);
