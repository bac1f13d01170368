//! All cases, and the table of what came of them.

use std::sync::{Arc, Mutex};

use super::case::{Case, Choice, Tally};
use super::crew::Crew;
use super::message::Kind;
use super::operation::OPERATIONS;
use super::tracee;
use ringway::Stride;
use testkit::harness::{self, Failed, Trial};

/// Kills that it takes to be convinced.
const ENOUGH: u64 = 5000;

/// Operations that are killed with messages of one length, too.
const FIXED_TOO: [&str; 6] = [
    "publish",
    "claim_and_commit",
    "publish_batch",
    "claim_batch_and_commit",
    "skip",
    "takeover_after_a_batch",
];

type Rows = Arc<Mutex<Vec<(Case, Tally)>>>;

pub fn main() {
    if let Err(error) = tracee::permitted() {
        println!("skipped: children can't be traced here: {error}");
        return;
    }
    let mut cases = Vec::new();
    for operation in OPERATIONS {
        for kind in [testkit::Kind::Anonymous, testkit::Kind::File] {
            for (stride, readers) in
                strides(operation.name).flat_map(|stride| [(stride, false), (stride, true)])
            {
                if readers && !operation.goes_beside_readers() {
                    continue;
                }
                cases.push(Case { operation, kind, stride, readers });
            }
        }
    }
    // With arguments, only some of them are asked for.
    let ahead = if std::env::args().len() > 1 { Vec::new() } else { cases.clone() };
    let (crew, rows) = (Arc::new(Mutex::new(Crew::new(ahead))), Rows::default());
    let trial = |case: Case| {
        let (crew, rows) = (Arc::clone(&crew), Rows::clone(&rows));
        Trial::test(case.to_string(), move || kill(case, &crew, &rows))
    };
    let trials = cases.iter().copied().map(trial).collect::<Vec<_>>();
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

/// Runs a case, and keeps what came of it.
fn kill(case: Case, crew: &Mutex<Crew>, rows: &Rows) -> Result<(), Failed> {
    let tally = crew.lock().unwrap().run(case)?;
    let Tally { chosen, killed, broken, .. } = tally;
    rows.lock().unwrap().push((case, tally));
    if broken != [0; Kind::ALL.len()] {
        return Err(format!("broken promises: {broken:?} of {:?}", Kind::ALL).into());
    }
    if killed != chosen {
        return Err(format!("{killed} of {chosen} positions reached").into());
    }
    Ok(())
}

fn print(rows: &[(Case, Tally)]) {
    let mut total = Tally::default();
    let kinds = Kind::ALL.map(|kind| format!("{kind:?}").to_lowercase());
    let header = kinds.iter().map(|kind| format!("{kind:>11}")).collect::<String>();
    println!("{:<52}{:>10}{:>7}{:>8}{header}", "operation", "positions", "apart", "kills");
    for (case, tally) in rows {
        print_row(&case.to_string(), tally);
        total.positions += tally.positions;
        total.apart += tally.apart;
        total.chosen += tally.chosen;
        total.killed += tally.killed;
        for (sum, broken) in total.broken.iter_mut().zip(tally.broken) {
            *sum += broken;
        }
    }
    print_row("in all", &total);
    let Tally { positions, apart, chosen, killed, .. } = total;
    println!("positions killed / positions: {killed} / {positions} = {:.2} %", percent(killed, positions));
    println!("positions that others can tell from the one before: {apart}, killed at each");
    if chosen < positions {
        println!(
            "Of the rest, long operations were sampled. RINGWAY_KILLS=all, or --release, kills there, too."
        );
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole as f64
}

fn print_row(name: &str, Tally { positions, apart, killed, broken, .. }: &Tally) {
    let broken = broken.iter().map(|broken| format!("{broken:>11}")).collect::<String>();
    println!("{name:<52}{positions:>10}{apart:>7}{killed:>8}{broken}");
}
