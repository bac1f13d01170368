//! Which cores the two sides of a measurement run on.

use std::fs;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The cores this process may use.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// How many there are.
    pub usable: usize,
    /// One for each process, if there are two.
    pub pair: Option<[usize; 2]>,
}

impl Cores {
    /// Chooses two that are close, but not two threads of one core: those share its caches, and measure
    /// something else. Call it before anything is bound to a core.
    ///
    /// # Errors
    /// What the system says.
    pub fn choose() -> nix::Result<Self> {
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

    /// Binds the calling thread to one of the two, 0 or 1. Does nothing if there is no pair.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// If `which` is neither.
    pub fn bind(&self, which: usize) -> nix::Result<()> {
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
