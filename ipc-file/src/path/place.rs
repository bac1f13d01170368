//! A name in a directory: where a file is to appear, or to vanish from.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, renameat};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use crate::error::FileError;
use crate::system::identity::Identity;
use crate::system::rename;
use crate::system::retry::retry;

/// The last part of the path, which must be a file's name.
///
/// As it is written: `Path` takes `d/one/` and `d/one/.` for `d/one`, and the kernel takes neither for a file.
pub(crate) fn file_name(path: &Path) -> Result<&OsStr, FileError> {
    let bytes = path.as_os_str().as_bytes();
    let name = bytes.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let found = match name {
        _ if bytes.is_empty() => "is empty",
        _ if bytes.contains(&0) => "contains a zero byte",
        b"" => "ends with a slash",
        b"." => "ends with `.`",
        b".." => "ends with `..`",
        _ => return Ok(OsStr::from_bytes(name)),
    };
    Err(FileError::NoFileName { path: path.into(), found })
}

/// How often a name that appears and disappears between two looks is looked at again.
pub(crate) const ATTEMPTS: u32 = 100;

/// A name, and the directory that it is looked up in, whatever happens to the path that led there.
pub(crate) struct Place<'p> {
    pub(crate) path: &'p Path,
    pub(crate) parent: &'p Path,
    pub(crate) directory: OwnedFd,
    pub(crate) name: &'p OsStr,
}

impl<'p> Place<'p> {
    /// Opens the directory of `path`.
    pub(crate) fn of(path: &'p Path) -> Result<Self, FileError> {
        let name = file_name(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = retry(|| open(parent, flags, Mode::empty())).map_err(|error| match error {
            Errno::ENOENT => FileError::NoDirectory { path: parent.into() },
            other => FileError::os("opening the directory", parent)(other),
        })?;
        Ok(Self { path, parent, directory, name })
    }

    /// As [`of`](Self::of), where nothing may have the name yet.
    pub(crate) fn vacant(path: &'p Path) -> Result<Self, FileError> {
        let place = Self::of(path)?;
        // Only to fail early: `fill` is what never replaces anything.
        match place.found(place.name) {
            Ok(_) => Err(FileError::AlreadyExists { path: path.into() }),
            Err(_) => Ok(place),
        }
    }

    /// Which file has a name in the directory. No symbolic link is followed.
    pub(crate) fn found(&self, name: &OsStr) -> Result<Identity, Errno> {
        retry(|| fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)).map(|stat| Identity::of(&stat))
    }

    /// Moves a file of the directory to this name, if nothing has it.
    pub(crate) fn fill(&self, from: &OsStr) -> Result<(), Errno> {
        if !self.rename(from, self.name)? {
            retry(|| linkat(&self.directory, from, &self.directory, self.name, AtFlags::empty()))?;
            // It has both names until then: `open` and `sweep` know what to do with it.
            let _ = self.unlink(from);
        }
        Ok(())
    }

    /// Moves the file of this name, whichever it is by now, to a name that nobody else uses.
    pub(crate) fn vacate(&self, to: &OsStr) -> Result<(), Errno> {
        if !self.rename(self.name, to)? {
            // Not by a second name: the file that would lose the first could be another.
            match self.found(to) {
                Ok(_) => return Err(Errno::EEXIST),
                Err(Errno::ENOENT) => {}
                Err(error) => return Err(error),
            }
            retry(|| renameat(&self.directory, self.name, &self.directory, to))?;
        }
        Ok(())
    }

    /// Renames a file within the directory, and replaces nothing; `false` if the system can't do that.
    fn rename(&self, from: &OsStr, to: &OsStr) -> Result<bool, Errno> {
        match retry(|| rename::without_replacing(self.directory.as_fd(), from, to)) {
            Ok(()) => Ok(true),
            // File systems and sandboxes that don't know the flag, or the call.
            Err(Errno::EINVAL | Errno::ENOSYS) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn unlink(&self, name: &OsStr) -> Result<(), Errno> {
        retry(|| unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir))
    }
}
