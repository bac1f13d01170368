//! Making a ring at an offset of a file that exists.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use ringway_core::{Geometry, Placement};

use super::file_ring::{FileRing, Located};
use super::open;
use super::plan::Plan;
use crate::content::space::allocate;
use crate::content::unfinished::{self, Note};
use crate::content::walk;
use crate::error::FileError;
use crate::locks::{Held, Lock, LockTable, PATIENCE};
use crate::path::checks::checked;
use crate::system::identity::Identity;

/// Makes the ring in a range of the file that holds no other ring and nothing but zeros.
pub(crate) fn in_existing_file(path: &Path, geometry: &Geometry, plan: &Plan) -> Result<FileRing, FileError> {
    let (file, _) = checked(path, true, plan.trust)?;
    let file = Held::new(file);
    let creation = Creation::begin(path, plan)?;
    // A remover waits for the creation, and then finds the ring in use. Nothing is written to a
    // file that is gone, or that isn't the one whose creation is locked.
    let located = open::announce(path, &file, plan.start())?;
    if !creation.is_of(&located) {
        return Err(FileError::Replaced { path: path.into() });
    }
    let rings = unfinished::sweep(path, &file)?;
    // It may be another than before the locks were held, and before the sweep.
    let length = file.metadata().map_err(FileError::os("looking at the file", path))?.len();
    vacant(path, &file, length, rings, geometry, plan.start())?;
    make(path, &file, length, geometry, plan.start())?;
    drop(creation);
    Ok(FileRing::assemble(located, file.keep(), geometry.clone(), plan.start(), plan.map)
        .with_membarrier(plan.membarrier))
}

fn vacant(
    path: &Path,
    file: &File,
    length: u64,
    rings: Vec<(u64, Geometry)>,
    geometry: &Geometry,
    offset: u64,
) -> Result<(), FileError> {
    let end = offset + geometry.total_length();
    for (other_offset, other) in rings {
        if other.placement() == Placement::WholeFile {
            return Err(FileError::WrongPlacement {
                path: path.into(),
                offset: other_offset,
                found: "a whole file",
                expected: "an offset in a larger file",
            });
        }
        let (other_length, path) = (other.total_length(), path.to_path_buf());
        if other_offset < end && offset < other_offset.saturating_add(other_length) {
            let length = geometry.total_length();
            return Err(FileError::Overlap { path, offset, length, other_offset, other_length });
        }
    }
    match walk::first_nonzero(path, file, offset, end.min(length))? {
        Some(at) => {
            let (path, length) = (path.to_path_buf(), geometry.total_length());
            Err(FileError::NotEmpty { path, offset, length, at })
        }
        None => Ok(()),
    }
}

fn make(path: &Path, file: &File, length: u64, geometry: &Geometry, offset: u64) -> Result<(), FileError> {
    let end = offset + geometry.total_length();
    let note = Note::new(geometry, offset, (end > length).then_some(length));
    let made = note
        .write(path, file)
        .and_then(|()| allocate(path, file, offset, geometry.total_length()))
        .and_then(|()| note.finish(file).map_err(FileError::os("formatting the ring", path)));
    if made.is_err() {
        // What can't be cleared now is the next creator's to clear.
        let _ = note.clear(path, file);
    }
    made
}

/// The right to create a ring in this file, until dropped.
///
/// It takes two locks: that of the ring, which its openers wait for, and that of the file's start, which
/// all creators wait for, since one that only held its own could overlap another. It holds them by a
/// descriptor of its own, which its end closes.
struct Creation {
    _file: Held,
    identity: Identity,
}

impl Creation {
    fn begin(path: &Path, plan: &Plan) -> Result<Self, FileError> {
        let (file, stat) = checked(path, true, plan.trust)?;
        let file = Held::new(file);
        for table in [LockTable::at(0), LockTable::at(plan.start())] {
            let locked = table
                .lock_within(file.as_fd(), LockTable::CREATION, Lock::Write, PATIENCE)
                .map_err(FileError::os("locking the file for creation", path))?;
            if !locked {
                return Err(FileError::BeingCreated { path: path.into() });
            }
        }
        Ok(Self { _file: file, identity: Identity::of(&stat) })
    }

    fn is_of(&self, located: &Located) -> bool {
        self.identity == located.identity()
    }
}
