//! The report for programs.

use serde_json::{Map, Value, json};

use super::stats::Spread;
use super::targets::Target;
use crate::machine::Machine;
use crate::peer::Across;
use crate::peers::Crate;
use crate::placement::{Placement, Watch};
use crate::rounds::{Done, Row, Scale};

/// All of it.
pub fn value(
    done: &[Done],
    targets: &[Target],
    instructions: &[(&str, Option<f64>)],
    crates: &[Crate],
    machine: &Machine,
    watch: &Watch,
    scale: Scale,
) -> Value {
    let instructions: Map<_, _> =
        instructions.iter().map(|&(name, count)| (name.to_owned(), json!(count))).collect();
    json!({
        "experiments": done.iter().map(experiment).collect::<Vec<_>>(),
        "instructions": instructions,
        "machine": machine,
        "placement": watch,
        "rounds": { "number": scale.rounds, "milliseconds": scale.time.as_millis() as u64 },
        "one_placement": Placement::is_one_of_all(done),
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
        "floor": experiment.floors.first().map(|floor| floor.single),
        "floors": experiment.floors.iter().map(|floor| json!({
            "ratio": floor.heading, "single": floor.single, "batches": floor.batched,
        })).collect::<Vec<_>>(),
        "best_peers": { "single": best_peers(done, false), "batches": best_peers(done, true) },
        "placement": done.placement,
        "variants": done.rows.iter().map(|row| variant(done, row)).collect::<Vec<_>>(),
    })
}

fn best_peers(done: &Done, batched: bool) -> Value {
    let best = |across| done.best_peer(across, batched).map(|row| row.name.as_str());
    json!({ "process": best(Across::Processes), "thread": best(Across::Threads) })
}

fn variant(done: &Done, row: &Row) -> Value {
    let names = row.rounds.first().into_iter().flat_map(|round| round.figures.keys());
    let figures: Map<_, _> = names.map(|name| (name.clone(), json!(row.figure(name)))).collect();
    let to_floors = done
        .experiment
        .floors
        .iter()
        .map(|floor| done.ratio(&row.name, if row.is_batched() { floor.batched } else { floor.single }));
    let to_floors: Vec<Option<Spread>> = to_floors.collect();
    json!({
        "name": row.name,
        "across": row.across,
        "figures": figures,
        "cdf": middle(row),
        "batches": row.is_batched(),
        "ratio_to_floor": to_floors.first().cloned().flatten(),
        "ratio_to_floors": to_floors,
        "ratio_to_best_process": done.to_best_peer(row, Across::Processes),
        "ratio_to_best_thread": done.to_best_peer(row, Across::Threads),
        "failed": row.failed,
    })
}

/// The distribution of round trips in the round whose median is the middle one.
fn middle(row: &Row) -> &[(f64, f64)] {
    let mut rounds: Vec<_> = row.rounds.iter().filter(|round| !round.cdf.is_empty()).collect();
    rounds.sort_by(|one, other| one.figures["p50 ns"].total_cmp(&other.figures["p50 ns"]));
    rounds.get(rounds.len() / 2).map_or(&[], |round| &round.cdf)
}
