//! Removing rings that nobody uses.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use ringway_core::{Geometry, GeometryError};

use crate::content::header;
use crate::content::unfinished;
use crate::error::FileError;
use crate::locks::{Held, Lock, LockTable, PATIENCE};
use crate::path::checks::{check_filesystem, regular};
use crate::path::place::Place;
use crate::path::temporary;
use crate::system::identity::Identity;

/// A descriptor just closed may linger in a process that is being spawned, until it execs.
const LINGER: Duration = Duration::from_millis(20);

/// Removes a file of rings, if nobody uses any of them. Whatever else the file holds goes with it. A ring whose
/// creator died before it was complete is a ring.
///
/// A forked child shares the [`FileRing`](crate::FileRing)s that it inherits: each counts as in use until the child
/// has dropped it, too, executes another program or ends, even if its parent is long dead.
///
/// # Errors
/// `InUse` while any process has one of its rings open, be it inherited; `Geometry` if the file holds no ring, which
/// is then not this function's to remove; else see [`FileError`].
///
/// # Examples
/// ```
/// use ringway_core::Config;
/// use ringway_file::FileError;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("quotes");
/// let ring = ringway_file::create(&path, &Config::new())?;
/// assert!(matches!(ringway_file::remove(&path), Err(FileError::InUse { .. })));
/// drop(ring);
/// ringway_file::remove(&path)?;
/// assert!(!path.exists());
/// # Ok(())
/// # }
/// ```
pub fn remove(path: impl AsRef<Path>) -> Result<(), FileError> {
    remove_if(path, |_| true).map(drop)
}

/// As [`remove`], if `wanted` says so of the file. It is asked while no process has a ring of the file open, and none
/// can open or make one there. Returns whether the file was removed.
///
/// # Errors
/// As for [`remove`].
pub fn remove_if(path: impl AsRef<Path>, wanted: impl FnOnce(&File) -> bool) -> Result<bool, FileError> {
    let path = path.as_ref();
    let removed = if_unused(path, Which::Any, wanted);
    // An earlier removal may have ended halfway.
    if let Ok(place) = Place::of(path) {
        temporary::sweep(&place, Duration::ZERO);
    }
    removed
}

/// What there must be in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Any,
    Unfinished,
}

/// Removes a file in which a dead creator has left an unfinished ring, and in which nothing else is.
///
/// # Errors
/// `Geometry` with `Unfinished` if something else is there, too; else as for [`remove`].
pub(crate) fn unfinished(path: &Path) -> Result<(), FileError> {
    if_unused(path, Which::Unfinished, |_| true).map(drop)
}

fn if_unused(path: &Path, which: Which, wanted: impl FnOnce(&File) -> bool) -> Result<bool, FileError> {
    let (file, stat) = regular(path, true)?;
    let held = Held::new(file);
    let file: &File = &held;
    check_filesystem(path, file)?;
    if stat.st_nlink > 1 {
        // It may have the name of a removal that ended halfway, still.
        temporary::sweep(&Place::of(path)?, PATIENCE);
    }
    // Nobody adds a ring meanwhile.
    let alone = LockTable::at(0)
        .lock_within(file.as_fd(), LockTable::CREATION, Lock::Write, PATIENCE)
        .map_err(FileError::os("locking the file for creation", path))?;
    if !alone {
        return Err(FileError::BeingCreated { path: path.into() });
    }
    if which == Which::Unfinished && !unfinished::is_alone(path, file)? {
        return Err(FileError::geometry(path, 0)(GeometryError::Unfinished));
    }
    let rings = unfinished::and_rings(path, file)?;
    let Some((_, first)) = rings.first() else {
        return header::read(path, file, 0).and(Err(FileError::Replaced { path: path.into() }));
    };
    for (offset, _) in &rings {
        let unused = LockTable::at(*offset)
            .lock_within(file.as_fd(), LockTable::PRESENCE, Lock::Write, LINGER)
            .map_err(FileError::os("locking the ring's presence", path))?;
        if !unused {
            return Err(FileError::InUse { path: path.into() });
        }
    }
    if !wanted(file) {
        return Ok(false);
    }
    let identity = Identity::of(&stat);
    if !identity.is_at(path).map_err(FileError::os("looking at the file", path))? {
        return Err(FileError::Replaced { path: path.into() });
    }
    take_away(&Place::of(path)?, first, identity).map(|()| true)
}

/// Removes the file from its place, if it is still the one there. Another may come between any look and the
/// removal of a name; so the name is changed to one that nobody else uses, and what has that is looked at.
fn take_away(place: &Place<'_>, ring: &Geometry, identity: Identity) -> Result<(), FileError> {
    let path = place.path;
    let failed = || FileError::os("removing the file", path);
    let old = temporary::old_name(place.name, ring, identity);
    place.vacate(&old).map_err(|error| match error {
        Errno::ENOENT => FileError::Replaced { path: path.into() },
        error => failed()(error),
    })?;
    let found = place.found(&old);
    if found == Ok(identity) {
        return place.unlink(&old).map_err(|error| {
            let _ = place.fill(&old);
            failed()(error)
        });
    }
    // It came in between, or can't be told: back to its name. If that is taken by now, it stays hidden until a
    // later removal finds the name free.
    match place.fill(&old) {
        Ok(()) => Err(found.err().map_or_else(|| FileError::Replaced { path: path.into() }, failed())),
        // Another remover has given it back.
        Err(Errno::ENOENT) => Err(FileError::Replaced { path: path.into() }),
        Err(error) => Err(FileError::os("giving a file its name back", &place.parent.join(&old))(error)),
    }
}
