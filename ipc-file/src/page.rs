//! The page size of the running system.

use std::num::NonZeroUsize;

use nix::unistd::{SysconfVar, sysconf};

/// The page size, in bytes.
pub(crate) fn page_size() -> NonZeroUsize {
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|size| usize::try_from(size).ok());
    size.and_then(NonZeroUsize::new).expect("every Linux system has a page size")
}
