//! The promise of `--trust-peers`.
//!
//! # Safety
//! The one unsafe call passes on to the library what the user promises by giving the flag: no process writes the ring's
//! file but by the protocol.

#![allow(unsafe_code)]

use ringway::file::{FileError, FileRing};

/// Whether messages are used where they lie.
#[derive(clap::Args, Clone, Copy)]
pub(super) struct Trust {
    /// Write and read messages in the slots, without a copy: faster. Give it only if every process that can write the
    /// ring's file keeps to the protocol; another could change a message while it is used
    #[arg(long)]
    trust_peers: bool,
}

impl Trust {
    /// The ring as it was opened, trusted if the user said so.
    pub(super) fn apply(self, opened: Result<FileRing, FileError>) -> Result<FileRing, FileError> {
        opened.map(|ring| {
            if self.trust_peers {
                // SAFETY: the user of the flag promises that every process that can write the
                // file keeps to the protocol.
                unsafe { ring.trust_peers() }
            } else {
                ring
            }
        })
    }
}
