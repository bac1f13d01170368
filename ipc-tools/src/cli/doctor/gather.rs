//! Asking the machine. Nothing here decides anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, Pid, access, geteuid};
use ringway::file;

use super::calls;
use super::facts::{Facts, Place};

/// The number of the machine's own namespace of processes (`PROC_PID_INIT_INO`).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

pub(super) fn facts(path: &Path) -> Facts {
    let membarrier = calls::membarrier();
    let allowed = allowed();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memlock = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(0, |(soft, _)| soft);
    Facts {
        kernel: word("/proc/sys/kernel/osrelease"),
        place: place(path),
        memlock_bytes: (memlock != RLIM_INFINITY).then_some(memlock),
        root: geteuid().is_root(),
        shmem_huge_pages: word("/sys/kernel/mm/transparent_hugepage/shmem_enabled")
            .and_then(|words| chosen(&words)),
        hugetlb_free_pages: hugetlb_free(),
        membarrier_commands: membarrier.ok(),
        membarrier: Some(calls::answer(membarrier)),
        futex: Some(calls::futex()),
        futex_waitv: Some(calls::futex_waitv()),
        pidfd_open: Some(calls::pidfd_open()),
        seccomp: field(&status, "Seccomp:").is_some_and(|mode| mode != "0"),
        governors: governors(&allowed),
        cores_online: std::thread::available_parallelism().map_or(0, usize::from).max(online()),
        cores_allowed: allowed.len(),
        cores_isolated: word("/sys/devices/system/cpu/isolated").unwrap_or_default(),
        cpu_quota: word("/sys/fs/cgroup/cpu.max").and_then(|text| quota(&text)),
        smt: word("/sys/devices/system/cpu/smt/active").map(|active| active == "1"),
        virtual_machine: fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| {
            text.lines().any(|line| line.starts_with("flags") && line.contains(" hypervisor"))
        }),
        clock_source: word("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        proc_locks: fs::read("/proc/locks").is_ok(),
        boot_id: word("/proc/sys/kernel/random/boot_id").is_some(),
        pid_namespace: fs::read_link("/proc/self/ns/pid")
            .is_ok_and(|link| link != Path::new(FIRST_PID_NAMESPACE)),
        container: container(),
        overcommit: word("/proc/sys/vm/overcommit_memory").and_then(|text| text.parse().ok()),
    }
}

fn place(path: &Path) -> Place {
    let mut place = Place { path: path.display().to_string(), ..Place::default() };
    match file::filesystem(path) {
        Ok(found) => {
            place.filesystem = found.name.into();
            place.suits = found.suits;
            place.copies = found.copies.map(Into::into);
        }
        Err(error) => place.error = Some(error.to_string()),
    }
    if let Ok(found) = statvfs(path) {
        place.read_only = found.flags().contains(FsFlags::ST_RDONLY);
        place.size_bytes = found.blocks() * found.fragment_size();
        place.free_bytes = found.blocks_available() * found.fragment_size();
    }
    // Of a file, its directory is where another one could be made.
    let directory = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    place.writable = access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    place
}

/// What a small file of the kernel says, without the end of its line; `None` if it can't be read.
fn word(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// The word in brackets.
fn chosen(words: &str) -> Option<String> {
    let (_, rest) = words.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word.to_owned())
}

/// The value of a field in a file like `/proc/self/status`.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// The processors that `cpu.max` of a control group grants at once: a quota and a period, or `max` and a period.
fn quota(text: &str) -> Option<f64> {
    let (quota, period) = text.split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0.0).then_some(quota / period)
}

fn allowed() -> Vec<usize> {
    let set = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
    (0..CpuSet::count()).filter(|&cpu| set.is_set(cpu).unwrap_or(false)).collect()
}

/// How many processors are online, by a list as `0-3,6`.
fn online() -> usize {
    let list = word("/sys/devices/system/cpu/online").unwrap_or_default();
    let ranges = list.split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<usize>().ok()?.checked_sub(first.parse().ok()?)? + 1)
    });
    ranges.sum()
}

fn governors(allowed: &[usize]) -> Vec<String> {
    let read = |cpu| word(&format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"));
    allowed.iter().filter_map(read).collect::<BTreeSet<_>>().into_iter().collect()
}

fn hugetlb_free() -> u64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    field(&meminfo, "HugePages_Free:").and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn container() -> Option<String> {
    let files = ["/.dockerenv", "/run/.containerenv"];
    let file = files.into_iter().find(|path| Path::new(path).exists()).map(str::to_owned);
    file.or_else(|| std::env::var("container").ok().map(|name| format!("container={name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_taken_apart() {
        assert_eq!(chosen("always within_size advise [never] deny").as_deref(), Some("never"));
        assert_eq!(chosen("never"), None);
        assert_eq!(quota("150000 100000"), Some(1.5));
        assert_eq!(quota("max 100000"), None);
        assert_eq!(field("NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n", "Seccomp:"), Some("2"));
    }

    #[test]
    fn this_machine_can_be_asked() {
        let facts = facts(Path::new("/dev/shm"));
        assert!(facts.version().is_some() && facts.cores_allowed > 0, "{facts:?}");
        assert_eq!(facts.place.error, None);
    }
}
