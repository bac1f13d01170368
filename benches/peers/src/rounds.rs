//! Runs everything in turns: A B C A B C …, so that whatever slows the machine down for a while slows all of them.

use std::time::Duration;

use crate::crew::{Measured, isolated};
use crate::peer::Across;
use crate::plan::Experiment;
use crate::progress::Progress;

/// What an experiment came to.
pub struct Done {
    /// What it was.
    pub experiment: Experiment,
    /// Its variants, in order.
    pub rows: Vec<Row>,
}

/// What a variant came to.
pub struct Row {
    /// As it is printed.
    pub name: String,
    /// Between what.
    pub across: Across,
    /// Its figures, one set for each round.
    pub rounds: Vec<Measured>,
    /// Why a round has none; the others weren't tried then.
    pub failed: Option<String>,
}

/// How long all takes.
#[derive(Clone, Copy)]
pub struct Scale {
    /// Rounds, in each of which each variant runs.
    pub rounds: usize,
    /// For how long each run measures.
    pub time: Duration,
}

/// What a run takes besides measuring: processes, a ring, and whatever ends them.
const AROUND: Duration = Duration::from_millis(60);

/// How many runs the experiments take, and about how long.
pub fn length(experiments: &[Experiment], scale: Scale) -> (u64, Duration) {
    let runs =
        |experiment: &Experiment| (scale.rounds * experiment.repeats * experiment.variants.len()) as u64;
    let runs = experiments.iter().map(runs).sum();
    (runs, (scale.time + AROUND) * runs as u32)
}

/// Runs the experiments, one after the other, each in rounds. A run is a step.
pub fn run(experiments: Vec<Experiment>, scale: Scale, progress: &mut Progress) -> Vec<Done> {
    experiments.into_iter().map(|experiment| one(experiment, scale, progress)).collect()
}

fn one(experiment: Experiment, scale: Scale, progress: &mut Progress) -> Done {
    let row = |name: &String, across| Row { name: name.clone(), across, rounds: Vec::new(), failed: None };
    let mut rows: Vec<_> =
        experiment.variants.iter().map(|variant| row(&variant.name, variant.across)).collect();
    for _ in 0..scale.rounds * experiment.repeats {
        for (variant, row) in experiment.variants.iter().zip(&mut rows) {
            progress.say(&experiment.title, &variant.name);
            if row.failed.is_none() {
                match isolated(scale.time, &*variant.run) {
                    Ok(measured) => row.rounds.push(measured),
                    Err(error) => row.failed = Some(format!("{error:#}")),
                }
            }
            progress.step();
        }
    }
    Done { experiment, rows }
}
