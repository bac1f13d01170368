//! `ringway doctor`: what it says of the machine that the tests run on, and of places where no ring works.

mod common;

use common::{Ended, Run};
use serde_json::Value;
use testkit::denial::deny_membarrier;
use testkit::harness::run_alone;
use testkit::named;

fn main() {
    run_alone(named![
        the_exit_status_says_whether_the_machine_is_fit,
        a_place_where_rings_do_not_work_is_a_problem,
        a_filter_that_denies_membarrier_is_noticed,
        the_report_fits_the_terminal,
    ]);
}

fn doctor(args: &[&str]) -> Ended {
    Run::of(env!("CARGO_BIN_EXE_ringway"), [&["doctor"], args].concat()).end()
}

fn report(ended: &Ended) -> Value {
    serde_json::from_slice(&ended.stdout).expect("doctor writes JSON")
}

fn finding<'r>(report: &'r Value, check: &str) -> &'r Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["check"] == check).expect(check)
}

fn the_exit_status_says_whether_the_machine_is_fit() {
    let ended = doctor(&["--json"]);
    let report = report(&ended);
    let problems =
        report["findings"].as_array().unwrap().iter().filter(|finding| finding["level"] == "problem");
    let fit = problems.count() == 0;
    assert_eq!(report["fit"], fit);
    ended.with(i32::from(!fit));
    // The tests of this crate make rings here.
    assert_ne!(finding(&report, "file system")["level"], "problem", "{report}");
    assert_eq!(report["facts"]["place"]["filesystem"], "tmpfs");
}

fn a_place_where_rings_do_not_work_is_a_problem() {
    let ended = doctor(&["/proc", "--json"]).with(1).saying(&["rings won't work on /proc"]);
    let report_of_proc = report(&ended);
    assert_eq!(finding(&report_of_proc, "file system")["level"], "problem");
    let ended = doctor(&["/nowhere/at/all", "--json"]).with(1);
    let found = report(&ended);
    assert!(finding(&found, "file system")["found"].as_str().unwrap().contains("no such file"), "{found}");
    doctor(&["/dev/shm", "/tmp"]).with(2);
}

fn a_filter_that_denies_membarrier_is_noticed() {
    deny_membarrier();
    let ended = doctor(&["--json"]);
    let found = report(&ended);
    let membarrier = finding(&found, "membarrier");
    assert_eq!(membarrier["level"], "warning", "{membarrier}");
    assert!(membarrier["found"].as_str().unwrap().contains("denied"), "{membarrier}");
    assert_eq!(found["facts"]["seccomp"], true);
}

fn the_report_fits_the_terminal() {
    let text = String::from_utf8(doctor(&["/"]).stdout).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for word in ["kernel", "membarrier", "cores", "warnings"] {
        assert!(text.contains(word), "{text}");
    }
}
