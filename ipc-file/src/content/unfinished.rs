//! The note that a ring is being made in a file that exists, by which the next creator knows what a dead one
//! left from what it mustn't touch.
//!
//! Before anything else, the whole header is written where the ring is to start, but with another magic
//! number, in one call, and with it two words that a finished ring doesn't have:
//!
//! | byte | content |
//! | --- | --- |
//! | 384 | the file's length before, plus 1, if the ring makes the file longer; else 0 |
//! | 392 | where the ring starts in the file, so that a copy elsewhere is no note |
//!
//! All creators in a file hold one lock, so a note that is found under it is a dead process's. Its header
//! has a checksum: nothing else is taken for it, and nothing else is cleared.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::errno::Errno;
use ringway_core::placement::Header;
use ringway_core::placement::layout::GEOMETRY_BYTES;
use ringway_core::{Geometry, Placement};

use super::header;
use super::space::check_limit;
use super::walk::{self, Found};
use crate::error::FileError;
use crate::map::page_size;

/// Words behind the header.
const WORDS: usize = 2;
const HEADER: usize = GEOMETRY_BYTES as usize;
/// Less than a disk's sector, and at the start of one: it is written as a whole, or not.
const BYTES: usize = HEADER + 8 * WORDS;

/// A ring that is being made.
pub(crate) struct Note {
    geometry: Geometry,
    offset: u64,
    /// The file's length before, if the ring makes it longer.
    before: Option<u64>,
}

impl Note {
    pub(crate) fn new(geometry: &Geometry, offset: u64, before: Option<u64>) -> Self {
        Self { geometry: geometry.clone(), offset, before }
    }

    /// The note at `offset`, if one is there.
    fn read(path: &Path, file: &File, offset: u64) -> Result<Option<Self>, FileError> {
        let mut bytes = [0; BYTES];
        let read = header::read_up_to(file, offset, &mut bytes)
            .map_err(FileError::os("reading an unfinished ring", path))?;
        if read < BYTES {
            return Ok(None);
        }
        let (header, rest) = bytes.split_at(HEADER);
        let (words, _) = rest.as_chunks::<8>();
        let [before, at] = [0, 1].map(|index: usize| u64::from_ne_bytes(words[index]));
        let geometry = Header::from_bytes(header)
            .ok()
            .and_then(Header::finished)
            .and_then(|header| header.decode(page_size()).ok())
            .filter(|geometry| at == offset && geometry.placement() == Placement::Embedded);
        Ok(geometry.map(|geometry| Self { geometry, offset, before: before.checked_sub(1) }))
    }

    fn bytes(&self) -> Vec<u8> {
        let before = self.before.map_or(0, |length| length + 1);
        let mut bytes = header::bytes(&self.geometry.encode().unfinished());
        bytes.extend([before, self.offset].into_iter().flat_map(u64::to_ne_bytes));
        bytes
    }

    /// Writes the note, into bytes that are zero or not there yet.
    pub(crate) fn write(&self, path: &Path, file: &File) -> Result<(), FileError> {
        file.write_all_at(&self.bytes(), self.offset).map_err(FileError::os("beginning the ring", path))
    }

    /// Makes a ring of it.
    pub(crate) fn finish(&self, file: &File) -> Result<(), Errno> {
        header::write(file, self.offset, &self.geometry, WORDS)
    }

    /// Clears what was written for the ring, and takes back what the file was extended by, unless something
    /// else has come there since.
    pub(crate) fn clear(&self, path: &Path, file: &File) -> Result<(), FileError> {
        let failed = || FileError::os("clearing an unfinished ring", path);
        let after = self.offset + BYTES as u64;
        let length = file.metadata().map_err(failed())?.len();
        if let Some(before) = self.before {
            let end = self.offset + self.geometry.total_length();
            // Allocating may have come as far as that.
            let ours = length <= end;
            let empty = |start, end| walk::first_nonzero(path, file, start, end).map(|at| at.is_none());
            if before < length && ours && empty(before, self.offset)? && empty(after.max(before), length)? {
                // In one step, if the note is in what is taken back; else it stays until it is cleared.
                let kept = if before <= self.offset { before } else { before.max(after) };
                file.set_len(kept).map_err(failed())?;
            }
        }
        if file.metadata().map_err(failed())?.len() > self.offset {
            check_limit(path, after)?;
            file.write_all_at(&[0; BYTES], self.offset).map_err(failed())?;
        }
        Ok(())
    }
}

/// Clears every unfinished ring of the file, and returns the finished ones, by offset. The caller holds the file's
/// creation lock.
pub(crate) fn sweep(path: &Path, file: &File) -> Result<Vec<(u64, Geometry)>, FileError> {
    let mut rings = Vec::new();
    for (offset, found) in walk::everything(path, file, length(path, file)?)? {
        match found {
            Found::Ring(geometry) => rings.push((offset, geometry)),
            Found::Unfinished => {
                if let Some(note) = Note::read(path, file, offset)? {
                    note.clear(path, file)?;
                }
            }
        }
    }
    Ok(rings)
}

/// All rings of the file, by offset, those that were never finished among them.
pub(crate) fn and_rings(path: &Path, file: &File) -> Result<Vec<(u64, Geometry)>, FileError> {
    let mut all = Vec::new();
    for (offset, found) in walk::everything(path, file, length(path, file)?)? {
        match found {
            Found::Ring(geometry) => all.push((offset, geometry)),
            Found::Unfinished => {
                all.extend(Note::read(path, file, offset)?.map(|note| (offset, note.geometry)));
            }
        }
    }
    Ok(all)
}

/// Whether an unfinished ring starts the file, and nothing else is in it.
pub(crate) fn is_alone(path: &Path, file: &File) -> Result<bool, FileError> {
    let length = length(path, file)?;
    Ok(Note::read(path, file, 0)?.is_some()
        && walk::first_nonzero(path, file, BYTES as u64, length)?.is_none())
}

fn length(path: &Path, file: &File) -> Result<u64, FileError> {
    Ok(file.metadata().map_err(FileError::os("looking at the file", path))?.len())
}
