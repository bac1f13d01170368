//! Facts of bad machines, and what they come to.

use super::super::facts::Place;
use super::*;

/// A machine on which all is well.
fn good() -> Facts {
    Facts {
        kernel: Some("6.12.3-generic".into()),
        place: Place {
            path: "/dev/shm".into(),
            filesystem: "tmpfs".into(),
            suits: true,
            writable: true,
            size_bytes: 8 << 30,
            free_bytes: 7 << 30,
            ..Place::default()
        },
        memlock_bytes: None,
        shmem_huge_pages: Some("advise".into()),
        membarrier_commands: Some(0x3ff),
        membarrier: Some(Answer::Works),
        futex: Some(Answer::Works),
        futex_waitv: Some(Answer::Works),
        pidfd_open: Some(Answer::Works),
        governors: vec!["performance".into()],
        cores_online: 8,
        cores_allowed: 8,
        smt: Some(false),
        clock_source: Some("tsc".into()),
        proc_locks: true,
        boot_id: true,
        overcommit: Some(0),
        ..Facts::default()
    }
}

#[test]
fn a_good_machine_has_nothing_to_be_told() {
    for finding in findings(&good()) {
        assert_eq!(finding.level, Level::Ok, "{finding:?}");
        assert!(!finding.found.is_empty() && finding.advice.is_empty(), "{finding:?}");
    }
}

/// What is bad about a machine, where it shows, how bad it is, and a word of what is said.
type Case = (&'static str, Level, &'static str, fn(&mut Facts));

const CASES: [Case; 34] = [
    ("kernel", Level::Problem, "4.14", |facts| facts.kernel = Some("3.10.0-1160.el7".into())),
    ("kernel", Level::Warning, "4.15", |facts| facts.kernel = Some("4.15.0".into())),
    ("kernel", Level::Note, "unknown", |facts| facts.kernel = None),
    ("file system", Level::Problem, "no such", |facts| facts.place.error = Some("no such file".into())),
    ("file system", Level::Problem, "NFS", |facts| {
        (facts.place.suits, facts.place.filesystem) = (false, "NFS".into())
    }),
    ("file system", Level::Problem, "9p", |facts| {
        (facts.place.suits, facts.place.filesystem) = (false, "9p".into())
    }),
    ("file system", Level::Problem, "read-only", |facts| facts.place.read_only = true),
    ("file system", Level::Problem, "may not", |facts| facts.place.writable = false),
    ("file system", Level::Warning, "btrfs", |facts| facts.place.copies = Some("btrfs".into())),
    ("file system", Level::Warning, "reflinks", |facts| {
        facts.place.copies = Some("XFS with reflinks".into())
    }),
    ("file system", Level::Warning, "volume", |facts| facts.place.filesystem = "overlayfs".into()),
    ("file system", Level::Note, "disk", |facts| facts.place.filesystem = "ext4".into()),
    ("space", Level::Problem, "0 MiB free", |facts| facts.place.free_bytes = 4096),
    ("space", Level::Warning, "8 MiB free", |facts| facts.place.free_bytes = 8 << 20),
    ("space", Level::Note, "--shm-size", |facts| {
        (facts.place.size_bytes, facts.place.free_bytes) = (64 << 20, 60 << 20);
    }),
    ("space", Level::Note, "unknown", |facts| facts.place.size_bytes = 0),
    ("memlock", Level::Note, "64 KiB", |facts| facts.memlock_bytes = Some(64 << 10)),
    ("huge pages", Level::Note, "never", |facts| facts.shmem_huge_pages = Some("never".into())),
    ("huge pages", Level::Note, "512 free", |facts| {
        (facts.shmem_huge_pages, facts.hugetlb_free_pages) = (None, 512);
    }),
    ("membarrier", Level::Warning, "seccomp", |facts| facts.membarrier = Some(Answer::Denied)),
    ("membarrier", Level::Warning, "CONFIG_MEMBARRIER", |facts| {
        (facts.membarrier, facts.membarrier_commands) = (Some(Answer::Unknown), None);
    }),
    ("membarrier", Level::Warning, "no global expedited", |facts| facts.membarrier_commands = Some(1)),
    ("futex", Level::Warning, "seccomp", |facts| facts.futex = Some(Answer::Denied)),
    ("other calls", Level::Note, "futex_waitv", |facts| {
        (facts.seccomp, facts.futex_waitv) = (true, Some(Answer::Unknown));
    }),
    ("other calls", Level::Note, "pidfd_open", |facts| facts.pidfd_open = Some(Answer::Denied)),
    ("governor", Level::Warning, "powersave", |facts| facts.governors.push("powersave".into())),
    ("cores", Level::Warning, "1 of 8", |facts| facts.cores_allowed = 1),
    ("cores", Level::Warning, "1.5 at once", |facts| facts.cpu_quota = Some(1.5)),
    ("cores", Level::Note, "isolated: 2-3", |facts| facts.cores_isolated = "2-3".into()),
    ("threads", Level::Note, "SMT", |facts| facts.smt = Some(true)),
    ("clock", Level::Warning, "hpet", |facts| facts.clock_source = Some("hpet".into())),
    ("proc", Level::Problem, "boot_id", |facts| facts.boot_id = false),
    ("proc", Level::Note, "/proc/locks", |facts| facts.proc_locks = false),
    ("processes", Level::Note, "/.dockerenv", |facts| {
        (facts.pid_namespace, facts.container) = (true, Some("/.dockerenv".into()));
    }),
];

#[test]
fn each_fault_of_a_machine_is_found_and_no_other() {
    for (check, level, word, spoil) in CASES {
        let mut facts = good();
        spoil(&mut facts);
        for finding in findings(&facts) {
            if finding.check == check {
                assert_eq!(finding.level, level, "{finding:?}");
                let said = format!("{} {}", finding.found, finding.advice);
                assert!(said.contains(word), "expected {word:?}: {said}");
                assert!(!finding.advice.is_empty() && !finding.expected.is_empty(), "{finding:?}");
            } else if (check, level) != ("file system", Level::Problem) {
                assert_eq!(finding.level, Level::Ok, "{check}: {finding:?}");
            }
        }
    }
}

#[test]
fn a_call_that_an_old_kernel_has_not_is_no_filters_doing() {
    let old =
        Facts { kernel: Some("5.10.0".into()), futex_waitv: Some(Answer::Unknown), seccomp: true, ..good() };
    assert!(findings(&old).iter().all(|finding| finding.level == Level::Ok));
}

#[test]
fn a_limit_of_locked_memory_is_not_roots() {
    let root = Facts { memlock_bytes: Some(0), root: true, ..good() };
    assert!(findings(&root).iter().all(|finding| finding.level == Level::Ok));
}
