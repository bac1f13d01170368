//! The claim of an import on its mirror: no other import writes it, nor takes its part before the source.

use std::fs::{File, TryLockError};

use anyhow::{Context, Result, bail, ensure};
use ringway::file::FileRing;

/// A claim on a mirror, also while no process has the producer's role and when the mirror is closed. Two sinks of one
/// id would tell the source of two positions. It ends when it is dropped, or with the process.
#[derive(Debug)]
pub struct Claim {
    _locked: File,
}

impl Claim {
    /// Claims a mirror.
    ///
    /// # Errors
    /// If another import has claimed it, or another file has come to its path.
    pub fn take(mirror: &FileRing) -> Result<Self> {
        let path = mirror.path();
        let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another import writes {}: give another path, or end that import", path.display())
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", path.display()));
            }
        }
        ensure!(mirror.has_its_name()?, "another file has come to {} meanwhile", path.display());
        Ok(Self { _locked: file })
    }
}
