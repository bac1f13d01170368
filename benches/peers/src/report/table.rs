//! The table on the terminal.

use std::fmt::Write;

use super::targets::Target;
use crate::machine::Machine;
use crate::peers::Crate;
use crate::rounds::{Done, Row};

/// All of it, as text.
pub fn text(done: &[Done], targets: &[Target], crates: &[Crate], machine: &Machine) -> String {
    let mut text = String::new();
    done.iter().for_each(|done| experiment(&mut text, done));
    let _ = writeln!(text, "peers");
    for Crate { name, built, note } in crates {
        let note = if *built { (*note).to_owned() } else { format!("left out: not built here ({note})") };
        let _ = writeln!(text, "  {name:<34}{note}");
    }
    let _ = writeln!(text, "\n{:<74}{:>10}{:>12}", "targets", "value", "target");
    for target in targets {
        let value = target.value.map_or("-".into(), number);
        let verdict = match (target.value, target.met) {
            (None, _) => target.why.unwrap_or("not measured").to_owned(),
            (_, true) => "met".to_owned(),
            (_, false) => missed(target),
        };
        let _ = writeln!(text, "  {:<72}{value:>10}{:>12}  {verdict}", target.figure, target.target);
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
            "A floor is what the bare machine, without a protocol, came to in Ringway's place, in the same rounds."
        );
    }
    text
}

/// That a target was missed, and what tells whether the machine is why: its rounds, and what its floor came to in them.
fn missed(target: &Target) -> String {
    let rounds = target.spread.as_ref().filter(|spread| spread.rounds.len() > 1);
    let rounds = rounds
        .map_or(String::new(), |spread| format!(", rounds {} .. {}", number(spread.min), number(spread.max)));
    let floor = target.floor.map_or(String::new(), |floor| {
        let beyond = if target.floor_misses { ", which misses the target, too" } else { "" };
        format!("; the floor: {}{beyond}", number(floor))
    });
    format!("missed{rounds}{floor}")
}

fn experiment(text: &mut String, done: &Done) {
    let experiment = &done.experiment;
    let _ = write!(text, "{:<62}{:>18}{:>21}", experiment.title, experiment.main, "min .. max");
    if experiment.floor.is_some() {
        let _ = write!(text, "{:>9}", "÷ floor");
    }
    experiment.beside.iter().for_each(|name| {
        let _ = write!(text, "{name:>18}");
    });
    let _ = writeln!(text, "  between");
    done.rows.iter().for_each(|row| line(text, done, row));
    text.push('\n');
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
    if let Some(floor) = experiment.floor {
        let ratio = done.ratio(&row.name, floor).map_or("-".into(), |ratio| format!("{:.2}", ratio.median));
        let _ = write!(text, "{ratio:>9}");
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
