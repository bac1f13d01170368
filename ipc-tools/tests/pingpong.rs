//! `ipc-pingpong`: every message verified, both placements, nothing left behind.

mod common;

use common::{Run, directory, state, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn pingpong(args: &[&str]) -> Run {
    Run::of(env!("CARGO_BIN_EXE_ipc-pingpong"), args)
}

/// Runs with `args`, checks what every report must hold, and returns it.
fn report(args: &[&str]) -> Value {
    let ended = pingpong(&[args, &["--json"]].concat()).end().with(0);
    assert_eq!(ended.stderr, "", "a pipe gets no progress bar");
    let report: Value = serde_json::from_slice(&ended.stdout).expect("one JSON object");
    assert_eq!(report["verified"], report["iterations"], "{report}");
    for times in ["rtt_ns", "floor_ns", "rotating_floor_ns"] {
        let ordered: Vec<u64> = ["min", "p50", "p90", "p99", "p99_9", "max"]
            .map(|key| report[times][key].as_u64().unwrap_or_else(|| panic!("{times}.{key}: {report}")))
            .into();
        assert!(ordered.is_sorted() && ordered[0] > 0, "{report}");
        assert!(report[times]["mean"].as_f64().unwrap() > 0.0, "{report}");
    }
    for key in ["ratio_p50", "ratio_p50_rotating", "timer_ns"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{key}: {report}");
    }
    for (ratio, floor) in [("ratio_p50", "floor_ns"), ("ratio_p50_rotating", "rotating_floor_ns")] {
        let p50 = |times: &str| report[times]["p50"].as_f64().unwrap();
        let expected = p50("rtt_ns") / p50(floor);
        assert!((report[ratio].as_f64().unwrap() - expected).abs() < 1e-9, "{ratio}: {report}");
    }
    // A ring takes a new line for each message, and so does the floor: over 16 lines at least.
    let slots = report["slots"].as_u64().unwrap();
    assert_eq!(report["rotating_floor_pairs"], slots.max(16), "{report}");
    report
}

#[test]
fn every_message_is_verified_in_both_placements() {
    let dir = directory();
    let path = dir.path().display().to_string();
    for placement in ["anon", "file"] {
        for (size, slots, stride, wait) in [
            ("48", "64", "aligned", "spin"),
            ("0", "2", "packed", "yield"),
            ("4097B", "8", "packed", "adaptive"),
            ("48", "64", "aligned", "park:20us"),
        ] {
            let report = report(&[
                "--placement",
                placement,
                "--dir",
                &path,
                "--iterations",
                "4321",
                "--size",
                size,
                "--slots",
                slots,
                "--stride",
                stride,
                "--wait",
                wait,
            ]);
            assert_eq!(
                (&report["placement"], &report["stride"]),
                (&placement.into(), &stride.into()),
                "{report}"
            );
            assert_eq!(
                (&report["iterations"], &report["slots"]),
                (&4321.into(), &slots.parse::<u64>().unwrap().into())
            );
            // Spinning is only done where there are two cores.
            assert!(report["wait"] == wait || report["cpus"].is_null(), "{report}");
            assert_eq!(dir.path().read_dir().unwrap().count(), 0, "files left behind");
        }
    }
}

#[test]
fn the_table_says_what_was_verified() {
    let table = String::from_utf8(pingpong(&["--iterations", "1000"]).end().with(0).stdout).unwrap();
    for words in
        ["1000 round trips, 1000 verified", "p99.9", "128 rotating bare lines", "two bare lines", "ratio"]
    {
        assert!(table.contains(words), "{words:?}: {table}");
    }
}

#[test]
fn a_plot_and_a_table_of_percentiles_show_ring_and_floors() {
    let dir = directory();
    let file = |name: &str| dir.path().join(name).display().to_string();
    let (svg, csv) = (file("trips.svg"), file("trips.csv"));
    pingpong(&["--iterations", "4000", "--svg", &svg, "--csv", &csv]).end().with(0);

    let drawing = std::fs::read_to_string(svg).unwrap();
    let drawing = roxmltree::Document::parse(&drawing).expect("XML");
    let texts: Vec<_> =
        drawing.descendants().filter(|node| node.is_text()).filter_map(|node| node.text()).collect();
    for start in ["Ringway: ", "floor, two lines: ", "floor, rotating lines: ", "round trip, nanoseconds"] {
        let named = texts.iter().filter(|text| text.trim().starts_with(start)).count();
        assert_eq!(named, 1, "{start:?}: {texts:?}");
    }

    let table = std::fs::read_to_string(csv).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("percentile_percent,ring_ns,rotating_floor_ns,two_line_floor_ns"));
    let numbers = |line: &str| line.split(',').map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>();
    let rows: Vec<_> = lines.map(numbers).collect();
    assert_eq!(rows.len(), 47, "{table}");
    assert_eq!((rows[0][0], rows[46][0]), (0.0, 100.0), "{table}");
    for column in 0..4 {
        assert!(rows.is_sorted_by(|one, next| one[column] <= next[column]), "column {column}: {table}");
    }

    pingpong(&["--iterations", "10", "--svg", "/nowhere/at/all.svg"])
        .end()
        .with(1)
        .saying(&["/nowhere/at/all"]);
}

