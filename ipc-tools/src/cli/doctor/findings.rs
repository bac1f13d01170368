//! What a machine's facts come to: pure functions of them.

use std::fmt;

use serde::Serialize;

use super::facts::{Answer, Facts};

const MIB: u64 = 1 << 20;

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    /// Something to know.
    Note,
    /// Rings are slower than they could be, or some don't work.
    Warning,
    /// Rings don't work.
    Problem,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Problem => "problem",
        })
    }
}

/// What was looked at, what was found, what was expected, and what to do.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    pub(super) expected: &'static str,
    /// Empty if all is well.
    pub(super) advice: String,
}

/// What one check makes of what it found.
type Verdict = (Level, String, &'static str);

/// A check's name, what it expects, and what it does.
type Check = (&'static str, &'static str, fn(&Facts) -> Verdict);

/// All findings, in a fixed order.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let checks: [Check; 16] = [
        ("kernel", "Linux 4.16 or newer, which has all that Ringway uses", kernel),
        ("file system", "tmpfs, or a local disk that overwrites in place", file_system),
        ("space", "room for the rings: slots times slot size", space),
        ("memlock", "a limit above the rings' size, for `lock_memory`", memlock),
        ("huge pages", "shmem_enabled of within_size or always, for huge pages", huge_pages),
        ("membarrier", "global expedited membarrier, so that publishing needs no fence", membarrier),
        ("futex", "futexes, by which readers sleep until woken", futex),
        ("other calls", "futex_waitv and pidfd_open, by which other programs wait", other_calls),
        ("governor", "performance or schedutil", governor),
        ("cores", "two cores or more, so that both sides run at once", cores),
        ("threads", "a core of its own for each busy side", threads),
        ("clock", "tsc, kvm-clock or arch_sys_counter, which are read without a system call", clock),
        ("proc", "/proc with boot_id and locks, which name the boot and the holders of roles", proc),
        ("processes", "one namespace of processes, in which a pid means the same to all", processes),
        ("memory", "vm.overcommit_memory of 0 or 1", memory),
        ("machine", "bare metal, for figures that can be compared", machine),
    ];
    let findings = checks.into_iter().map(|(check, expected, judge)| {
        let (level, found, advice) = judge(facts);
        Finding { check, level, found, expected, advice: advice.into() }
    });
    findings.collect()
}

fn ok(found: impl Into<String>) -> Verdict {
    (Level::Ok, found.into(), "")
}

fn kernel(facts: &Facts) -> Verdict {
    let found = facts.kernel.clone().unwrap_or_else(|| "unknown".into());
    match facts.version() {
        None => (Level::Note, found, "look at `uname -r`"),
        Some(version) if version < (4, 14) => {
            (Level::Problem, found, "use a newer kernel: MADV_WIPEONFORK and the locks of Ringway take 4.14")
        }
        Some(version) if version < (4, 16) => (
            Level::Warning,
            found,
            "use a newer kernel: without membarrier's global expedited command each publish has a fence",
        ),
        Some(_) => ok(found),
    }
}

fn file_system(facts: &Facts) -> Verdict {
    let place = &facts.place;
    let on = |what: &str| format!("{}: {}{what}", place.path, place.filesystem);
    if let Some(error) = &place.error {
        return (Level::Problem, error.clone(), "name a path that exists and may be read");
    }
    if !place.suits {
        let advice = "put rings on /dev/shm, or a local tmpfs, ext4 or XFS: of network and user-space file systems \
                      processes on several machines see different pages";
        return (Level::Problem, on(", where rings don't work"), advice);
    }
    if place.read_only {
        return (Level::Problem, on(", mounted read-only"), "use another place, or mount it for writing");
    }
    if !place.writable {
        let advice = "have its owner make the ring or grant the right to write; rings there can be observed";
        return (Level::Problem, on(", where this user may not make files"), advice);
    }
    match (&place.copies, place.filesystem.as_str()) {
        (Some(copies), _) => (
            Level::Warning,
            format!("{}: {copies}, which copies pages before they change", place.path),
            "use /dev/shm, or take care that space never runs out and pass --allow-copy-on-write",
        ),
        (None, "overlayfs") => (
            Level::Warning,
            on(", whose upper layer can't be seen"),
            "mount a tmpfs or a volume for the rings: the layer below may copy pages on write",
        ),
        (None, "tmpfs") => ok(on("")),
        (None, _) => (
            Level::Note,
            on(", which writes pages back to a disk"),
            "use /dev/shm where rings needn't outlive a boot",
        ),
    }
}

