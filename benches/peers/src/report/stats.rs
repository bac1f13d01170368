//! Medians of rounds, how far the rounds lie apart, and which row is the best of some.

use serde::Serialize;

use crate::peer::Across;
use crate::rounds::{Done, Row};

/// What the names of Ringway's own variants begin with.
pub const RINGWAY: &str = "ringway";

/// A figure's rounds, and what they come to.
#[derive(Clone, Debug, Serialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// All of them, in order.
    pub rounds: Vec<f64>,
}

impl Spread {
    /// Of some rounds, if there are any.
    pub fn of(rounds: Vec<f64>) -> Option<Self> {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 };
        Some(Self { median, min, max, rounds })
    }
}

impl Row {
    /// Whether it is the machine's own, without a ring.
    pub fn is_floor(&self) -> bool {
        self.name.ends_with("(floor)")
    }

    /// Whether it is another library's, or the kernel's.
    pub fn is_peer(&self) -> bool {
        !self.name.starts_with(RINGWAY) && !self.is_floor()
    }

    /// Whether messages go several at once.
    pub fn is_batched(&self) -> bool {
        self.name.contains(", batches")
    }

    /// A figure in all rounds, if no round failed.
    pub fn figure(&self, name: &str) -> Option<Spread> {
        if self.failed.is_some() {
            return None;
        }
        let rounds: Option<Vec<_>> =
            self.rounds.iter().map(|round| round.figures.get(name).copied()).collect();
        Spread::of(rounds?)
    }
}

impl Done {
    /// A variant's row.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// A variant's main figure by another's, round by round.
    pub fn ratio(&self, name: &str, to: &str) -> Option<Spread> {
        ratio(self, name, self, to, self.experiment.main)
    }

    /// The best of some variants, by its median.
    pub fn best(&self, wanted: impl Fn(&Row) -> bool) -> Option<&Row> {
        let rows = self.rows.iter().filter(|row| wanted(row));
        let figures = rows.filter_map(|row| Some((row, row.figure(self.experiment.main)?.median)));
        let better = |one: &(&Row, f64), other: &(&Row, f64)| {
            if self.experiment.less { one.1.total_cmp(&other.1) } else { other.1.total_cmp(&one.1) }
        };
        Some(figures.min_by(better)?.0)
    }

    /// The best peer of those between processes, or threads, which pass messages in batches, or one by one.
    pub fn best_peer(&self, across: Across, batched: bool) -> Option<&Row> {
        self.best(|row| row.is_peer() && row.across == across && row.is_batched() == batched)
    }

    /// A row by the best peer of those between processes, or threads, which pass messages as it does.
    pub fn to_best_peer(&self, row: &Row, across: Across) -> Option<Spread> {
        self.ratio(&row.name, &self.best_peer(across, row.is_batched())?.name)
    }
}

/// A figure of one experiment's variant by that of another's, round by round; nothing if these are two
/// experiments, made in two placements.
pub fn ratio(one: &Done, name: &str, other: &Done, to: &str, figure: &str) -> Option<Spread> {
    if !std::ptr::eq(one, other) && !one.placement.is_that_of(&other.placement) {
        return None;
    }
    let (these, those) = (one.row(name)?.figure(figure)?, other.row(to)?.figure(figure)?);
    Spread::of(these.rounds.iter().zip(&those.rounds).map(|(this, that)| this / that).collect())
}
