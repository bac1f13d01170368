//! Which cores the two processes run on.

use std::fs;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The cores this process may use.
pub(super) struct Cores {
    /// How many there are.
    pub(super) usable: usize,
    /// One for each process, if there are two.
    pub(super) pair: Option<[usize; 2]>,
}

impl Cores {
    /// Chooses two that are close, but not two threads of one core: those share its caches, and measure
    /// something else.
    pub(super) fn choose() -> nix::Result<Self> {
        let allowed = sched_getaffinity(Pid::from_raw(0))?;
        let usable: Vec<usize> =
            (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false)).collect();
        let pair = usable.split_first().and_then(|(&first, others)| {
            let close = |&&cpu: &&usize| place(cpu).0 == place(first).0 && place(cpu).1 != place(first).1;
            let second = others.iter().find(close).or(others.first())?;
            Some([first, *second])
        });
        Ok(Self { usable: usable.len(), pair })
    }

    /// Binds the calling process to the first of the two.
    pub(super) fn pin_here(&self) -> nix::Result<()> {
        self.pin(0)
    }

    /// Binds the calling process to the second of the two.
    pub(super) fn pin_there(&self) -> nix::Result<()> {
        self.pin(1)
    }

    fn pin(&self, which: usize) -> nix::Result<()> {
        let Some(pair) = self.pair else { return Ok(()) };
        let mut set = CpuSet::new();
        set.set(pair[which])?;
        sched_setaffinity(Pid::from_raw(0), &set)
    }
}

/// Package and core of a processor, as far as the system says.
fn place(cpu: usize) -> (Option<u32>, Option<u32>) {
    let read = |what: &str| {
        let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/{what}");
        fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    (read("physical_package_id"), read("core_id"))
}
