//! What is checked of a file before a byte of it is read: kind, owner, links and file system.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, lstat};
use nix::unistd::geteuid;

use super::place::{self, Place};
use super::temporary;
use crate::error::FileError;
use crate::locks::PATIENCE;
use crate::system::retry::retry;
use crate::system::{copy_on_write, filesystem};

/// What the user of the library takes upon itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trust {
    /// The file's owner may be anybody.
    pub(crate) any_owner: bool,
    /// The file may lie where pages are copied before they change.
    pub(crate) allow_copy_on_write: bool,
}

/// Opens the file, and checks everything about it that doesn't take reading it.
pub(crate) fn checked(path: &Path, write: bool, trust: Trust) -> Result<(File, FileStat), FileError> {
    let (file, mut stat) = regular(path, write)?;
    let magic = check_filesystem(path, &file)?;
    // Reading takes no space.
    if write {
        check_copies(path, &file, magic, trust.allow_copy_on_write)?;
    }
    check_owner(path, &stat, trust.any_owner)?;
    if stat.st_nlink > 1
        && let Ok(place) = Place::of(path)
    {
        // It may have the name that it was made under, still.
        temporary::sweep(&place, PATIENCE);
        stat = look_at(path, &file)?;
    }
    if stat.st_nlink > 1 {
        return Err(FileError::Links { path: path.into(), found: links(&stat) });
    }
    Ok((file, stat))
}

/// Refuses a file that somebody else could have planted.
pub(crate) fn check_owner(path: &Path, stat: &FileStat, any_owner: bool) -> Result<(), FileError> {
    let (found, expected) = (stat.st_uid, geteuid().as_raw());
    // Root could do worse than to plant a file.
    if found != expected && found != 0 && !any_owner {
        return Err(FileError::Owner { path: path.into(), found, expected });
    }
    Ok(())
}

/// Opens the file if it is a regular one.
pub(crate) fn regular(path: &Path, write: bool) -> Result<(File, FileStat), FileError> {
    place::file_name(path)?;
    let access = if write { OFlag::O_RDWR } else { OFlag::O_RDONLY };
    // O_NONBLOCK: opening a FIFO must not wait for its other end.
    let flags = access | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let fd = retry(|| open(path, flags, Mode::empty())).map_err(|error| unopened(path, error))?;
    let file = File::from(fd);
    let stat = look_at(path, &file)?;
    check_regular(path, &stat)?;
    Ok((file, stat))
}

pub(crate) fn check_regular(path: &Path, stat: &FileStat) -> Result<(), FileError> {
    match kind(stat) {
        Kind::Regular => Ok(()),
        Kind::Directory => Err(FileError::Directory { path: path.into() }),
        Kind::Other(kind) => Err(FileError::NotRegular { path: path.into(), kind }),
    }
}

pub(crate) fn look_at(path: &Path, file: &File) -> Result<FileStat, FileError> {
    retry(|| fstat(file)).map_err(FileError::os("looking at the file", path))
}

fn unopened(path: &Path, error: Errno) -> FileError {
    let found = lstat(path).ok();
    match (error, found.as_ref().map(kind)) {
        (Errno::ENOENT, _) => FileError::NotFound { path: path.into() },
        (Errno::ELOOP, Some(Kind::Other("symbolic link"))) => FileError::Symlink { path: path.into() },
        (Errno::EISDIR, _) => FileError::Directory { path: path.into() },
        (Errno::ENXIO | Errno::ENODEV, Some(Kind::Other(kind))) => {
            FileError::NotRegular { path: path.into(), kind }
        }
        _ => FileError::os("opening the file", path)(error),
    }
}

enum Kind {
    Regular,
    Directory,
    Other(&'static str),
}

fn kind(stat: &FileStat) -> Kind {
    match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => Kind::Regular,
        SFlag::S_IFDIR => Kind::Directory,
        SFlag::S_IFLNK => Kind::Other("symbolic link"),
        SFlag::S_IFIFO => Kind::Other("FIFO"),
        SFlag::S_IFSOCK => Kind::Other("socket"),
        SFlag::S_IFCHR => Kind::Other("character device"),
        SFlag::S_IFBLK => Kind::Other("block device"),
        _ => Kind::Other("file of an unknown kind"),
    }
}

#[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "the type differs between targets")]
fn links(stat: &libc::stat) -> u64 {
    stat.st_nlink as u64
}

/// Refuses a file on a file system where a ring wouldn't work. Returns the file system's type.
pub(crate) fn check_filesystem(path: &Path, fd: impl AsFd) -> Result<i64, FileError> {
    let magic = filesystem::magic(fd).map_err(FileError::os("asking for the file system", path))?;
    if filesystem::is_allowed(magic) {
        return Ok(magic);
    }
    let name = filesystem::refused(magic);
    Err(FileError::UnsupportedFilesystem { path: path.into(), name, magic })
}

/// Refuses a file whose pages may be copied when they change, unless the caller allows it. Returns whether they
/// may. `magic` is the type of its file system.
pub(crate) fn check_copies(path: &Path, fd: impl AsFd, magic: i64, allowed: bool) -> Result<bool, FileError> {
    match copy_on_write::of(magic, fd) {
        Some(name) if !allowed => Err(FileError::CopyOnWrite { path: path.into(), name }),
        found => Ok(found.is_some()),
    }
}
