//! Which file a descriptor or a path stands for.

use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, fstat, lstat};

use crate::system::retry::retry;

/// What tells a file from every other on this machine, while it is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(crate) fn of(stat: &FileStat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }

    /// The file's number in its file system.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }

    pub(crate) fn of_fd(fd: impl AsFd) -> Result<Self, Errno> {
        Ok(Self::of(&retry(|| fstat(&fd))?))
    }

    /// Whether `fd` still stands for this file: other code of the process may have closed the descriptor, and the
    /// system may have given its number out again.
    pub(crate) fn is_still_of(&self, fd: impl AsFd) -> bool {
        match Self::of_fd(&fd) {
            Ok(found) => found == *self,
            Err(Errno::EBADF) => false,
            // No answer: neither keeping a descriptor open nor calling a live process dead may hang on that.
            Err(_) => Self::of_fd(&fd) == Ok(*self),
        }
    }

    /// Whether `path` names this file now. No symbolic link counts.
    pub(crate) fn is_at(&self, path: &Path) -> Result<bool, Errno> {
        match retry(|| lstat(path)) {
            Ok(found) => Ok(Self::of(&found) == *self),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
