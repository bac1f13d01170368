//! Which file a descriptor or a path stands for.

use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, fstat, lstat};

use crate::locks::retry;

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

    /// Whether `path` names this file now. No symbolic link counts.
    pub(crate) fn is_at(&self, path: &Path) -> Result<bool, Errno> {
        match retry(|| lstat(path)) {
            Ok(found) => Ok(Self::of(&found) == *self),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
