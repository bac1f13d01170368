//! Opening what a path names, and trusting none of it unchecked.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use ipc_core::{Config, Geometry, GeometryError};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, lstat};
use nix::unistd::geteuid;

use crate::content::header;
use crate::error::FileError;
use crate::locks::{Held, Lock, LockTable, retry};
use crate::map::page_size;
use crate::path::place::{self, Place};
use crate::path::temporary;
use crate::ring::create::{self, ATTEMPTS};
use crate::ring::file_ring::{FileRing, Located};
use crate::ring::options::OpenOptions;
use crate::ring::remove;
use crate::system::boot;
use crate::system::filesystem;
use crate::system::identity::Identity;

/// How long somebody else may take to create or remove a ring.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Opens the ring at the path and the offset.
pub(crate) fn ring(path: &Path, options: &OpenOptions, write: bool) -> Result<FileRing, FileError> {
    let offset = options.start();
    if !offset.is_multiple_of(page_size()) {
        return Err(header::unaligned(path, offset, page_size()));
    }
    let (file, _) = checked(path, write, options)?;
    let file = Held::new(file);
    let geometry = complete_header(path, &file, offset)?;
    // Only now: until its header is complete, a ring's file may be growing.
    let length = look_at(path, &file)?.st_size as u64;
    header::check_place(path, &geometry, offset, length)?;
    let this_boot = boot::boot_id().map_err(FileError::proc(path, boot::BOOT_ID))?;
    let other_boot = geometry.boot_id() != this_boot;
    // What such a ring holds may be incomplete after a loss of power: good enough to look at, not to go on.
    if other_boot && (write || !options.allow_other_boot) {
        return Err(FileError::OtherBoot { path: path.into() });
    }
    announce(path, &file, offset)?;
    let mut ring = FileRing::assemble(Located::new(path, &file)?, file.keep(), geometry, offset, options.map);
    ring.restrict(!write, other_boot);
    Ok(ring)
}

/// Opens the ring, or makes it if there is none; the ring is as `config` asks for.
pub(crate) fn or_create(path: &Path, config: &Config, options: &OpenOptions) -> Result<FileRing, FileError> {
    let expected = create::planned(path, config, options)?;
    let mut last = FileError::NotFound { path: path.into() };
    for _ in 0..ATTEMPTS {
        match ring(path, options, true) {
            Ok(ring) => {
                matches(path, ipc_core::Ring::geometry(&ring), &expected)?;
                return Ok(ring);
            }
            // Somebody was quicker to remove it.
            Err(error @ FileError::Replaced { .. }) => last = error,
            Err(error) if is_absence(&error, options) => last = error,
            // A dead creator's. It held its lock, so opening has waited for it.
            Err(error @ FileError::Geometry { source: GeometryError::Unfinished, .. }) => {
                match remove::unfinished(path) {
                    Ok(()) | Err(FileError::NotFound { .. } | FileError::Replaced { .. }) => last = error,
                    Err(other) => return Err(other),
                }
            }
            Err(error) => return Err(error),
        }
        last = match create::create(path, config, options) {
            Err(error @ (FileError::AlreadyExists { .. } | FileError::Replaced { .. })) => error,
            Err(FileError::Overlap { other_offset, .. }) if other_offset == options.start() => last,
            other => return other,
        };
    }
    Err(last)
}

/// Whether an error of opening means that there is nothing yet.
fn is_absence(error: &FileError, options: &OpenOptions) -> bool {
    match error {
        FileError::NotFound { .. } => true,
        // In a larger file: a part that is empty, or not there yet.
        FileError::Geometry {
            source:
                GeometryError::TooShort { .. } | GeometryError::NotARing { found: 0 } | GeometryError::Unfinished,
            ..
        } => options.offset.is_some(),
        _ => false,
    }
}

fn matches(path: &Path, found: &Geometry, expected: &Geometry) -> Result<(), FileError> {
    let kind = |geometry: &Geometry| {
        geometry.type_info().map_or_else(|| "plain bytes".into(), |info| format!("type {info}"))
    };
    // Sections as wide as pages are what an unspecific configuration gets: any will do then.
    let any_align = expected.section_align() == page_size();
    let described = |geometry: &Geometry| {
        [
            ("placement", format!("{:?}", geometry.placement())),
            ("type", kind(geometry)),
            ("slots", geometry.slots().to_string()),
            ("payload_capacity", geometry.payload_capacity().to_string()),
            ("stride", format!("{:?}", geometry.stride_kind())),
            ("max_consumers", geometry.max_consumers().to_string()),
            ("section_align", if any_align { "any".into() } else { geometry.section_align().to_string() }),
        ]
    };
    for ((field, found), (_, expected)) in described(found).into_iter().zip(described(expected)) {
        if found != expected {
            return Err(FileError::ConfigMismatch { path: path.into(), field, found, expected });
        }
    }
    Ok(())
}

/// Opens the file, and checks everything about it that doesn't take reading it.
pub(crate) fn checked(
    path: &Path,
    write: bool,
    options: &OpenOptions,
) -> Result<(File, FileStat), FileError> {
    let (file, mut stat) = regular(path, write)?;
    filesystem::check(path, &file)?;
    // Reading takes no space.
    if write {
        filesystem::check_copies(path, &file, options.allow_copy_on_write)?;
    }
    check_owner(path, &stat, options.any_owner)?;
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

fn look_at(path: &Path, file: &File) -> Result<FileStat, FileError> {
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
pub(crate) fn announce(path: &Path, file: &File, offset: u64) -> Result<(), FileError> {
    let present = LockTable::at(offset)
        .lock_within(file.as_fd(), LockTable::PRESENCE, Lock::Read, PATIENCE)
        .map_err(FileError::os("locking the ring's presence", path))?;
    if !present {
        return Err(FileError::BeingRemoved { path: path.into() });
    }
    let stat = look_at(path, file)?;
    let named = Identity::of(&stat).is_at(path).map_err(FileError::os("looking at the file", path))?;
    if stat.st_nlink == 0 || !named {
        return Err(FileError::Replaced { path: path.into() });
    }
    Ok(())
}
