//! What is known of a machine before anything is made of it.

use serde::Serialize;

/// What the kernel answers to a system call that is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    Works,
    /// The kernel doesn't know the call (`ENOSYS`), or a filter says so.
    Unknown,
    /// A filter denies it (`EPERM`, `EACCES`).
    Denied,
}

/// The file system of the path that rings are to lie on.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Place {
    pub(super) path: String,
    /// Why nothing is known of it.
    pub(super) error: Option<String>,
    pub(super) filesystem: String,
    /// Whether rings may lie there.
    pub(super) suits: bool,
    /// The file system's name if it copies pages before they change.
    pub(super) copies: Option<String>,
    pub(super) read_only: bool,
    /// Whether this user may make files there.
    pub(super) writable: bool,
    pub(super) size_bytes: u64,
    pub(super) free_bytes: u64,
}

/// What a machine says of itself. What it doesn't say is `None`, or empty.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Facts {
    pub(super) kernel: Option<String>,
    pub(super) place: Place,
    /// `None` if there is no limit.
    pub(super) memlock_bytes: Option<u64>,
    pub(super) root: bool,
    /// The chosen word of `shmem_enabled`.
    pub(super) shmem_huge_pages: Option<String>,
    pub(super) hugetlb_free_pages: u64,
    /// The commands that membarrier offers, as bits.
    pub(super) membarrier_commands: Option<u64>,
    pub(super) membarrier: Option<Answer>,
    pub(super) futex: Option<Answer>,
    pub(super) futex_waitv: Option<Answer>,
    pub(super) pidfd_open: Option<Answer>,
    /// Whether system calls of this process are filtered.
    pub(super) seccomp: bool,
    /// The governors of the processors that this process may use, each once.
    pub(super) governors: Vec<String>,
    pub(super) cores_online: usize,
    pub(super) cores_allowed: usize,
    /// The processors that the scheduler leaves alone, as the kernel lists them.
    pub(super) cores_isolated: String,
    /// Processors that the control group grants at once.
    pub(super) cpu_quota: Option<f64>,
    pub(super) smt: Option<bool>,
    /// Whether this is a virtual machine.
    pub(super) virtual_machine: bool,
    pub(super) clock_source: Option<String>,
    pub(super) proc_locks: bool,
    pub(super) boot_id: bool,
    /// Whether processes are numbered apart from the machine's.
    pub(super) pid_namespace: bool,
    /// What tells that this is a container.
    pub(super) container: Option<String>,
    pub(super) overcommit: Option<u64>,
}

impl Facts {
    /// Major and minor version of the kernel.
    pub(super) fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.kernel.as_ref()?.split(|other: char| !other.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}
