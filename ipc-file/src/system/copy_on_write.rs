//! Files whose pages are copied before they change, which takes space that may be gone by then.
//!
//! A ring's space is allocated when the ring is made. On a file system that overwrites in place, that is all the
//! space that the ring ever takes. One that copies on write takes new blocks for each page that changes after it
//! was last written back. When none are left, the access to the page is a SIGBUS.
//!
//! | file system | copies |
//! | --- | --- |
//! | btrfs | always, unless the file is marked NOCOW; then after a snapshot or a reflink |
//! | bcachefs, zfs | always |
//! | xfs with reflinks | after a reflink, as `cp` makes one, which takes no more than the right to read |
//!
//! NOCOW isn't trusted: a later snapshot or reflink can't be excluded, and some kernels take space for such
//! files all the same. A file that is made where copies were allowed is marked, since that makes them few.
//!
//! # Safety
//! Each call passes a pointer to what the kernel reads or fills: for XFS a structure of the size that the call's
//! number encodes, for a file's flags an `int`.

#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd};

use libc::{c_int, c_long};

const BTRFS: i64 = 0x9123_683e;
const BCACHEFS: i64 = 0xca45_1a4e;
const ZFS: i64 = 0x2fc1_2fc1;
const XFS: i64 = 0x5846_5342;

/// A file that is overwritten in place (`FS_NOCOW_FL`).
const NOCOW: c_int = 0x0080_0000;
/// XFS can share blocks between files (`XFS_FSOP_GEOM_FLAGS_REFLINK`).
const REFLINK: u32 = 1 << 20;

/// What XFS says of itself (`struct xfs_fsop_geom_v4`), as far as this module reads it.
#[repr(C)]
struct XfsGeometry {
    _before: [u64; 11],
    _version: i32,
    flags: u32,
    _behind: [u32; 4],
}

const _: () = assert!(size_of::<XfsGeometry>() == 112);

// Their numbers say `long`, and the kernel takes an `int`.
nix::ioctl_read_bad!(get_flags, nix::request_code_read!(b'f', 1, size_of::<c_long>()), c_int);
nix::ioctl_write_ptr_bad!(set_flags, nix::request_code_write!(b'f', 2, size_of::<c_long>()), c_int);
nix::ioctl_read!(xfs_geometry, b'X', 124, XfsGeometry);

/// The file system, if it may copy this file's pages.
pub(crate) fn of(magic: i64, file: impl AsFd) -> Option<&'static str> {
    match magic {
        BTRFS => Some("btrfs"),
        BCACHEFS => Some("bcachefs"),
        ZFS => Some("zfs"),
        XFS if shares_blocks(file) => Some("XFS with reflinks"),
        _ => None,
    }
}

/// Whether files of this XFS can share blocks. One that doesn't say is taken for one that can.
fn shares_blocks(file: impl AsFd) -> bool {
    let mut found = XfsGeometry { _before: [0; 11], _version: 0, flags: REFLINK, _behind: [0; 4] };
    // SAFETY: the structure has the kernel's size, and lives until the call returns.
    let told = unsafe { xfs_geometry(file.as_fd().as_raw_fd(), &raw mut found) };
    told.is_err() || found.flags & REFLINK != 0
}

/// Marks an empty file as one to overwrite in place, where the file system knows that.
pub(crate) fn avoid(file: impl AsFd) {
    let fd = file.as_fd().as_raw_fd();
    let mut flags = 0;
    // SAFETY: the word lives until the call returns.
    if unsafe { get_flags(fd, &raw mut flags) }.is_ok() {
        flags |= NOCOW;
        // SAFETY: as above.
        let _ = unsafe { set_flags(fd, &raw const flags) };
    }
}
