//! The report for programs.

use serde_json::{Map, Value, json};

use super::stats::Spread;
use super::targets::Target;
use crate::machine::Machine;
use crate::peers::Crate;
use crate::rounds::{Done, Row};

/// All of it.
pub fn value(
    done: &[Done],
    targets: &[Target],
    instructions: &[(&str, Option<f64>)],
    crates: &[Crate],
    machine: &Machine,
) -> Value {
    let instructions: Map<_, _> =
        instructions.iter().map(|&(name, count)| (name.to_owned(), json!(count))).collect();
    json!({
        "experiments": done.iter().map(experiment).collect::<Vec<_>>(),
        "instructions": instructions,
        "machine": machine,
        "peers": crates,
        "targets": targets,
    })
}

fn experiment(done: &Done) -> Value {
    let experiment = &done.experiment;
    json!({
        "id": experiment.id,
        "title": experiment.title,
        "main": experiment.main,
        "less_is_better": experiment.less,
        "floor": experiment.floor,
        "variants": done.rows.iter().map(|row| variant(done, row)).collect::<Vec<_>>(),
    })
}

fn variant(done: &Done, row: &Row) -> Value {
    let names = row.rounds.first().into_iter().flat_map(|round| round.figures.keys());
    let figures: Map<_, _> = names.map(|name| (name.clone(), json!(row.figure(name)))).collect();
    let to_floor: Option<Spread> = done.experiment.floor.and_then(|floor| done.ratio(&row.name, floor));
    json!({
        "name": row.name,
        "across": row.across,
        "figures": figures,
        "ratio_to_floor": to_floor,
        "failed": row.failed,
    })
}
