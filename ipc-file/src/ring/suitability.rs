//! Whether rings may lie in a place, asked before one is made there.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::error::FileError;
use crate::system::{copy_on_write, filesystem};

/// A file system, as a place for rings.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Filesystem {
    /// Its name, as `tmpfs`; `unknown to Ringway` for what has none here.
    pub name: &'static str,
    /// Whether rings may lie on it.
    pub suits: bool,
    /// What copies pages there before they change, if anything does. A ring there takes
    /// [`OpenOptions::allow_copy_on_write`](crate::OpenOptions::allow_copy_on_write).
    pub copies: Option<&'static str>,
}

/// The file system that a file or a directory lies on.
///
/// # Errors
/// `NotFound`, `PermissionDenied`; `Os` for what else the system says.
///
/// # Examples
/// ```
/// let found = ringway_file::filesystem("/dev/shm")?;
/// assert!(found.suits && found.copies.is_none());
/// assert!(!ringway_file::filesystem("/proc")?.suits);
/// # Ok::<(), ringway_file::FileError>(())
/// ```
pub fn filesystem(path: impl AsRef<Path>) -> Result<Filesystem, FileError> {
    let path = path.as_ref();
    // Opening a FIFO or a device must do nothing.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let opened = File::options().read(true).custom_flags(flags.bits()).open(path).or_else(|error| {
        // Which file system it is can be told of what may not be read.
        let whole = File::options().read(true).custom_flags(OFlag::O_PATH.bits()).open(path);
        whole.map_err(|_| error)
    });
    let file = opened.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT | Errno::ENOTDIR) => FileError::NotFound { path: path.into() },
        _ => FileError::os("opening the path", path)(error),
    })?;
    let magic = filesystem::magic(&file).map_err(FileError::os("asking for the file system", path))?;
    let suits = filesystem::is_allowed(magic);
    let copies = if suits { copy_on_write::of(magic, &file) } else { None };
    Ok(Filesystem { name: filesystem::name(magic), suits, copies })
}
