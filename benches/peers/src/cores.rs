//! Which cores the two sides of a run are bound to.

use std::sync::OnceLock;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::control::Side;

/// The first two cores that this program may use.
static PAIR: OnceLock<[usize; 2]> = OnceLock::new();

/// Chooses the cores: before anything is bound to one of them.
pub fn choose() -> anyhow::Result<[usize; 2]> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let usable: Vec<usize> = (0..CpuSet::count()).filter(|&core| allowed.is_set(core) == Ok(true)).collect();
    let [first, second, ..] = usable[..] else {
        anyhow::bail!("this program may use {} processor core: it needs two", usable.len());
    };
    Ok(*PAIR.get_or_init(|| [first, second]))
}

/// Binds the calling thread to its side's core.
pub fn bind(side: Side) -> anyhow::Result<()> {
    let pair = PAIR.get().expect("the cores are chosen first");
    let mut set = CpuSet::new();
    set.set(pair[usize::from(side == Side::There)])?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}
