//! The memfd itself: made, sealed, and checked when it was handed over.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{Mode, fchmod, fstat};

use crate::error::FileError;
use crate::locks::retry;
use crate::ring::open::{check_owner, check_regular};
use crate::system::filesystem;

/// What a ring's memfd is sealed against: being cut short, being made longer, and other seals, of which those
/// against writing would lock out every successor of its producer.
const SEALS: SealFlag = SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW).union(SealFlag::F_SEAL_SEAL);

/// A name is 255 bytes long at most, `memfd:` included.
const LONGEST_NAME: usize = 249;

/// Makes an empty memfd that can be sealed, of mode 0600.
///
/// # Errors
/// What was tried, and what the system said.
pub(crate) fn new_file(name: &str) -> Result<OwnedFd, (&'static str, Errno)> {
    if name.len() > LONGEST_NAME {
        // The kernel says EINVAL, which could be anything.
        return Err(("creating a memfd", Errno::ENAMETOOLONG));
    }
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    // Not executable, as a hardened system requires; kernels before 6.3 don't know the flag.
    let hardened = flags | MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL);
    let made = match memfd_create(name, hardened) {
        Err(Errno::EINVAL) => memfd_create(name, flags),
        other => other,
    };
    let made = made.map_err(|error| ("creating a memfd", error))?;
    // It starts open to all: whoever has a descriptor of it, or finds one under /proc, could open it anew for
    // writing, and hold locks.
    retry(|| fchmod(&made, Mode::S_IRUSR | Mode::S_IWUSR))
        .map_err(|error| ("setting the memfd's mode", error))?;
    Ok(made)
}

/// Fixes the memfd's length for ever.
pub(crate) fn seal(file: &impl AsFd) -> Result<(), Errno> {
    retry(|| fcntl(file, FcntlArg::F_ADD_SEALS(SEALS))).map(drop)
}

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
    filesystem::check(label, file)?;
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
