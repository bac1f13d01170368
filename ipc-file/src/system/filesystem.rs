//! Which file systems a ring may lie on.
//!
//! Allowed are those whose pages all processes of the machine share, whose locks are the kernel's, and which
//! don't change behind its back: no network and no user-space file system, no hugetlbfs, whose files can't
//! be written as such.
//!
//! On overlayfs, a file of the lower layer is one file to who opened it for reading and another to who opened
//! it for writing. A ring made through the overlay lies in the upper layer, where there is but one. Which file
//! system that layer lies on can't be seen through the overlay.
//!
//! Those that copy a page before it changes are allowed on request: see `copy_on_write`.

use std::os::fd::AsFd;
use std::path::Path;

use nix::sys::statfs::fstatfs;

use crate::error::FileError;
use crate::system::copy_on_write;

const ALLOWED: [(i64, &str); 8] = [
    (0x0102_1994, "tmpfs"),
    // ext2, ext3 and ext4 share one.
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0xf2f5_2010, "f2fs"),
    (0x2fc1_2fc1, "zfs"),
    (0x794c_7630, "overlayfs"),
    (0xca45_1a4e, "bcachefs"),
];

/// Names for what is most likely to be met and refused.
const REFUSED: [(i64, &str); 10] = [
    (0x8584_58f6, "ramfs, which can't reserve space"),
    (0x6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9p"),
    (0x9584_58f6, "hugetlbfs"),
    (0x9fa0, "procfs"),
    (0x6265_6572, "sysfs"),
    (0x00c3_6400, "Ceph"),
];

fn magic(path: &Path, fd: impl AsFd) -> Result<i64, FileError> {
    let found = fstatfs(fd).map_err(FileError::os("asking for the file system", path))?;
    #[allow(clippy::unnecessary_cast, reason = "the type differs between C libraries")]
    let magic = found.filesystem_type().0 as i64 & 0xffff_ffff;
    Ok(magic)
}

/// The error for a file system that can't reserve space, as some of a kind that is allowed can't.
pub(crate) fn no_space_reserved(path: &Path, fd: impl AsFd) -> FileError {
    match magic(path, fd) {
        Ok(magic) => {
            let name = "one that can't reserve space (fallocate)";
            FileError::UnsupportedFilesystem { path: path.into(), name, magic }
        }
        Err(error) => error,
    }
}

/// Refuses a file on a file system where a ring wouldn't work.
pub(crate) fn check(path: &Path, fd: impl AsFd) -> Result<(), FileError> {
    let magic = magic(path, fd)?;
    if ALLOWED.iter().any(|&(allowed, _)| allowed == magic) {
        return Ok(());
    }
    let name = REFUSED
        .iter()
        .find(|&&(refused, _)| refused == magic)
        .map_or("unknown to Ringway", |&(_, name)| name);
    Err(FileError::UnsupportedFilesystem { path: path.into(), name, magic })
}

/// Refuses a file whose pages may be copied when they change, unless the caller allows it. Returns whether they
/// may.
pub(crate) fn check_copies(path: &Path, fd: impl AsFd, allowed: bool) -> Result<bool, FileError> {
    match copy_on_write::of(magic(path, &fd)?, fd) {
        Some(name) if !allowed => Err(FileError::CopyOnWrite { path: path.into(), name }),
        found => Ok(found.is_some()),
    }
}

/// The names of the file systems allowed.
pub(crate) fn allowed() -> String {
    ALLOWED.map(|(_, name)| name).join(", ")
}
