//! Space for a ring: within the process's limit, and taken from the file system.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::resource::{Resource, getrlimit};

use crate::error::FileError;
use crate::system::filesystem;
use crate::system::retry::retry;

/// Refuses to write a file up to `end` if the process may not: the system's answer would be a SIGXFSZ.
pub(crate) fn check_limit(path: &Path, end: u64) -> Result<(), FileError> {
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)
        .map_err(FileError::os("asking for the limit of files' lengths", path))?;
    if end > limit {
        return Err(FileError::FileSizeLimit { path: path.into(), needed: end, limit });
    }
    Ok(())
}

/// Takes the space for a ring from the file system, all of it now: a page that couldn't be had later would
/// be a SIGBUS. The raw system call alone, since what the C library does where it isn't supported writes
/// into live data.
pub(crate) fn allocate(path: &Path, file: &File, offset: u64, needed: u64) -> Result<(), FileError> {
    let failed = FileError::os("allocating the ring's space", path);
    let range = libc::off_t::try_from(offset).and_then(|start| Ok((start, libc::off_t::try_from(needed)?)));
    let Ok((start, length)) = range else { return Err(failed(Errno::EFBIG)) };
    match retry(|| fallocate(file, FallocateFlags::empty(), start, length)) {
        Err(Errno::EOPNOTSUPP) => Err(no_space_reserved(path, file)),
        other => other.map_err(failed),
    }
}

/// The error for a file system that can't reserve space, as some of a kind that is allowed can't.
fn no_space_reserved(path: &Path, fd: impl AsFd) -> FileError {
    match filesystem::magic(fd) {
        Ok(magic) => {
            let name = "one that can't reserve space (fallocate)";
            FileError::UnsupportedFilesystem { path: path.into(), name, magic }
        }
        Err(error) => FileError::os("asking for the file system", path)(error),
    }
}
