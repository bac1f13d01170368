//! Removing rings that nobody uses.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::unistd::unlink;

use crate::error::FileError;
use crate::filesystem;
use crate::header;
use crate::identity::Identity;
use crate::locks::{Lock, LockTable};
use crate::open::{self, PATIENCE};
use crate::walk;

/// A descriptor just closed may linger in a process that is being spawned, until it execs.
const LINGER: Duration = Duration::from_millis(20);

/// Removes a file of rings, if nobody uses any of them. Whatever else the file holds goes with it.
///
/// # Errors
/// `InUse` while any process has one of its rings open; `Geometry` if the file holds no ring, which is then
/// not this function's to remove; else see [`FileError`].
pub fn remove(path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    let (file, stat) = open::regular(path, true)?;
    filesystem::check(path, &file)?;
    // Nobody adds a ring meanwhile.
    let alone = LockTable::at(0)
        .lock_within(file.as_fd(), LockTable::CREATION, Lock::Write, PATIENCE)
        .map_err(FileError::os("locking the file for creation", path))?;
    if !alone {
        return Err(FileError::BeingCreated { path: path.into() });
    }
    let rings = walk::rings(path, &file, stat.st_size as u64)?;
    if rings.is_empty() {
        header::read(path, &file, 0)?;
    }
    for (offset, _) in rings {
        let unused = LockTable::at(offset)
            .lock_within(file.as_fd(), LockTable::PRESENCE, Lock::Write, LINGER)
            .map_err(FileError::os("locking the ring's presence", path))?;
        if !unused {
            return Err(FileError::InUse { path: path.into() });
        }
    }
    if !Identity::of(&stat).is_at(path) {
        return Err(FileError::Replaced { path: path.into() });
    }
    unlink(path).map_err(FileError::os("removing the file", path))
}
