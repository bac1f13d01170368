//! Making a ring in a new file.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, fchmod};
use ringway_core::{Config, Geometry, GeometryError, Placement};

use super::embed;
use super::file_ring::{FileRing, Located};
use super::plan::Plan;
use crate::content::header;
use crate::content::space::{allocate, check_limit};
use crate::error::FileError;
use crate::locks::{Held, Lock, LockTable};
use crate::map::page_size;
use crate::path::checks::{check_copies, check_filesystem, look_at, regular};
use crate::path::draft::Draft;
use crate::path::place::{ATTEMPTS, Place};
use crate::system::identity::Identity;
use crate::system::retry::retry;
use crate::system::{boot, copy_on_write, random};

/// Makes a ring: in a new file, or, at an offset, in a file that may exist.
pub(crate) fn create(path: &Path, config: &Config, plan: &Plan) -> Result<FileRing, FileError> {
    let geometry = new_geometry(path, config, plan)?;
    made(path, &geometry, plan).map_err(FileError::making(geometry.total_length()))
}

fn made(path: &Path, geometry: &Geometry, plan: &Plan) -> Result<FileRing, FileError> {
    if plan.offset.is_none() {
        return in_new_file(path, geometry, plan);
    }
    let mut last = FileError::NotFound { path: path.into() };
    for _ in 0..ATTEMPTS {
        last = match embed::in_existing_file(path, geometry, plan) {
            Err(FileError::NotFound { .. }) => match in_new_file(path, geometry, plan) {
                Err(error @ FileError::AlreadyExists { .. }) => error,
                other => return other,
            },
            other => return other,
        };
    }
    Err(last)
}

/// The geometry of a ring to be made, if one can be as asked for, where asked for.
fn new_geometry(path: &Path, config: &Config, plan: &Plan) -> Result<Geometry, FileError> {
    let offset = plan.start();
    let geometry = planned(path, config, plan)?;
    if !offset.is_multiple_of(geometry.section_align()) {
        return Err(header::unaligned(path, offset, geometry.section_align()));
    }
    let end = offset.checked_add(geometry.total_length());
    let Some(end) = end.filter(|&end| libc::off_t::try_from(end).is_ok()) else {
        return Err(FileError::geometry(path, offset)(GeometryError::Overflow {
            slots: geometry.slots(),
            payload_capacity: geometry.payload_capacity(),
            section_align: geometry.section_align(),
        }));
    };
    check_limit(path, end)?;
    Ok(geometry)
}

/// The geometry that `config` asks for, with a new ring's id.
pub(crate) fn planned(path: &Path, config: &Config, plan: &Plan) -> Result<Geometry, FileError> {
    let placement = if plan.offset.is_some() { Placement::Embedded } else { Placement::WholeFile };
    let ring_id = random::ring_id().map_err(FileError::proc(path, random::RANDOM))?;
    let boot_id = boot::boot_id().map_err(FileError::proc(path, boot::BOOT_ID))?;
    config.geometry(page_size(), placement, ring_id, boot_id).map_err(FileError::geometry(path, plan.start()))
}

fn in_new_file(path: &Path, geometry: &Geometry, plan: &Plan) -> Result<FileRing, FileError> {
    let offset = plan.start();
    let place = Place::vacant(path)?;
    let draft = Draft::new(&place)?;
    let file = draft.file();
    let magic = check_filesystem(path, file)?;
    if check_copies(path, file, magic, plan.trust.allow_copy_on_write)? {
        copy_on_write::avoid(file);
    }
    allocate(path, file, offset, geometry.total_length())?;
    header::write_unshared(file, offset, geometry).map_err(FileError::os("formatting the ring", path))?;
    let stat = look_at(path, file)?;
    if (stat.st_size as u64) < offset + geometry.total_length() {
        // By a process that has found the file under `/proc`.
        return Err(FileError::os("formatting the ring, whose file was cut short,", path)(Errno::EIO));
    }
    // The process's umask, or the directory, may have given it another mode.
    let mode = Mode::from_bits_truncate(plan.mode);
    if Mode::from_bits_truncate(stat.st_mode) != mode {
        retry(|| fchmod(file, mode)).map_err(FileError::os("setting the mode", path))?;
    }
    // Before it has a name, nobody can hold a lock against it.
    LockTable::at(offset)
        .try_lock(file.as_fd(), LockTable::PRESENCE, Lock::Read)
        .map_err(FileError::os("locking the ring's presence", path))?;
    let located = Located::new(path, Identity::of(&stat))?;
    // From here on nothing fails: what is visible is what was asked for.
    let file = by_its_name(path, draft.publish()?, located.identity(), offset);
    Ok(FileRing::assemble(located, file, geometry.clone(), offset, plan.map).with_membarrier(plan.membarrier))
}

/// The same file, whose identity is given, opened by its name if possible: one opened without a name is for ever shown
/// as deleted, by `/proc/self/maps` and all that read it.
fn by_its_name(path: &Path, file: File, identity: Identity, offset: u64) -> File {
    let file = Held::new(file);
    let named = regular(path, true).ok().filter(|(named, stat)| {
        let present = || LockTable::at(offset).try_lock(named.as_fd(), LockTable::PRESENCE, Lock::Read);
        // Nothing is locked in a file that another process has put there meanwhile.
        Identity::of(stat) == identity && present().unwrap_or(false)
    });
    match named {
        Some((named, _)) => named,
        None => file.keep(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_from_before_the_file_had_a_name_keeps_no_lock() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring");
        let place = Place::vacant(&path).unwrap();
        let draft = Draft::new(&place).unwrap();
        let table = LockTable::at(0);
        assert!(table.try_lock(draft.file().as_fd(), LockTable::PRESENCE, Lock::Read).unwrap());
        let file = draft.publish().unwrap();
        // As a child has that is forked meanwhile.
        let _inherited = file.try_clone().unwrap();
        let identity = Identity::of_fd(&file).unwrap();
        drop(by_its_name(&path, file, identity, 0));
        let remover = File::options().write(true).open(&path).unwrap();
        assert!(table.try_lock(remover.as_fd(), LockTable::PRESENCE, Lock::Write).unwrap());
    }
}