fn space(facts: &Facts) -> Verdict {
    let (size, free) = (facts.place.size_bytes, facts.place.free_bytes);
    let found = format!("{} MiB free of {} MiB", free / MIB, size / MIB);
    if facts.place.error.is_some() || size == 0 {
        return (Level::Note, "unknown".into(), "look at `df`");
    }
    match free {
        // A small ring takes five pages.
        _ if free < MIB => {
            (Level::Problem, found, "remove what isn't needed, or mount it larger: mount -o remount,size=1G")
        }
        _ if free < 16 * MIB => (Level::Warning, found, "remove what isn't needed, or mount it larger"),
        _ if size <= 64 * MIB => (
            Level::Note,
            found,
            "give a container more than its 64 MiB where needed: `docker run --shm-size 1g`",
        ),
        _ => ok(found),
    }
}

fn memlock(facts: &Facts) -> Verdict {
    match facts.memlock_bytes {
        _ if facts.root => ok("root, which no limit binds"),
        None => ok("no limit"),
        Some(limit) if limit >= 64 * MIB => ok(format!("{} MiB", limit / MIB)),
        Some(limit) => (
            Level::Note,
            format!("{} KiB", limit / 1024),
            "raise it for rings with `lock_memory`: `ulimit -l`, or LimitMEMLOCK= of the service",
        ),
    }
}

fn huge_pages(facts: &Facts) -> Verdict {
    let pool = match facts.hugetlb_free_pages {
        0 => String::new(),
        n => format!("; {n} free in the hugetlb pool, which rings don't use"),
    };
    match facts.shmem_huge_pages.as_deref() {
        None => (
            Level::Note,
            format!("none for shared memory{pool}"),
            "nothing, unless rings are large: then use a kernel with transparent huge pages",
        ),
        Some(word @ ("never" | "deny")) => (
            Level::Note,
            format!("shmem_enabled is {word}{pool}"),
            "for large rings: mount -o remount,huge=within_size /dev/shm (a mount goes by its own option), or echo \
             within_size > /sys/kernel/mm/transparent_hugepage/shmem_enabled (memfds, anonymous rings), and make them \
             with --section-align 2MiB",
        ),
        Some(word) => ok(format!("shmem_enabled is {word}{pool}")),
    }
}

/// `MEMBARRIER_CMD_GLOBAL_EXPEDITED` and the command that registers for it.
const EXPEDITED: u64 = 1 << 1 | 1 << 2;

fn membarrier(facts: &Facts) -> Verdict {
    match (facts.membarrier, facts.membarrier_commands) {
        (Some(Answer::Denied), _) => (
            Level::Warning,
            "denied by a filter of system calls".into(),
            "allow membarrier in the seccomp profile; until then each publish has a fence, and sleepers look each \
             millisecond",
        ),
        (Some(Answer::Works), Some(commands)) if commands & EXPEDITED == EXPEDITED => ok("works"),
        (None, _) => (Level::Note, "not tried".into(), "nothing"),
        _ => (
            Level::Warning,
            "the kernel has no global expedited membarrier".into(),
            "use a kernel built with CONFIG_MEMBARRIER; until then each publish has a fence",
        ),
    }
}

fn futex(facts: &Facts) -> Verdict {
    match facts.futex {
        Some(Answer::Works) | None => ok("works"),
        Some(Answer::Denied) => (
            Level::Warning,
            "denied by a filter of system calls".into(),
            "allow futex in the seccomp profile; until then a side that waits sleeps for a millisecond at a time",
        ),
        Some(Answer::Unknown) => {
            (Level::Warning, "the kernel has no futexes".into(), "use a kernel built with CONFIG_FUTEX")
        }
    }
}

fn other_calls(facts: &Facts) -> Verdict {
    let missing = |answer, since| match answer {
        Some(Answer::Denied) => true,
        // The kernel is new enough to have it: a filter says that it hasn't.
        Some(Answer::Unknown) => facts.seccomp && facts.version().is_some_and(|version| version >= since),
        _ => false,
    };
    let calls = [
        ("futex_waitv", missing(facts.futex_waitv, (5, 16))),
        ("pidfd_open", missing(facts.pidfd_open, (5, 3))),
    ];
    let denied: Vec<_> = calls.into_iter().filter(|&(_, denied)| denied).map(|(name, _)| name).collect();
    if denied.is_empty() {
        return ok("not filtered");
    }
    let advice = "nothing for Ringway, which does without; other programs may need them allowed in the seccomp profile";
    (Level::Note, format!("a filter of system calls denies {}", denied.join(" and ")), advice)
}

