//! Runs everything in turns: A B C A B C …, so that whatever slows the machine down for a while slows all of them.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::crew::{Measured, isolated};
use crate::peer::Across;
use crate::plan::Experiment;

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

/// Runs the experiments, one after the other, each in rounds.
pub fn run(experiments: Vec<Experiment>, scale: Scale) -> Vec<Done> {
    let runs =
        |experiment: &Experiment| (scale.rounds * experiment.repeats * experiment.variants.len()) as u64;
    let progress = progress(experiments.iter().map(runs).sum());
    experiments.into_iter().map(|experiment| one(experiment, scale, &progress)).collect()
}

fn one(experiment: Experiment, scale: Scale, progress: &ProgressBar) -> Done {
    let row = |name: &String, across| Row { name: name.clone(), across, rounds: Vec::new(), failed: None };
    let mut rows: Vec<_> =
        experiment.variants.iter().map(|variant| row(&variant.name, variant.across)).collect();
    for _ in 0..scale.rounds * experiment.repeats {
        for (variant, row) in experiment.variants.iter().zip(&mut rows) {
            progress.set_message(format!("{}: {}", experiment.title, variant.name));
            if row.failed.is_none() {
                match isolated(scale.time, &*variant.run) {
                    Ok(measured) => row.rounds.push(measured),
                    Err(error) => row.failed = Some(format!("{error:#}")),
                }
            }
            progress.inc(1);
        }
    }
    Done { experiment, rows }
}

/// A bar on a terminal, nothing elsewhere.
fn progress(runs: u64) -> ProgressBar {
    let target =
        if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} {msg}").expect("a sound template");
    ProgressBar::with_draw_target(Some(runs), target).with_style(style).with_finish(ProgressFinish::AndClear)
}
