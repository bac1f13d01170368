//! Opening what a path names, and trusting none of it unchecked.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use ringway_core::Geometry;

use super::file_ring::{FileRing, Located};
use super::plan::Plan;
use crate::content::header;
use crate::error::FileError;
use crate::locks::{Held, Lock, LockTable, PATIENCE};
use crate::map::page_size;
use crate::path::checks::{checked, look_at};
use crate::system::boot;
use crate::system::identity::Identity;

/// Opens the ring at the path and the offset.
pub(crate) fn ring(path: &Path, plan: &Plan, write: bool) -> Result<FileRing, FileError> {
    let offset = plan.start();
    if !offset.is_multiple_of(page_size()) {
        return Err(header::unaligned(path, offset, page_size()));
    }
    let (file, _) = checked(path, write, plan.trust)?;
    let file = Held::new(file);
    let geometry = complete_header(path, &file, offset)?;
    // Only now: until its header is complete, a ring's file may be growing.
    let length = look_at(path, &file)?.st_size as u64;
    header::check_placement(path, &geometry, offset, length)?;
    let this_boot = boot::boot_id().map_err(FileError::proc(path, boot::BOOT_ID))?;
    let other_boot = geometry.boot_id() != this_boot;
    // What such a ring holds may be incomplete after a loss of power: good enough to look at, not to go on.
    if other_boot && (write || !plan.allow_other_boot) {
        return Err(FileError::OtherBoot { path: path.into() });
    }
    let located = announce(path, &file, offset)?;
    let mut ring = FileRing::assemble(located, file.keep(), geometry, offset, plan.map);
    ring.restrict(!write, other_boot);
    Ok(ring.with_membarrier(plan.membarrier))
}

/// The header, once it is complete: at an offset, a ring may be in the making.
fn complete_header(path: &Path, file: &File, offset: u64) -> Result<Geometry, FileError> {
    match header::read(path, file, offset) {
        // A header that reads well is complete: its checksum says so.
        Err(FileError::Geometry { .. }) => {
            let table = LockTable::at(offset);
            let locked = table
                .lock_within(file.as_fd(), LockTable::CREATION, Lock::Read, PATIENCE)
                .map_err(FileError::os("locking the ring's creation", path))?;
            if !locked {
                return Err(FileError::BeingCreated { path: path.into() });
            }
            let again = header::read(path, file, offset);
            table
                .unlock(file.as_fd(), LockTable::CREATION)
                .map_err(FileError::os("unlocking the ring's creation", path))?;
            again
        }
        other => other,
    }
}

/// Takes the presence lock, which keeps the file from being removed, and makes sure that it wasn't before.
pub(crate) fn announce(path: &Path, file: &File, offset: u64) -> Result<Located, FileError> {
    let present = LockTable::at(offset)
        .lock_within(file.as_fd(), LockTable::PRESENCE, Lock::Read, PATIENCE)
        .map_err(FileError::os("locking the ring's presence", path))?;
    if !present {
        return Err(FileError::BeingRemoved { path: path.into() });
    }
    let stat = look_at(path, file)?;
    let identity = Identity::of(&stat);
    let named = identity.is_at(path).map_err(FileError::os("looking at the file", path))?;
    if stat.st_nlink == 0 || !named {
        return Err(FileError::Replaced { path: path.into() });
    }
    Located::new(path, identity)
}
