//! Which file systems a ring may lie on.
//!
//! A file system is allowed if all processes share its pages, its locks are the kernel's, and it doesn't change
//! unseen. So network and user-space file systems are refused. So is hugetlbfs, whose files can't be written.
//!
//! On overlayfs, a file of the lower layer is one file to a process that opened it for reading, and another to
//! one that opened it for writing. A ring made through the overlay lies in the upper layer, where there is
//! but one. Which file system that layer lies on can't be seen through the overlay.
//!
//! Those that copy a page before it changes are allowed on request: see `copy_on_write`.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::statfs::fstatfs;

/// That of `/dev/shm`, and of memfds.
pub(crate) const TMPFS: i64 = 0x0102_1994;

const ALLOWED: [(i64, &str); 8] = [
    (TMPFS, "tmpfs"),
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

/// The type of the file system that a file lies on, as `statfs(2)` has it.
pub(crate) fn magic(fd: impl AsFd) -> Result<i64, Errno> {
    let found = fstatfs(fd)?;
    #[allow(clippy::unnecessary_cast, reason = "the type differs between C libraries")]
    let magic = found.filesystem_type().0 as i64 & 0xffff_ffff;
    Ok(magic)
}

/// Whether a ring may lie on a file system of this type.
pub(crate) fn is_allowed(magic: i64) -> bool {
    ALLOWED.iter().any(|&(allowed, _)| allowed == magic)
}

/// The name of a file system, whether rings work there or not.
pub(crate) fn name(magic: i64) -> &'static str {
    let known = ALLOWED.iter().find(|&&(allowed, _)| allowed == magic);
    known.map_or_else(|| refused(magic), |&(_, name)| name)
}

/// The name of a file system where rings don't work.
pub(crate) fn refused(magic: i64) -> &'static str {
    let known = REFUSED.iter().find(|&&(refused, _)| refused == magic);
    known.map_or("unknown to Ringway", |&(_, name)| name)
}

/// The names of the file systems allowed.
pub(crate) fn allowed() -> String {
    ALLOWED.map(|(_, name)| name).join(", ")
}
