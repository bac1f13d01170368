//! Memfds: made, and sealed against changes of their length.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{Mode, fchmod};

use super::retry::retry;

/// What a ring's memfd is sealed against: being cut short, being made longer, and other seals, of which those
/// against writing would lock out every successor of its producer.
pub(crate) const SEALS: SealFlag =
    SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW).union(SealFlag::F_SEAL_SEAL);

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
    // It starts open to all: a process that has a descriptor of it, or finds one under /proc, could open it anew for
    // writing, and hold locks.
    retry(|| fchmod(&made, Mode::S_IRUSR | Mode::S_IWUSR))
        .map_err(|error| ("setting the memfd's mode", error))?;
    Ok(made)
}

/// Fixes the memfd's length for ever.
pub(crate) fn seal(file: &impl AsFd) -> Result<(), Errno> {
    retry(|| fcntl(file, FcntlArg::F_ADD_SEALS(SEALS))).map(drop)
}
