//! Whether rings may lie in a place, asked before one is made there.

use std::fs::File;
use std::os::fd::AsRawFd;
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
    // To open a FIFO would release its writers, and some devices start something.
    let opened = File::options().read(true).custom_flags(OFlag::O_PATH.bits()).open(path);
    let file = opened.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT | Errno::ENOTDIR) => FileError::NotFound { path: path.into() },
        _ => FileError::os("opening the path", path)(error),
    })?;
    let magic = filesystem::magic(&file).map_err(FileError::os("asking for the file system", path))?;
    let suits = filesystem::is_allowed(magic);
    let copies = if suits { copy_on_write::of(magic, asked(&file).as_ref().unwrap_or(&file)) } else { None };
    Ok(Filesystem { name: filesystem::name(magic), suits, copies })
}

/// A file or a directory, opened so that its file system answers.
fn asked(file: &File) -> Option<File> {
    let kind = file.metadata().ok()?.file_type();
    let opens = kind.is_file() || kind.is_dir();
    opens.then(|| File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn a_fifo_is_asked_about_and_not_opened() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = directory.path().join("fifo");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        let watch = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
        watch.add_watch(&path, AddWatchFlags::IN_OPEN).unwrap();
        assert_eq!(filesystem(&path).unwrap().name, "tmpfs");
        assert_eq!(watch.read_events().unwrap_err(), Errno::EAGAIN);
        assert!(filesystem(directory.path()).unwrap().suits);
        assert!(matches!(filesystem(directory.path().join("none")), Err(FileError::NotFound { .. })));
    }
}
