//! Which processor cores a process runs on.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The cores that the calling thread may use, by number.
///
/// # Errors
/// What the system says.
pub fn usable() -> nix::Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|&core| allowed.is_set(core) == Ok(true)).collect())
}

/// Binds the calling thread to a core.
///
/// # Errors
/// `EINVAL` for a core that the thread may not use; what else the system says.
pub fn bind(core: usize) -> nix::Result<()> {
    restrict(&[core])
}

/// Restricts the calling thread to these cores, and what it starts from now on.
///
/// # Errors
/// `EINVAL` if the thread may use none of them; what else the system says.
pub fn restrict(cores: &[usize]) -> nix::Result<()> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core)?;
    }
    sched_setaffinity(Pid::from_raw(0), &set)
}
