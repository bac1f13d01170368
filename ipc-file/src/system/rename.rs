//! Renaming a file within a directory without replacing another.
//!
//! By the system call itself: not every C library has a function for it (glibc has, musl hasn't).
//!
//! # Safety
//! The call reads two strings that end with a zero byte and live until it returns, and writes no memory.

#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::c_long;
use nix::NixPath;
use nix::errno::Errno;

/// Gives the file of the name `from` the name `to` in the same directory, unless something has it: `EEXIST` then.
/// `EINVAL` or `ENOSYS` where the file system or the kernel can't.
pub(crate) fn without_replacing(directory: BorrowedFd<'_>, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    let directory = c_long::from(directory.as_raw_fd());
    let flags = c_long::from(libc::RENAME_NOREPLACE);
    let renamed = from.with_nix_path(|from| {
        to.with_nix_path(|to| {
            let (from, to) = (from.as_ptr(), to.as_ptr());
            // SAFETY: five arguments, each of a register's width; both strings live until the call returns.
            unsafe { libc::syscall(libc::SYS_renameat2, directory, from, directory, to, flags) }
        })
    })??;
    Errno::result(renamed).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_file_is_renamed_and_none_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let handle = File::open(directory.path()).unwrap();
        let [one, two, three] = ["one", "two", "three"].map(OsStr::new);
        fs::write(directory.path().join(one), "one").unwrap();
        fs::write(directory.path().join(two), "two").unwrap();
        assert_eq!(without_replacing(handle.as_fd(), one, two), Err(Errno::EEXIST));
        assert_eq!(without_replacing(handle.as_fd(), three, one), Err(Errno::ENOENT));
        assert_eq!(fs::read(directory.path().join(two)).unwrap(), b"two");
        without_replacing(handle.as_fd(), one, three).unwrap();
        assert_eq!(fs::read(directory.path().join(three)).unwrap(), b"one");
        assert!(!directory.path().join(one).exists());
    }
}
