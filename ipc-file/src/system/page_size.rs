//! The page size of the running system.

use std::num::NonZeroUsize;
use std::sync::OnceLock;

use nix::unistd::{SysconfVar, sysconf};

/// The page size, in bytes. Asked for once: from then on a signal handler may call this.
pub(crate) fn page_size() -> NonZeroUsize {
    static SIZE: OnceLock<NonZeroUsize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|size| usize::try_from(size).ok());
        size.and_then(NonZeroUsize::new).expect("every Linux system has a page size")
    })
}