/// A run far too long to end by itself, once its other process is there.
fn endless(placement: &str, dir: &str) -> (Run, Pid) {
    let run = pingpong(&["--placement", placement, "--dir", dir, "--iterations", "1000000000000"]);
    let children = format!("/proc/{0}/task/{0}/children", run.pid());
    let child = until("the second process", || {
        std::fs::read_to_string(&children).ok()?.split_whitespace().next()?.parse().ok()
    });
    (run, Pid::from_raw(child))
}

#[test]
fn a_signal_leaves_no_file_and_no_process() {
    let dir = directory();
    for placement in ["anon", "file"] {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let (run, child) = endless(placement, &dir.path().display().to_string());
            run.signal(signal);
            run.end().with(130).saying(&["stopped by a signal"]);
            assert!(matches!(state(child), '?' | 'Z'), "the second process is still there");
            assert_eq!(dir.path().read_dir().unwrap().count(), 0, "files left behind");
        }
    }
}

#[test]
fn a_dead_partner_ends_the_other_process() {
    let dir = directory();
    for placement in ["anon", "file"] {
        let (run, child) = endless(placement, &dir.path().display().to_string());
        kill(child, Signal::SIGKILL).unwrap();
        run.end().with(1).saying(&["the echoing process", "SIGKILL"]);
        assert_eq!(dir.path().read_dir().unwrap().count(), 0, "files left behind");

        let (run, child) = endless(placement, &dir.path().display().to_string());
        run.signal(Signal::SIGKILL);
        drop(run);
        until("the second process to end", || matches!(state(child), '?' | 'Z').then_some(()));
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    pingpong(&["--placement", "file", "--dir", "/nowhere/at/all"]).end().with(1).saying(&["/nowhere/at/all"]);
}

fn bench(args: &[&str]) -> Run {
    Run::of(env!("CARGO_BIN_EXE_ringway"), [&["bench"], args].concat())
}

#[test]
fn bench_has_a_floor_beside_each_figure() {
    let ended = bench(&["--seconds", "1", "--json"]).end().with(0);
    assert_eq!(ended.stderr, "", "a pipe gets no progress bar");
    let report: Value = serde_json::from_slice(&ended.stdout).expect("one JSON object");
    let cases = report["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 7, "{report}");
    for case in cases {
        for key in ["ring", "floor", "ratio", "ratio_min", "ratio_max"] {
            assert!(case[key].as_f64().unwrap() > 0.0, "{key}: {case}");
        }
        assert!(["ns", "messages/s"].contains(&case["unit"].as_str().unwrap()), "{case}");
    }
    assert_eq!(report["cpus"].is_null(), report["cores"].is_null(), "{report}");
    bench(&["--seconds", "61"]).end().with(2).saying(&["61"]);
}

#[test]
fn bench_on_one_core_says_what_that_means() {
    let set = ["-c", "0", env!("CARGO_BIN_EXE_ringway"), "bench", "--seconds", "1"];
    let ended = Run::of("taskset", set).end().with(0);
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(text.contains("only one core may be used"), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_signal_ends_bench_and_its_other_process() {
    let run = bench(&["--seconds", "60"]);
    let children = format!("/proc/{0}/task/{0}/children", run.pid());
    until("the second process", || {
        std::fs::read_to_string(&children).ok()?.split_whitespace().next().map(drop)
    });
    run.signal(Signal::SIGINT);
    let ended = run.end().with(130).saying(&["stopped by a signal"]);
    assert!(ended.stdout.is_empty());
}
