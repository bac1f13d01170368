//! The machine that was measured, as far as figures depend on it.

use std::fs;
use std::thread::available_parallelism;

use serde::Serialize;

/// What a reader of the figures has to know of the machine.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// In a few words, as plots have it.
    pub kind: String,
    /// The processor's name, as it gives it.
    pub processor: String,
    /// Cores that this program may use.
    pub cores: usize,
    /// Load averages over one, five and fifteen minutes, before anything ran.
    pub load_average_before: String,
}

impl Machine {
    /// This machine, as it is now.
    pub fn now() -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            // Some architectures have no such line.
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let cores = available_parallelism().map_or(0, usize::from);
        Self {
            kind: ringway_tools::floor::machine::kind(cores),
            cores,
            processor: processor.unwrap_or_else(|| format!("a processor of {}", std::env::consts::ARCH)),
            load_average_before: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        }
    }

    /// Whether something else had a good part of a core in the last minute, if the system says.
    pub fn was_busy(&self) -> bool {
        let last_minute =
            self.load_average_before.split(' ').next().and_then(|load| load.parse::<f64>().ok());
        last_minute.is_some_and(|load| load > 0.3)
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { processor, cores, load_average_before, .. } = self;
        write!(f, "{processor}, {cores} cores, load average before this run {load_average_before}")
    }
}
