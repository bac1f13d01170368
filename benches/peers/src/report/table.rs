//! The table on the terminal.

use std::fmt::Write;

use super::stats::Spread;
use super::targets::Target;
use crate::machine::Machine;
use crate::peer::Across;
use crate::peers::Crate;
use crate::rounds::{Done, Row};

/// What is said of a target without a value: its experiments weren't run, failed, or lie in two placements.
const NOT_MEASURED: &str = "-";

/// All of it, as text.
pub fn text(done: &[Done], targets: &[Target], crates: &[Crate], machine: &Machine) -> String {
    let mut text = String::new();
    done.iter().for_each(|done| experiment(&mut text, done));
    let _ = writeln!(text, "peers");
    for Crate { name, built, note } in crates {
        let note = if *built { (*note).to_owned() } else { format!("left out: not built here ({note})") };
        let _ = writeln!(text, "  {name:<34}{note}");
    }
    let _ = writeln!(
        text,
        "\n{:<82}{:>10}{:>10}{:>20}  {:<9}{:>8}",
        "targets", "bound", "median", "least .. greatest", "", "floor"
    );
    for target in targets {
        let Target { figure, bound, .. } = target;
        let median = target.value.map_or("-".into(), number);
        let spread = target.spread.as_ref().filter(|spread| spread.rounds.len() > 1);
        let spread =
            spread.map_or("-".into(), |spread| format!("{} .. {}", number(spread.min), number(spread.max)));
        let verdict = match (target.value, target.met) {
            (None, _) => NOT_MEASURED,
            (_, true) => "met",
            (_, false) => "missed",
        };
        let _ = write!(text, "  {figure:<80}{bound:>10}{median:>10}{spread:>20}  {verdict:<9}");
        let floor = target.floor.as_ref().map_or("".into(), |floor| number(floor.median));
        let beyond = if target.floor_misses { "  the floor misses it, too" } else { "" };
        let _ = writeln!(text, "{floor:>8}{beyond}");
    }
    if targets.iter().any(|target| target.value.is_some() && !target.met) {
        let busy = if machine.was_busy() {
            "; it had something else to do: measure again when it is idle"
        } else {
            ""
        };
        let _ = writeln!(text, "\nmissed on: {machine}{busy}");
        let _ = writeln!(
            text,
            "The floor is what the machine without a protocol came to in Ringway's place, in the same rounds."
        );
    }
    text
}

fn experiment(text: &mut String, done: &Done) {
    let experiment = &done.experiment;
    let _ = write!(text, "{:<62}{:>18}{:>21}", experiment.title, experiment.main, "min .. max");
    experiment.floors.iter().for_each(|floor| {
        let _ = write!(text, "{:>16}", floor.heading);
    });
    for (_, heading) in compared(done) {
        let _ = write!(text, "{heading:>16}");
    }
    experiment.beside.iter().for_each(|name| {
        let _ = write!(text, "{name:>18}");
    });
    let _ = writeln!(text, "  between");
    done.rows.iter().for_each(|row| line(text, done, row));
    best_peers(text, done);
    let _ = writeln!(text, "  {}\n", done.placement);
}

/// What the best peers are that the columns of ratios compare with.
fn best_peers(text: &mut String, done: &Done) {
    let main = done.experiment.main;
    for batched in [false, true] {
        for (across, name) in KINDS {
            let Some(best) = done.best_peer(across, batched) else { continue };
            let figure = best.figure(main).map_or("-".into(), |figure| number(figure.median));
            let how = match done.rows.iter().any(Row::is_batched) {
                true if batched => " in batches",
                true => " one by one",
                false => "",
            };
            let _ = writeln!(text, "  best {name} peer{how}: {}, {figure} {main}", best.name);
        }
    }
}

/// Between what peers are, with which rows are compared.
const KINDS: [(Across, &str); 2] = [(Across::Processes, "process"), (Across::Threads, "thread")];

/// The columns of ratios to peers: those that there are peers for.
fn compared(done: &Done) -> Vec<(Across, String)> {
    let any = |across| done.rows.iter().any(|row| row.is_peer() && row.across == across);
    let columns = KINDS.iter().filter(|(across, _)| any(*across));
    columns.map(|&(across, name)| (across, format!("÷ best {name}"))).collect()
}

fn line(text: &mut String, done: &Done, row: &Row) {
    let experiment = &done.experiment;
    let _ = write!(text, "  {:<60}", row.name);
    if let Some(why) = &row.failed {
        let _ = writeln!(text, "  failed: {why}");
        return;
    }
    let Some(main) = row.figure(experiment.main) else {
        let _ = writeln!(text, "  nothing measured");
        return;
    };
    let spread = format!("{} .. {}", number(main.min), number(main.max));
    let _ = write!(text, "{:>18}{spread:>21}", number(main.median));
    let told = |ratio: Option<Spread>| ratio.map_or("-".into(), |ratio| format!("{:.2}", ratio.median));
    for floor in &experiment.floors {
        let floor = if row.is_batched() { floor.batched } else { floor.single };
        let _ = write!(text, "{:>16}", told(done.ratio(&row.name, floor)));
    }
    for (across, _) in compared(done) {
        let ratio = told(done.to_best_peer(row, across));
        let _ = write!(text, "{ratio:>16}");
    }
    for name in experiment.beside {
        let figure = row.figure(name).map_or("-".into(), |figure| number(figure.median));
        let _ = write!(text, "{figure:>18}");
    }
    let _ = writeln!(text, "  {}", row.across.name());
}

/// With about three digits that tell something.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size < 0.01 => format!("{value:.1e}"),
        _ => format!("{value:.2}"),
    }
}
