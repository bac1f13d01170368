//! Medians of rounds, and how far the rounds lie apart.

use serde::Serialize;

use crate::rounds::{Done, Row};

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
}

/// A figure of one experiment's variant by that of another's, round by round.
pub fn ratio(one: &Done, name: &str, other: &Done, to: &str, figure: &str) -> Option<Spread> {
    let (these, those) = (one.row(name)?.figure(figure)?, other.row(to)?.figure(figure)?);
    Spread::of(these.rounds.iter().zip(&those.rounds).map(|(this, that)| this / that).collect())
}
