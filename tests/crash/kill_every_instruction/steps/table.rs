//! All cases, one after the other, and the table of what came of them.

use std::io::{Read, Write, pipe};
use std::sync::{Arc, Mutex};

use super::case::{Case, Choice, Tally};
use super::message::Kind;
use super::operation::OPERATIONS;
use super::tracee;
use ringway::Stride;
use testkit::child::apart;
use testkit::cores;
use testkit::harness::{self, Failed, Trial};

/// Kills that it takes to be convinced.
const ENOUGH: u64 = 5000;

/// Operations that are killed with messages of one length, too.
const FIXED_TOO: [&str; 5] =
    ["publish", "claim_and_commit", "publish_batch", "claim_batch_and_commit", "takeover_after_a_batch"];

type Rows = Arc<Mutex<Vec<(Case, Tally)>>>;

pub fn main() {
    if let Err(error) = tracee::permitted() {
        println!("skipped: children can't be traced here: {error}");
        return;
    }
    let rows = Rows::default();
    let mut trials = Vec::new();
    for operation in OPERATIONS {
        for kind in [testkit::Kind::Anonymous, testkit::Kind::File] {
            for (stride, readers) in
                strides(operation.name).flat_map(|stride| [(stride, false), (stride, true)])
            {
                let (case, rows) = (Case { operation, kind, stride, readers }, Rows::clone(&rows));
                trials.push(Trial::test(case.to_string(), move || kill(case, &rows)));
            }
        }
    }
    let all = trials.len();
    let conclusion = harness::conclude(trials);
    let rows = rows.lock().unwrap();
    if !rows.is_empty() {
        print(&rows);
    }
    let kills: u64 = rows.iter().map(|(_, tally)| tally.killed).sum();
    let few = rows.len() == all && Choice::new() == Choice::All && kills < ENOUGH;
    assert!(!few, "{kills} kills are too few");
    conclusion.exit();
}

/// The strides that an operation is killed with: others than the default where they change what it stores.
fn strides(operation: &str) -> impl Iterator<Item = Stride> {
    let others: &[Stride] = if FIXED_TOO.contains(&operation) { &[Stride::Line, Stride::Split] } else { &[] };
    [Stride::Aligned].into_iter().chain(others.iter().copied())
}

/// Runs a case in a process of its own.
fn kill(case: Case, rows: &Rows) -> Result<(), Failed> {
    let (mut from, mut to) = pipe()?;
    let mut child = apart(move || {
        on_one_processor();
        let Tally { positions, chosen, killed, broken } = case.run(Choice::new());
        let words = [positions, chosen, killed].into_iter().chain(broken);
        to.write_all(&words.flat_map(u64::to_ne_bytes).collect::<Vec<_>>()).unwrap();
    });
    let status = child.wait()?;
    let mut words = [0; 3 + Kind::ALL.len()];
    for word in &mut words {
        let mut bytes = [0; 8];
        from.read_exact(&mut bytes).map_err(|_| Failed::from(status.to_string()))?;
        *word = u64::from_ne_bytes(bytes);
    }
    let [positions, chosen, killed, broken @ ..] = words;
    rows.lock().unwrap().push((case, Tally { positions, chosen, killed, broken }));
    if broken != [0; Kind::ALL.len()] {
        return Err(format!("broken promises: {broken:?} of {:?}", Kind::ALL).into());
    }
    if killed != chosen {
        return Err(format!("{killed} of {chosen} positions reached").into());
    }
    Ok(())
}

/// Tracer and tracee take turns: on one processor, a turn is a mere switch.
fn on_one_processor() {
    let last = cores::usable().unwrap().pop();
    cores::bind(last.expect("a processor")).unwrap();
}

fn print(rows: &[(Case, Tally)]) {
    let mut total = Tally::default();
    let kinds = Kind::ALL.map(|kind| format!("{kind:?}").to_lowercase());
    let header = kinds.iter().map(|kind| format!("{kind:>11}")).collect::<String>();
    println!("{:<52}{:>10}{:>8}{header}", "operation", "positions", "kills");
    for (case, tally) in rows {
        print_row(&case.to_string(), tally);
        total.positions += tally.positions;
        total.chosen += tally.chosen;
        total.killed += tally.killed;
        for (sum, broken) in total.broken.iter_mut().zip(tally.broken) {
            *sum += broken;
        }
    }
    print_row("in all", &total);
    let Tally { positions, chosen, killed, .. } = total;
    println!("positions killed / positions: {killed} / {positions} = {:.2} %", percent(killed, positions));
    if chosen < positions {
        println!("Long operations were sampled. RINGWAY_KILLS=all, or --release, kills at every position.");
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole as f64
}

fn print_row(name: &str, Tally { positions, killed, broken, .. }: &Tally) {
    let broken = broken.iter().map(|broken| format!("{broken:>11}")).collect::<String>();
    println!("{name:<52}{positions:>10}{killed:>8}{broken}");
}
