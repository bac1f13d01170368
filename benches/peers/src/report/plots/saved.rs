//! A report for programs, as far as plots need it.

use std::collections::BTreeMap;

use ringway_tools::plot::{Head, Kind};
use serde::Deserialize;

use crate::report::stats::RINGWAY;

/// A report.
#[derive(Deserialize)]
pub struct Saved {
    experiments: Vec<Experiment>,
    machine: Machine,
    /// How much was measured. Reports had no such field once.
    #[serde(default)]
    rounds: Option<Rounds>,
}

#[derive(Deserialize)]
struct Machine {
    #[serde(default)]
    kind: String,
    processor: String,
    cores: usize,
}

#[derive(Deserialize)]
struct Rounds {
    number: usize,
    milliseconds: u64,
}

/// An experiment of it.
#[derive(Deserialize)]
pub struct Experiment {
    id: String,
    less_is_better: bool,
    variants: Vec<Variant>,
}

/// A variant of that.
#[derive(Deserialize)]
pub struct Variant {
    name: String,
    across: String,
    figures: BTreeMap<String, Option<Figure>>,
    /// Times in nanoseconds of the middle round, each with the share of all that are no longer.
    #[serde(default)]
    pub cdf: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Figure {
    median: f64,
}

/// A peer's best variant.
pub struct Best<'a> {
    /// The peer's name, as it is drawn.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The variant.
    pub variant: &'a Variant,
    /// Its figure.
    pub figure: f64,
}

impl Saved {
    /// The experiment of that name.
    pub fn experiment(&self, id: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|experiment| experiment.id == id)
    }

    /// The last experiment whose name begins so.
    pub fn last(&self, prefix: &str) -> Option<&Experiment> {
        self.experiments.iter().rfind(|experiment| experiment.id.starts_with(prefix))
    }

    /// A title, above what is worth knowing of all figures.
    pub fn head(&self, title: &str, what: &str) -> Head {
        let Machine { kind, processor, cores } = &self.machine;
        let machine = if kind.is_empty() { format!("{cores}-core {processor}") } else { kind.clone() };
        let rounds = self.rounds.as_ref().map_or(String::new(), |Rounds { number, milliseconds }| {
            format!("; {number} rounds of {milliseconds} ms")
        });
        Head { title: title.to_owned(), note: format!("{machine}{rounds}; {what}") }
    }
}

impl Experiment {
    /// Each peer's best variant by a figure.
    pub fn bests(&self, figure: &str) -> Vec<Best<'_>> {
        let mut bests: Vec<Best<'_>> = Vec::new();
        for variant in &self.variants {
            let Some(figure) = variant.figure(figure).filter(|figure| *figure > 0.0) else { continue };
            let (name, kind) = variant.peer();
            let new = Best { name, kind, variant, figure };
            match bests.iter_mut().find(|best| best.name == new.name) {
                Some(best) if (new.figure < best.figure) == self.less_is_better => *best = new,
                Some(_) => {}
                None => bests.push(new),
            }
        }
        bests
    }
}

impl Variant {
    /// A figure's median, if there is one.
    pub fn figure(&self, name: &str) -> Option<f64> {
        Some(self.figures.get(name)?.as_ref()?.median)
    }

    /// What it is a variant of.
    fn peer(&self) -> (String, Kind) {
        let other = self.name.ends_with(crate::other_build::SUFFIX);
        let name = self.name.trim_end_matches(crate::other_build::SUFFIX);
        if let Some(floor) = name.strip_suffix(" (floor)") {
            return (format!("floor: {}", floor.trim_end_matches(", batches")), Kind::Floor);
        }
        let base = name.split(',').next().unwrap_or(name);
        match (base == RINGWAY, other, self.across.as_str()) {
            (true, false, _) => ("Ringway".into(), Kind::Ours),
            (true, true, _) => ("Ringway, other build".into(), Kind::Peer),
            (_, _, "threads") => (format!("{base} (threads)"), Kind::Peer),
            _ => (base.to_owned(), Kind::Peer),
        }
    }
}
