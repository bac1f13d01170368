//! The memfd itself, checked when it was handed over, and what stands for it in messages.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, SealFlag, fcntl};
use nix::sys::stat::fstat;

use crate::error::FileError;
use crate::path::checks::{check_filesystem, check_owner, check_regular};
use crate::system::memfd::SEALS;
use crate::system::retry::retry;

/// Checks everything about a descriptor that was handed over that doesn't take reading the memfd. Returns
/// whether it can only be read.
pub(super) fn checked(label: &Path, file: &File, any_owner: bool) -> Result<bool, FileError> {
    let os = |action| FileError::os::<Errno>(action, label);
    let stat = retry(|| fstat(file)).map_err(os("looking at the descriptor"))?;
    check_regular(label, &stat)?;
    let found = match retry(|| fcntl(file, FcntlArg::F_GET_SEALS)) {
        Ok(bits) => SealFlag::from_bits_retain(bits),
        // Only memory can be sealed.
        Err(Errno::EINVAL) => return Err(FileError::NotMemfd { path: label.into() }),
        Err(error) => return Err(os("reading the memfd's seals")(error)),
    };
    if !found.contains(SEALS) {
        let missing = SEALS.difference(found).iter_names().map(|(name, _)| name);
        let missing = missing.collect::<Vec<_>>().join(", ");
        return Err(FileError::Unsealed { path: label.into(), missing });
    }
    check_filesystem(label, file)?;
    check_owner(label, &stat, any_owner)?;
    let flags =
        retry(|| fcntl(file, FcntlArg::F_GETFL)).map_err(os("asking how the descriptor was opened"))?;
    retry(|| fcntl(file, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)))
        .map_err(os("closing the descriptor on exec"))?;
    Ok(OFlag::from_bits_truncate(flags) & OFlag::O_ACCMODE == OFlag::O_RDONLY)
}

/// What stands for a memfd of that name in messages.
pub(super) fn label_of(name: &str) -> PathBuf {
    PathBuf::from(format!("memfd:{name}"))
}

/// What stands for a descriptor in messages: its memfd's name, if it is a memfd's.
pub(super) fn label(file: &File) -> PathBuf {
    let number = file.as_fd().as_raw_fd();
    let shown = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap_or_default();
    let shown = shown.to_string_lossy();
    let name = shown.strip_prefix("/memfd:").map(|name| name.strip_suffix(" (deleted)").unwrap_or(name));
    name.map_or_else(|| PathBuf::from(format!("descriptor {number}")), label_of)
}
