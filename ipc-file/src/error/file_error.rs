//! Why a file holds no ring, or can't.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use ringway_core::{GeometryError, Shown};

use crate::system::filesystem;

/// Why a ring couldn't be created, opened, flushed or removed.
///
/// # Examples
/// What a program can do about some of them:
/// ```
/// use ringway_core::Config;
/// use ringway_file::FileError;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("quotes");
/// let ring = match ringway_file::open(&path) {
///     Err(FileError::NotFound { .. }) => ringway_file::create(&path, &Config::new())?,
///     Err(FileError::OtherBoot { path }) => {
///         ringway_file::remove(&path)?;
///         ringway_file::create(&path, &Config::new())?
///     }
///     other => other?,
/// };
/// # drop(ring);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file, or no such directory.
    #[error("{path}: no such file or directory: check the path; a ring has to be created before it is opened", path = Shown(path))]
    NotFound {
        /// What is missing.
        path: PathBuf,
    },
    /// There is no directory to create a ring in.
    #[error("{path} doesn't exist, and a ring is created in a directory that does: make it, or check the path", path = Shown(path))]
    NoDirectory {
        /// The directory that isn't there.
        path: PathBuf,
    },
    /// The path doesn't end with the name of a file.
    #[error(
        "{path:?} {found}, expected a path that ends with the name of a file: add the name, or leave off what follows it"
    )]
    NoFileName {
        /// The path asked for.
        path: PathBuf,
        /// What is wrong with it.
        found: &'static str,
    },
    /// The file system can't be written.
    #[error("{path}: {action} failed, since its file system is mounted read-only: use another place; a ring that is there can be observed, opened read-only", path = Shown(path))]
    ReadOnlyFilesystem {
        /// The path asked for.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
    },
    /// Something of that name exists.
    #[error("{path} exists already, and creating a ring replaces nothing: open it, remove it, or choose another name", path = Shown(path))]
    AlreadyExists {
        /// The path asked for.
        path: PathBuf,
    },
    /// The path names a directory.
    #[error("{path} is a directory: a ring lies in a regular file; add a file name", path = Shown(path))]
    Directory {
        /// The path asked for.
        path: PathBuf,
    },
    /// The path names a symbolic link.
    #[error("{path} is a symbolic link, which Ringway doesn't follow: name the file itself", path = Shown(path))]
    Symlink {
        /// The path asked for.
        path: PathBuf,
    },
    /// The path names something else than a regular file.
    #[error("{path} is a {kind}: a ring lies in a regular file; choose another path", path = Shown(path))]
    NotRegular {
        /// The path asked for.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The system doesn't allow it.
    #[error("{path}: {action} isn't permitted to uid {uid} ({error}): choose another place or ask the owner; to observe a ring that is there, opening it read-only is enough", path = Shown(path))]
    PermissionDenied {
        /// The path asked for.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The effective uid of this process.
        uid: u32,
        /// What the system said.
        error: io::Error,
    },
    /// There is no ring there, or a damaged one, or no ring can be as asked for.
    #[error("{path}{offset}: {error}", path = Shown(path), offset = at(*offset))]
    Geometry {
        /// The path asked for.
        path: PathBuf,
        /// Where the ring starts or would start, in bytes.
        offset: u64,
        /// What is wrong.
        error: GeometryError,
    },
    /// A ring can't start at that offset.
    #[error("{path}: offset {offset} isn't a multiple of {section_align}, the alignment of the ring's sections (page size {page_size}): use {below} or {above}", path = Shown(path), below = offset - offset % section_align, above = (offset - offset % section_align).saturating_add(*section_align))]
    UnalignedOffset {
        /// The path asked for.
        path: PathBuf,
        /// The offset asked for, in bytes.
        offset: u64,
        /// What it must be a multiple of, in bytes.
        section_align: u64,
        /// The page size of the running system, in bytes.
        page_size: u64,
    },
    /// The file system is full, or holds as many files as it can, or the user's quota is used up.
    #[error("{path}: no space for the {needed} bytes of the ring on its file system ({error}): free some (`df` tells of bytes, `df -i` of files, `quota` of quotas), or make a smaller ring", path = Shown(path))]
    NoSpace {
        /// The path asked for.
        path: PathBuf,
        /// Bytes that the ring takes.
        needed: u64,
        /// What the system said.
        error: io::Error,
    },
    /// The process may not write files as long.
    #[error("{path} is to be written up to byte {needed}, and this process may write files of at most {limit} bytes: raise the limit (`ulimit -f`), or make a smaller ring", path = Shown(path))]
    FileSizeLimit {
        /// The path asked for.
        path: PathBuf,
        /// Bytes from the start of the file to the end of what is to be written.
        needed: u64,
        /// The limit (`RLIMIT_FSIZE`), in bytes.
        limit: u64,
    },
    /// The file system isn't one where rings work.
    #[error("{path} lies on a file system ({name}, type {magic:#x}) where rings don't work: expected one of {allowed}; /dev/shm is one on most machines", path = Shown(path), allowed = filesystem::allowed())]
    UnsupportedFilesystem {
        /// The path asked for.
        path: PathBuf,
        /// The file system's name.
        name: &'static str,
        /// The file system's type, as `statfs(2)` has it.
        magic: i64,
    },
    /// The file system copies pages when they change, so allocating the ring's space isn't enough.
    #[error("{path} lies on {name}, which may copy a page that changes: once the file system is full, using the ring would end the process with SIGBUS, though all of it was allocated. Use another place: /dev/shm is one on most machines, and a memfd (`memfd::create`) needs none. To take the risk, say `OpenOptions::allow_copy_on_write(true)`, and call `guard_truncation` for an error in the place of the signal", path = Shown(path))]
    CopyOnWrite {
        /// The path asked for.
        path: PathBuf,
        /// The file system's name.
        name: &'static str,
    },
    /// The file belongs to another user.
    #[error("{path} belongs to uid {found}, expected {expected} (this process) or 0 (root): its owner could have planted it; if you trust them, open it with `any_owner(true)`", path = Shown(path))]
    Owner {
        /// The path asked for.
        path: PathBuf,
        /// The file's owner.
        found: u32,
        /// The effective uid of this process.
        expected: u32,
    },
    /// The file has more than one name.
    #[error("{path} has {found} hard links, expected 1: a ring's file has one name, so that removing it means something; remove the others", path = Shown(path))]
    Links {
        /// The path asked for.
        path: PathBuf,
        /// Number of names found.
        found: u64,
    },
    /// A descriptor was handed over that is no memfd's.
    #[error("{path} is no memfd: a ring that is handed over as a descriptor lies in one; open a ring in a file by its path", path = Shown(path))]
    NotMemfd {
        /// What the descriptor stands for.
        path: PathBuf,
    },
    /// A memfd was handed over that somebody could still cut short.
    #[error("{path} lacks the seals {missing}, without which somebody could cut it short under its readers: hand over a ring made by `memfd::create`, or open a file by its path", path = Shown(path))]
    Unsealed {
        /// What the descriptor stands for.
        path: PathBuf,
        /// The names of the seals that it lacks.
        missing: String,
    },
    /// A message came without a ring's descriptor.
    #[error("{path}: received bytes: {bytes}, descriptors: {found}, expected 1 of each, as `MemfdRing::send` sends it: check that the other end sends the ring, and hasn't closed the socket (0 bytes)", path = Shown(path))]
    NoDescriptor {
        /// Stands for the ring that didn't come.
        path: PathBuf,
        /// Bytes received; 0 if the other end closed the socket.
        bytes: usize,
        /// Number of descriptors received.
        found: usize,
    },
    /// Another ring lies in the range asked for.
    #[error("{path}: bytes {offset} to {end} overlap the ring at {other_offset} to {other_end}: choose an offset clear of it", path = Shown(path), end = offset.saturating_add(*length), other_end = other_offset.saturating_add(*other_length))]
    Overlap {
        /// The path asked for.
        path: PathBuf,
        /// Where the new ring would start, in bytes.
        offset: u64,
        /// Bytes that it would take.
        length: u64,
        /// Where the ring found starts, in bytes.
        other_offset: u64,
        /// Bytes that it takes.
        other_length: u64,
    },
    /// There is data in the range asked for.
    #[error("{path}: bytes {offset} to {end} are to hold a ring, but byte {at} isn't zero: choose an offset where nothing is", path = Shown(path), end = offset.saturating_add(*length))]
    NotEmpty {
        /// The path asked for.
        path: PathBuf,
        /// Where the new ring would start, in bytes.
        offset: u64,
        /// Bytes that it would take.
        length: u64,
        /// The first byte that isn't zero.
        at: u64,
    },
    /// The ring isn't meant to lie there.
    #[error("{path}, offset {offset}: found a ring made for {found}, expected one made for {expected}: check path and offset", path = Shown(path))]
    WrongPlacement {
        /// The path asked for.
        path: PathBuf,
        /// Where the ring starts, in bytes.
        offset: u64,
        /// The placement that it was made for.
        found: &'static str,
        /// The placement that it should have.
        expected: &'static str,
    },
    /// There is a ring, but not of the configuration asked for.
    #[error("{path} holds a ring with {field} {found}, expected {expected}: ask for what is there, or remove it and make it anew", path = Shown(path))]
    ConfigMismatch {
        /// The path asked for.
        path: PathBuf,
        /// What differs.
        field: &'static str,
        /// What the ring has.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// The ring was made in another boot of this machine.
    #[error("{path} was made before this machine last started, so its contents may be incomplete: make it anew (to read what is there, open it read-only with `allow_other_boot(true)`)", path = Shown(path))]
    OtherBoot {
        /// The path asked for.
        path: PathBuf,
    },
    /// Somebody uses the ring.
    #[error("{path} is in use: end the processes that have it open (`fuser` names them), forked children of processes that had it included, then remove it", path = Shown(path))]
    InUse {
        /// The path asked for.
        path: PathBuf,
    },
    /// Somebody has been creating a ring there for too long.
    #[error("{path}: another process is creating a ring in this file and hasn't finished: try again, or end it (`lslocks` names it)", path = Shown(path))]
    BeingCreated {
        /// The path asked for.
        path: PathBuf,
    },
    /// Somebody is removing the ring.
    #[error("{path}: another process is removing the ring and hasn't finished: try again", path = Shown(path))]
    BeingRemoved {
        /// The path asked for.
        path: PathBuf,
    },
    /// The file is no longer the one that was opened.
    #[error("{path} was removed or replaced while it was being opened: try again", path = Shown(path))]
    Replaced {
        /// The path asked for.
        path: PathBuf,
    },
    /// No ring came in time.
    #[error("no ring came within {timeout:?}, the last look at its place found this: {found}")]
    TimedOut {
        /// How long it was waited for.
        timeout: Duration,
        /// Why the last look found no ring: what opening said.
        found: Box<FileError>,
    },
    /// `/proc` isn't there.
    #[error("{path}: {file} can't be used ({error}): mount /proc", path = Shown(path), file = Shown(file))]
    ProcUnavailable {
        /// The path asked for.
        path: PathBuf,
        /// The file under `/proc`.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The operating system refused.
    #[error("{path}: {action} failed: {error}{advice}", path = Shown(path), advice = ringway_core::advice(error))]
    Os {
        /// What was tried.
        action: &'static str,
        /// The path asked for.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl FileError {
    /// Makes an error of what the system said.
    pub(crate) fn os<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |error| {
            let (error, path) = (error.into(), path.to_path_buf());
            match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EROFS) => FileError::ReadOnlyFilesystem { path, action },
                Some(Errno::EACCES | Errno::EPERM) => {
                    let uid = nix::unistd::geteuid().as_raw();
                    FileError::PermissionDenied { path, action, uid, error }
                }
                _ => FileError::Os { action, path, error },
            }
        }
    }

    /// Where a ring of `needed` bytes is made, tells a lack of space as such, whichever call met it.
    pub(crate) fn making(needed: u64) -> impl Fn(Self) -> Self {
        move |error| match error {
            FileError::Os { path, error, .. } if is_lack_of_space(&error) => {
                FileError::NoSpace { path, needed, error }
            }
            other => other,
        }
    }

    pub(crate) fn geometry(path: &Path, offset: u64) -> impl FnOnce(GeometryError) -> Self {
        move |error| FileError::Geometry { path: path.into(), offset, error }
    }

    pub(crate) fn proc(path: &Path, file: &str) -> impl FnOnce(io::Error) -> Self {
        move |error| match error.raw_os_error().map(Errno::from_raw) {
            // Not there, not procfs, or closed to this process.
            None | Some(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::EPERM) => {
                FileError::ProcUnavailable { path: path.into(), file: file.into(), error }
            }
            Some(_) => FileError::Os { action: "reading from /proc", path: path.into(), error },
        }
    }
}

/// Where in its file a ring starts, if it isn't at the file's start.
fn at(offset: u64) -> String {
    if offset == 0 { String::new() } else { format!(", offset {offset}") }
}

fn is_lack_of_space(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::ENOSPC | Errno::EDQUOT))
}
