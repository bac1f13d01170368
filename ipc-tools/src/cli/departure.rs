//! A reader whose ring is no longer at its path.

use ringway::file::{FileError, FileRing};

use super::subscribe::{Args, open};

/// What follows for a reader whose ring is no longer at its path, once it has read what the ring has.
pub(super) enum Departure {
    /// The command fails.
    Failing,
    /// It turns to the ring that is there now.
    To(Box<FileRing>),
}

/// Decides what follows, if it can be decided yet. A follower stays with its ring until there is another one. It
/// doesn't make that itself, since the next producer knows what it is to be like.
pub(super) fn departure(args: &Args) -> anyhow::Result<Option<Departure>> {
    if !args.follows() {
        return Ok(Some(Departure::Failing));
    }
    match open(args) {
        Ok(ring) => {
            args.check(&ring)?;
            Ok(Some(Departure::To(Box::new(ring))))
        }
        Err(FileError::NotFound { .. } | FileError::Replaced { .. } | FileError::BeingRemoved { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