fn governor(facts: &Facts) -> Verdict {
    let names = facts.governors.join(", ");
    let slow = |name: &String| !matches!(name.as_str(), "performance" | "schedutil");
    match facts.governors.iter().any(slow) {
        _ if facts.governors.is_empty() => ok("none: the clock isn't this system's to set"),
        false => ok(names),
        true => (
            Level::Warning,
            names,
            "for latency: `cpupower frequency-set -g performance`, since a core that idles takes long to get fast",
        ),
    }
}

fn cores(facts: &Facts) -> Verdict {
    let Facts { cores_allowed: allowed, cores_online: online, .. } = *facts;
    let found = format!("{allowed} of {online} may be used");
    let found = match facts.cpu_quota {
        Some(quota) => format!("{found}, for {quota:.1} at once"),
        None => found,
    };
    if allowed < 2 {
        let advice = "allow a second one (`taskset`, cpuset of the container); until then use `Wait::Park` or \
                      `Wait::Yield`, never `Spin`: both sides take turns";
        return (Level::Warning, found, advice);
    }
    if facts.cpu_quota.is_some_and(|quota| quota < 2.0) {
        let advice =
            "raise the container's quota to 2 and more: a side that spins uses it up, and both stand still";
        return (Level::Warning, found, advice);
    }
    match facts.cores_isolated.as_str() {
        "" => ok(found),
        isolated => (
            Level::Note,
            format!("{found}; isolated: {isolated}"),
            "pin busy sides there yourself (`taskset`): the scheduler puts no process on isolated cores",
        ),
    }
}

fn threads(facts: &Facts) -> Verdict {
    match facts.smt {
        Some(true) => (
            Level::Note,
            "cores have two threads each (SMT)".into(),
            "pin the two sides of a ring to different cores, not to two threads of one",
        ),
        Some(false) => ok("one thread a core, as far as the system is told"),
        None => ok("the system isn't told"),
    }
}

fn clock(facts: &Facts) -> Verdict {
    match facts.clock_source.as_deref() {
        None => ok("unknown"),
        Some(fast @ ("tsc" | "kvm-clock" | "arch_sys_counter" | "hyperv_clocksource_tsc_page")) => ok(fast),
        Some(slow) => (
            Level::Warning,
            slow.into(),
            "use tsc if the machine has a stable one: a read of this clock takes a microsecond, and calls with a time-out \
             make some",
        ),
    }
}

fn proc(facts: &Facts) -> Verdict {
    match (facts.boot_id, facts.proc_locks) {
        (false, _) => (
            Level::Problem,
            "/proc/sys/kernel/random/boot_id can't be read".into(),
            "mount /proc: a ring in a file is made and opened by the number of this boot",
        ),
        (true, false) => (
            Level::Note,
            "/proc/locks can't be read".into(),
            "nothing for rings; `ringway info` can't name the processes that hold roles",
        ),
        (true, true) => ok("boot_id and locks can be read"),
    }
}

fn processes(facts: &Facts) -> Verdict {
    let container =
        facts.container.as_ref().map(|hint| format!(", in a container ({hint})")).unwrap_or_default();
    if facts.pid_namespace {
        let advice = "nothing for rings, which go by locks; a pid that `ringway info` shows is that of its own \
                      namespace. Share /dev/shm between containers (`--ipc`, or a volume)";
        return (Level::Note, format!("a namespace of their own{container}"), advice);
    }
    ok(format!("the machine's own namespace{container}"))
}

fn memory(facts: &Facts) -> Verdict {
    match facts.overcommit {
        Some(2) => (
            Level::Note,
            "vm.overcommit_memory is 2: no more is committed than there is".into(),
            "keep some free: where none is left, a file that is cut short still ends a process that is guarded",
        ),
        Some(mode) => ok(format!("vm.overcommit_memory is {mode}")),
        None => ok("unknown"),
    }
}

fn machine(facts: &Facts) -> Verdict {
    if facts.virtual_machine {
        let advice = "compare figures only with those of the same run (`ringway bench` has floors beside them): the host \
                      moves cores";
        return (Level::Note, "a virtual machine".into(), advice);
    }
    ok("no virtual machine, as far as the processor says")
}

#[cfg(test)]
mod tests;
