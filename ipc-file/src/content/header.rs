//! A ring's header in a file: read into private memory, or written to a ring that is being made.
//!
//! # Safety
//! A header is written through a mapping that `write` has just made, at addresses that nothing else knows. Nothing
//! is read through a mapping: reading is a system call that copies.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::fstat;
use ringway_core::placement::Header;
use ringway_core::placement::layout::GEOMETRY_BYTES;
use ringway_core::{Geometry, GeometryError, Placement};

use crate::error::FileError;
use crate::map::{Span, page_size};
use crate::truncation;

/// Reads and validates the header at `offset`. What the file changes to afterwards changes nothing here.
pub(crate) fn read(path: &Path, file: &File, offset: u64) -> Result<Geometry, FileError> {
    if libc::off_t::try_from(offset).is_err() {
        // No file is as long.
        let error = GeometryError::TooShort { found: 0, expected: GEOMETRY_BYTES };
        return Err(FileError::geometry(path, offset)(error));
    }
    let mut bytes = [0; GEOMETRY_BYTES as usize];
    let length = read_up_to(file, offset, &mut bytes).map_err(FileError::os("reading the header", path))?;
    Header::from_bytes(&bytes[..length])
        .and_then(|header| header.decode(page_size()))
        .map_err(FileError::geometry(path, offset))
}

/// Fills `bytes` from `offset` on, as far as the file goes. Returns how far that is.
pub(crate) fn read_up_to(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Checks that the ring is where it was made to be, in a file of `length` bytes.
pub(crate) fn check_placement(
    path: &Path,
    geometry: &Geometry,
    offset: u64,
    length: u64,
) -> Result<(), FileError> {
    let misplaced =
        |found, expected| Err(FileError::WrongPlacement { path: path.into(), offset, found, expected });
    match geometry.placement() {
        Placement::WholeFile if offset == 0 => {}
        Placement::WholeFile => return misplaced("a whole file", "an offset in a larger file"),
        Placement::Embedded => {}
        _ => return misplaced("memory that no file holds", "a file"),
    }
    if !offset.is_multiple_of(geometry.section_align()) {
        return Err(unaligned(path, offset, geometry.section_align()));
    }
    let expected = geometry.total_length();
    let found = length.saturating_sub(offset);
    let grown = geometry.placement() == Placement::WholeFile && found > expected;
    if found < expected || grown {
        return Err(FileError::geometry(path, offset)(GeometryError::Length { found, expected }));
    }
    Ok(())
}

pub(crate) fn unaligned(path: &Path, offset: u64, section_align: u64) -> FileError {
    FileError::UnalignedOffset { path: path.into(), offset, section_align, page_size: page_size() }
}

/// Writes the header of a new ring into a file that no other process has: by one system call, without a mapping.
pub(crate) fn write_unshared(file: &File, offset: u64, geometry: &Geometry) -> io::Result<()> {
    file.write_all_at(&bytes(&geometry.encode()), offset)
}

/// The bytes of a header, as they lie in a file.
pub(super) fn bytes(header: &Header) -> Vec<u8> {
    header.words().iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// Writes the header of a new ring into a file that others may read, the magic number last. After that, it sets to zero
/// as many words behind the header as `note` says, which a finished ring doesn't read; whatever else isn't the header
/// must be zero already.
///
/// Under `guard_truncation`, a file that is cut short meanwhile is `EIO`, and a page that can't be copied `ENOSPC`.
pub(crate) fn write(file: &File, offset: u64, geometry: &Geometry, note: usize) -> Result<(), Errno> {
    let section = geometry.geometry_section();
    let mut span = Span::reserve(section.length, page_size())?;
    span.map_file(section, file.as_fd(), offset, true)?;
    span.keep_out_of_dumps()?;
    // Dropped before the span. The file may be cut short, or its pages copied where no space is left.
    let guarded = truncation::guard(span.base().addr().get(), section.length as usize)
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
    // SAFETY: the section was just mapped writable, at addresses that nobody else knows; it is at least a page
    // long.
    unsafe { span.format(geometry) };
    // Not before: without its words, a note that is no ring yet wouldn't be found again.
    // SAFETY: as above, and a note of a few words fits behind the header.
    unsafe { span.zero_words(GEOMETRY_BYTES as usize, note) };
    if guarded.is_some_and(|guarded| guarded.word().check_after().is_err()) {
        let whole = fstat(file)?.st_size as u64 >= offset + section.length;
        return Err(if whole { Errno::ENOSPC } else { Errno::EIO });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_the_guard_a_creator_survives_a_file_cut_short() {
        crate::guard_truncation().unwrap();
        let file = tempfile::tempfile().unwrap();
        let config = ringway_core::Config::new();
        let geometry = config.geometry(page_size(), Placement::WholeFile, [1; 16], [2; 16]).unwrap();
        assert_eq!(write(&file, 0, &geometry, 0), Err(Errno::EIO));
        file.set_len(geometry.total_length()).unwrap();
        write(&file, 0, &geometry, 0).unwrap();
        assert_eq!(read(Path::new("ring"), &file, 0).unwrap(), geometry);
    }
}
