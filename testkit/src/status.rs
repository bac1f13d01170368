//! Figures that the kernel keeps of a process.

use std::fmt::Display;
use std::fs::read_to_string;

/// How often a process has gone to sleep by itself.
pub const SLEEPS: &str = "voluntary_ctxt_switches";
/// The most address space that a process has had, in KiB.
pub const PEAK_ADDRESSES: &str = "VmPeak";
/// The memory that a process has, in KiB.
pub const MEMORY: &str = "VmRSS";
/// The most memory that a process has had, in KiB.
pub const PEAK_MEMORY: &str = "VmHWM";
/// The threads of a process.
pub const THREADS: &str = "Threads";

/// A figure of a process, by the name that it has in `/proc/<pid>/status`. `None` if there is no such
/// process, or it has ended.
pub fn figure(pid: impl Display, name: &str) -> Option<u64> {
    let status = read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A figure of this process.
pub fn own(name: &str) -> u64 {
    figure("self", name).expect("a figure of that name")
}
