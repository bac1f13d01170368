//! Finding the rings in a file, and what else is in a part of it.

use std::fs::File;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};
use ringway_core::{Geometry, GeometryError};

use super::header;
use crate::error::FileError;
use crate::map::page_size;
use crate::system::retry::retry;

/// How much is read at once in search of bytes that aren't zero.
const CHUNK: usize = 1 << 16;

/// What starts somewhere in a file.
pub(crate) enum Found {
    Ring(Geometry),
    /// A ring in the making, or what is left of one.
    Unfinished,
}

/// All that starts in the first `length` bytes of the file and is a ring, finished or not, by offset.
///
/// # Errors
/// A ring that can't be read is one: nobody knows where it ends.
pub(crate) fn everything(path: &Path, file: &File, length: u64) -> Result<Vec<(u64, Found)>, FileError> {
    let mut all = Vec::new();
    let mut offset = 0;
    while let Some(at) = next_data(path, file, offset, length)? {
        let source = match header::read(path, file, at) {
            Ok(geometry) => {
                offset = at.saturating_add(geometry.total_length());
                all.push((at, Found::Ring(geometry)));
                continue;
            }
            Err(FileError::Geometry { error, .. }) => error,
            Err(other) => return Err(other),
        };
        match source {
            GeometryError::Unfinished => all.push((at, Found::Unfinished)),
            GeometryError::NotARing { .. } | GeometryError::TooShort { .. } => {}
            error => return Err(FileError::Geometry { path: path.into(), offset: at, error }),
        }
        offset = at.saturating_add(page_size());
    }
    Ok(all)
}

/// The first byte from `start` to `end` that isn't zero, if any.
pub(crate) fn first_nonzero(
    path: &Path,
    file: &File,
    start: u64,
    end: u64,
) -> Result<Option<u64>, FileError> {
    let mut bytes = vec![0; CHUNK];
    let mut offset = start;
    while let Some(at) = next_data(path, file, offset, end)? {
        let wanted = usize::try_from(end - at).map_or(CHUNK, |rest| rest.min(CHUNK));
        let read = header::read_up_to(file, at, &mut bytes[..wanted])
            .map_err(FileError::os("reading the file", path))?;
        if let Some(index) = bytes[..read].iter().position(|&byte| byte != 0) {
            return Ok(Some(at + index as u64));
        }
        if read == 0 {
            return Ok(None);
        }
        offset = at.saturating_add(CHUNK as u64);
    }
    Ok(None)
}

/// The first page from `offset` on, below `end`, that isn't in a hole. Holes read as zeros.
fn next_data(path: &Path, file: &File, offset: u64, end: u64) -> Result<Option<u64>, FileError> {
    if offset >= end {
        return Ok(None);
    }
    let start = libc::off_t::try_from(offset).map_err(|_| Errno::EOVERFLOW);
    match start.and_then(|start| retry(|| lseek(file, start, Whence::SeekData))) {
        Ok(found) => {
            let found = found as u64;
            let start = (found - found % page_size()).max(offset);
            Ok((start < end).then_some(start))
        }
        Err(Errno::ENXIO) => Ok(None),
        // A file system without holes.
        Err(Errno::EINVAL | Errno::EOPNOTSUPP) => Ok(Some(offset)),
        Err(error) => Err(FileError::os("looking for data", path)(error)),
    }
}
