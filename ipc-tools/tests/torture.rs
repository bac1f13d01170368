//! `ringway torture`: both placements hold, the report says so in numbers, and nothing is left behind.

mod common;

use std::collections::HashMap;
use std::fs::{self, DirEntry, File};
use std::os::fd::AsFd;
use std::path::Path;
use std::thread;

use common::{Run, directory, state, until};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use ringway_file::placement::{Lock, LockTable};
use serde_json::Value;
use testkit::status;

/// What must be 0.
const ERRORS: [&str; 9] = [
    "torn",
    "duplicated",
    "reordered",
    "lost_by_consumers",
    "uncounted_by_observers",
    "uncounted_best_effort",
    "leaked_cells",
    "leaked_files",
    "failures",
];

fn torture(args: &[&str]) -> Run {
    Run::of(env!("CARGO_BIN_EXE_ringway"), [&["torture"], args].concat())
}

/// Reads a report, and checks what every one must hold.
fn sound(stdout: &[u8]) -> Value {
    let report: Value = serde_json::from_slice(stdout).expect("one JSON object");
    for key in ERRORS {
        assert_eq!(report[key], 0, "{key}: {report}");
    }
    for times in ["lock_free_ms", "takeover_ms"] {
        if report[times].is_null() {
            continue;
        }
        let [p50, max] = ["p50", "max"].map(|key| report[times][key].as_f64().expect("a time"));
        assert!(0.0 <= p50 && p50 <= max, "{times}: {report}");
    }
    report
}

/// Runs with `args` to the end.
fn report(args: &[&str]) -> Value {
    let mut run = torture(&[args, &["--json"]].concat());
    run.collect();
    let ended = run.end().with(0);
    assert_eq!(ended.stderr, "", "a pipe gets no progress bar, and nothing went wrong");
    sound(&ended.stdout)
}

#[test]
fn rings_in_both_placements_hold() {
    let dir = directory();
    let path = dir.path().display().to_string();
    for placement in ["anon", "file"] {
        let more: [&[&str]; 2] = [
            &["--seed", "3"],
            &[
                "--slots",
                "2",
                "--slot-size",
                "48",
                "--consumers",
                "1",
                "--observers",
                "0",
                "--best-effort",
                "0",
                "--successors",
                "2",
            ],
        ];
        for more in more {
            let report =
                report(&[&["--placement", placement, "--dir", &path, "--kills", "40"], more].concat());
            assert_eq!(report["kills"], 40, "{report}");
            if report["best_effort"] != 0 {
                assert!(report["read_best_effort"].as_u64().unwrap() > 0, "{report}");
            }
            for key in ["stops", "messages", "takeovers", "seconds"] {
                assert!(report[key].as_f64().unwrap() > 0.0, "{key}: {report}");
            }
            assert_eq!(report["placement"], placement);
        }
        assert_eq!(dir.path().read_dir().unwrap().count(), 0, "files left behind");
    }
}

/// How often each process of a run that plays a producer has gone to sleep by itself.
fn sleeps(director: Pid) -> HashMap<u32, u64> {
    let director = format!("--director\0{director}\0");
    let of = |entry: DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        if !line.contains("--role\0producer\0") || !line.contains(&director) {
            return None;
        }
        Some((pid, status::figure(pid, status::SLEEPS)?))
    };
    fs::read_dir("/proc").unwrap().filter_map(|entry| of(entry.ok()?)).collect()
}

/// Whether the run goes on.
fn runs(director: Pid) -> bool {
    Path::new("/proc").join(director.to_string()).exists()
}

/// Waits until a successor has found the producer's lock held: it looks at the lock before each of its sleeps. False if
/// the run ends before.
fn a_successor_has_looked(director: Pid) -> bool {
    // More sleeps than a program that starts makes before it looks for the first time.
    const SLEEPS: u64 = 50;
    let mut before = HashMap::new();
    while runs(director) {
        if sleeps(director).into_iter().any(|(pid, now)| now >= *before.entry(pid).or_insert(now) + SLEEPS) {
            return true;
        }
        thread::yield_now();
    }
    false
}

