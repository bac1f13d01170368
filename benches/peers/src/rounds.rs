//! Runs everything in turns: A B C A B C …, so that whatever slows the machine down for a while slows all of them.
//!
//! Between two runs the cores' placement is looked at. A run during which it changed is discarded, and made again. If
//! it has changed for good, so that a run is steady but not in the placement of those before it, the experiment begins
//! again. Both are done a few times at most; after that the figures are told to be of several placements.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ringway_tools::floor::placement::same;

use crate::crew::{Measured, isolated};
use crate::other_build;
use crate::peer::Across;
use crate::placement::{Placement, Watch};
use crate::plan::{Experiment, Variant};
use crate::progress::Progress;
use crate::report::stats::Spread;

/// What an experiment came to.
pub struct Done {
    /// What it was.
    pub experiment: Experiment,
    /// Its variants, in order.
    pub rows: Vec<Row>,
    /// Where the cores were.
    pub placement: Placement,
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

/// What a run takes besides measuring: processes, a ring, whatever ends them, and a look at the cores' placement.
const AROUND: Duration = Duration::from_millis(60);
/// How often a run is made again, at most.
const AGAIN: u64 = 3;
/// How often an experiment is begun again, at most.
const BEGIN_AGAIN: u64 = 2;

/// How many runs the experiments take, and about how long.
pub fn length(experiments: &[Experiment], scale: Scale) -> (u64, Duration) {
    let runs = experiments.iter().map(|experiment| runs(experiment, scale)).sum();
    (runs, (scale.time + AROUND) * runs as u32)
}

fn runs(experiment: &Experiment, scale: Scale) -> u64 {
    (scale.rounds * experiment.repeats * experiment.variants.len()) as u64
}

/// What runs go by.
pub struct Rounds<'a> {
    /// How long all takes.
    pub scale: Scale,
    /// Where the cores are.
    pub watch: Watch,
    /// What is shown of it meanwhile.
    pub progress: &'a mut Progress,
}

/// An experiment so far.
struct Half {
    rows: Vec<Row>,
    /// Bare round trips before the first run and after each that counts.
    looks: Vec<f64>,
    discarded: u64,
    steady: bool,
}

impl Rounds<'_> {
    /// Runs the experiments, one after the other, each in rounds. A run is a step.
    pub fn run(&mut self, experiments: Vec<Experiment>) -> anyhow::Result<Vec<Done>> {
        experiments.into_iter().map(|experiment| self.one(experiment)).collect()
    }

    fn one(&mut self, experiment: Experiment) -> anyhow::Result<Done> {
        let (mut discarded, mut begun_again) = (0, 0);
        loop {
            let last_time = begun_again == BEGIN_AGAIN;
            let before = self.progress.done();
            let half = self.all_rounds(&experiment, last_time)?;
            discarded += half.discarded;
            if !half.steady && !last_time {
                // These count no more, and are to be done once more.
                let thrown = self.progress.done() - before;
                self.progress.more(thrown);
                discarded += half.rows.iter().map(|row| row.rounds.len() as u64).sum::<u64>();
                begun_again += 1;
                continue;
            }
            let round_trip_ns = Spread::of(half.looks).expect("a look before the first run");
            let (kind, one) = (self.watch.kind(), half.steady);
            let placement = Placement { kind, round_trip_ns, discarded, begun_again, one };
            return Ok(Done { experiment, rows: half.rows, placement });
        }
    }

    /// All rounds, or those before the cores were moved for good unless that is to be borne.
    fn all_rounds(&mut self, experiment: &Experiment, bear: bool) -> anyhow::Result<Half> {
        let row = |variant: &Variant| {
            let (name, across) = (variant.name.clone(), variant.across);
            Row { name, across, rounds: Vec::new(), failed: None }
        };
        let first = self.watch.last();
        let rows = experiment.variants.iter().map(row).collect();
        let mut half = Half { rows, looks: vec![first], discarded: 0, steady: true };
        for _ in 0..self.scale.rounds * experiment.repeats {
            for (index, variant) in experiment.variants.iter().enumerate() {
                self.progress.say(&experiment.title, &variant.name);
                if half.rows[index].failed.is_none() {
                    let measured = self.steadily(experiment, variant, &mut half)?;
                    let row = &mut half.rows[index];
                    match measured {
                        Ok(measured) => row.rounds.push(measured),
                        Err(error) => row.failed = Some(format!("{error:#}")),
                    }
                    half.looks.push(self.watch.last());
                    half.steady &= same(first, self.watch.last());
                }
                self.progress.step();
                if !half.steady && !bear {
                    return Ok(half);
                }
            }
        }
        Ok(half)
    }

    /// A run during which the cores stay where they are, if there is one.
    fn steadily(
        &mut self,
        experiment: &Experiment,
        variant: &Variant,
        half: &mut Half,
    ) -> anyhow::Result<anyhow::Result<Measured>> {
        let mut again = 0;
        loop {
            let measured = match &variant.other_build {
                None => isolated(self.scale.time, &*variant.run),
                Some(other) => other_build::run(other, &experiment.id, self.scale.time),
            };
            if self.watch.is_still()? || variant.across == Across::Nothing {
                return Ok(measured);
            }
            if again == AGAIN {
                half.steady = false;
                return Ok(measured);
            }
            again += 1;
            half.discarded += 1;
            self.progress.more(1);
            self.progress.step();
        }
    }
}

/// The same experiments, with Ringway's variants a second time, as another program built from this package runs them.
pub fn beside(experiments: &mut [Experiment], program: &Path) -> anyhow::Result<()> {
    other_build::check(program)?;
    for experiment in experiments {
        let ours = std::mem::take(&mut experiment.variants);
        for variant in ours {
            let other = other_build::can_run(&experiment.id, &variant)
                .then(|| variant.in_other_build(PathBuf::from(program)));
            experiment.variants.push(variant);
            experiment.variants.extend(other);
        }
    }
    Ok(())
}
