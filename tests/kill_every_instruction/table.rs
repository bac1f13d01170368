//! All cases, one after the other, and the table of what came of them.

use std::io::{Read, Write, pipe};
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::case::{Case, Tally};
use super::message::Kind;
use super::operation::OPERATIONS;
use super::tracee;
use crate::common::{self, apart};

/// Kills that it takes to be convinced.
const ENOUGH: u64 = 5000;

type Rows = Arc<Mutex<Vec<(Case, Tally)>>>;

pub fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    if let Err(error) = tracee::permitted() {
        println!("skipped: children can't be traced here: {error}");
        return;
    }
    let rows = Rows::default();
    let mut trials = Vec::new();
    for operation in OPERATIONS {
        for kind in [common::Kind::Anonymous, common::Kind::File] {
            for readers in [false, true] {
                let (case, rows) = (Case { operation, kind, readers }, Rows::clone(&rows));
                trials.push(Trial::test(case.to_string(), move || kill(case, &rows)));
            }
        }
    }
    let all = trials.len();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let rows = rows.lock().unwrap();
    if !rows.is_empty() {
        print(&rows);
    }
    let kills: u64 = rows.iter().map(|(_, tally)| tally.killed).sum();
    assert!(rows.len() < all || kills >= ENOUGH, "{kills} kills are too few");
    conclusion.exit();
}

/// Runs a case in a process of its own.
fn kill(case: Case, rows: &Rows) -> Result<(), Failed> {
    let (mut from, mut to) = pipe()?;
    let mut child = apart(move || {
        on_one_processor();
        let Tally { positions, killed, broken } = case.run();
        let words = [positions, killed].into_iter().chain(broken);
        to.write_all(&words.flat_map(u64::to_ne_bytes).collect::<Vec<_>>()).unwrap();
    });
    let status = child.wait()?;
    let mut words = [0; 2 + Kind::ALL.len()];
    for word in &mut words {
        let mut bytes = [0; 8];
        from.read_exact(&mut bytes).map_err(|_| Failed::from(status.to_string()))?;
        *word = u64::from_ne_bytes(bytes);
    }
    let [positions, killed, broken @ ..] = words;
    rows.lock().unwrap().push((case, Tally { positions, killed, broken }));
    if broken != [0; Kind::ALL.len()] {
        return Err(format!("broken promises: {broken:?} of {:?}", Kind::ALL).into());
    }
    if killed != positions {
        return Err(format!("{killed} of {positions} positions reached").into());
    }
    Ok(())
}

/// Tracer and tracee take turns: on one processor, a turn is a mere switch.
fn on_one_processor() {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).unwrap();
    let mut one = CpuSet::new();
    let last = (0..CpuSet::count()).rfind(|&cpu| allowed.is_set(cpu).unwrap());
    one.set(last.expect("a processor")).unwrap();
    sched_setaffinity(this, &one).unwrap();
}

fn print(rows: &[(Case, Tally)]) {
    let mut total = Tally::default();
    let kinds = Kind::ALL.map(|kind| format!("{kind:?}").to_lowercase());
    let header = kinds.iter().map(|kind| format!("{kind:>10}")).collect::<String>();
    println!("{:<52}{:>10}{:>8}{header}", "operation", "positions", "kills");
    for (case, tally) in rows {
        print_row(&case.to_string(), tally);
        total.positions += tally.positions;
        total.killed += tally.killed;
        for (sum, broken) in total.broken.iter_mut().zip(tally.broken) {
            *sum += broken;
        }
    }
    print_row("in all", &total);
    println!("{:.1} % of the positions killed", 100.0 * total.killed as f64 / total.positions as f64);
}

fn print_row(name: &str, Tally { positions, killed, broken }: &Tally) {
    let broken = broken.iter().map(|broken| format!("{broken:>10}")).collect::<String>();
    println!("{name:<52}{positions:>10}{killed:>8}{broken}");
}