/// Runs with another program that takes the producer's lock for reading whenever it is free, and keeps it until a
/// successor has found it held. Returns how often one has.
fn with_another_programs_read_lock(dir: &Path) -> u64 {
    let path = dir.display().to_string();
    let mut run = torture(&["--placement", "file", "--dir", &path, "--kills", "40", "--json"]);
    run.collect();
    let director = run.pid();
    let ring = until("the ring", || {
        let of_this_run = dir.read_dir().unwrap().next()?.unwrap();
        File::open(of_this_run.path().join("ring")).ok()
    });
    let table = LockTable::at(0);
    let (ended, found) = thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut found = 0;
            while runs(director) {
                // Whenever no producer has it.
                if table.try_lock(ring.as_fd(), LockTable::PRODUCER, Lock::Read).unwrap() {
                    found += u64::from(a_successor_has_looked(director));
                    table.unlock(ring.as_fd(), LockTable::PRODUCER).unwrap();
                }
                thread::yield_now();
            }
            found
        });
        (run.end(), other.join().unwrap())
    });
    let ended = ended.with(0);
    assert_eq!(ended.stderr, "");
    sound(&ended.stdout);
    found
}

#[test]
fn another_programs_read_lock_ends_no_successor() {
    let dir = directory();
    // A successor may be faster than this program, each time.
    until("a successor that finds the lock held", || {
        (with_another_programs_read_lock(dir.path()) > 0).then_some(())
    });
}

#[test]
fn without_json_there_is_a_table() {
    let ended = torture(&["--kills", "3", "--seed", "5"]).end().with(0);
    let text = String::from_utf8(ended.stdout).unwrap();
    for words in
        ["anonymous memory; seed 5", "3 processes killed", "lost by consumers ", "free lock to message"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn without_a_takeover_there_is_no_time_of_one() {
    // The one that this plan kills isn't the producer that has the ring.
    let args = ["--kills", "1", "--seed", "1"];
    let report = report(&args);
    assert_eq!(report["takeovers"], 0, "{report}");
    assert!(report["lock_free_ms"].is_null() && report["takeover_ms"].is_null(), "{report}");
    let text = String::from_utf8(torture(&args).end().with(0).stdout).unwrap();
    for name in ["kill to free lock", "free lock to message"] {
        let line = text.lines().find(|line| line.starts_with(name)).expect(name);
        assert_eq!(line.split_whitespace().rev().take(2).collect::<Vec<_>>(), ["none"; 2], "{text}");
    }
    assert!(text.contains("1 process killed"), "{text}");
}

#[test]
fn the_last_takeover_is_counted() {
    // This plan kills the producer that has the ring, and nobody after it.
    assert_eq!(report(&["--kills", "1", "--seed", "3"])["takeovers"], 1);
}

/// The processes that a run has started.
fn children(run: &Run) -> Vec<Pid> {
    let list = format!("/proc/{0}/task/{0}/children", run.pid());
    let list = std::fs::read_to_string(list).unwrap_or_default();
    list.split_whitespace().map(|pid| Pid::from_raw(pid.parse().expect("a number"))).collect()
}

#[test]
fn a_signal_ends_it_early_with_a_report_of_what_was_done() {
    let dir = directory();
    let path = dir.path().display().to_string();
    for placement in ["anon", "file"] {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let mut run =
                torture(&["--placement", placement, "--dir", &path, "--kills", "1000000", "--json"]);
            run.collect();
            until("the processes", || (children(&run).len() > 5).then_some(()));
            run.signal(signal);
            let ended = run.end().with(130).saying(&["stopped by a signal"]);
            let report = sound(&ended.stdout);
            assert_eq!(report["interrupted"], true, "{report}");
            assert_eq!(dir.path().read_dir().unwrap().count(), 0, "files left behind");
        }
    }
}

#[test]
fn no_process_and_no_file_outlives_the_directing_process() {
    let dir = directory();
    let path = dir.path().display().to_string();
    for placement in ["anon", "file"] {
        let run = torture(&["--placement", placement, "--dir", &path, "--kills", "1000000"]);
        let children = until("the processes", || Some(children(&run)).filter(|children| children.len() > 5));
        run.signal(Signal::SIGKILL);
        drop(run);
        for child in children {
            until("a process to end", || matches!(state(child), '?' | 'Z').then_some(()));
        }
        assert_eq!(dir.path().read_dir().unwrap().count(), 0, "files left behind");
    }
}

#[test]
fn what_cannot_be_run_is_refused() {
    for (args, code, word) in [
        (&["--placement", "cloud"][..], 2, "anon"),
        (&["--kills", "0"], 2, "kills"),
        (&["--kills", "many"], 2, "kills"),
        (&["--seed", "x"], 2, "seed"),
        (&["--consumers", "0"], 2, "consumers"),
        (&["--slots", "100"], 1, "power of two"),
        (&["--slot-size", "20"], 1, "--slot-size 20"),
        (&["--placement", "file", "--dir", "/nowhere/at/all"], 1, "/nowhere/at/all"),
    ] {
        torture(args).end().with(code).saying(&[word]);
    }
}
