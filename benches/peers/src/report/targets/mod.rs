//! What must be shown, and whether it is: one object for each row of the table of targets.

mod must_show;

use serde::Serialize;

use super::stats::Spread;

pub use must_show::all;

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    /// What is measured.
    pub figure: String,
    /// What it came to: the median of its rounds.
    pub value: Option<f64>,
    /// What it should be.
    #[serde(rename = "target")]
    pub bound: String,
    /// Whether it is.
    pub met: bool,
    /// What the machine's own floor came to in Ringway's place, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<Spread>,
    /// Whether that misses the target, too.
    pub floor_misses: bool,
    /// The rounds that it is the median of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
}

/// A bound on a figure.
#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn is_met(self, value: f64) -> bool {
        match self {
            Bound::AtMost(most) => value <= most,
            Bound::AtLeast(least) => value >= least,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, bound) = match self {
            Bound::AtMost(most) => ("≤", most),
            Bound::AtLeast(least) => ("≥", least),
        };
        if bound.fract() == 0.0 && *bound >= 10.0 {
            write!(f, "{sign} {bound}")
        } else {
            write!(f, "{sign} {bound:.2}")
        }
    }
}

impl Target {
    fn new(figure: impl Into<String>, bound: Bound, spread: Option<Spread>) -> Self {
        let value = spread.as_ref().map(|spread| spread.median);
        Self {
            figure: figure.into(),
            value,
            bound: bound.to_string(),
            met: value.is_some_and(|value| bound.is_met(value)),
            floor: None,
            floor_misses: false,
            spread,
        }
    }

    /// With what the floor came to in Ringway's place, in the same rounds.
    fn beside(self, bound: Bound, floor: Option<Spread>) -> Self {
        let floor_misses = floor.as_ref().is_some_and(|floor| !bound.is_met(floor.median));
        Self { floor, floor_misses, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_by_the_median_of_its_rounds() {
        let rounds = |rounds: [f64; 3]| Spread::of(rounds.into());
        let bound = Bound::AtMost(1.1);
        assert!(Target::new("a ratio", bound, rounds([1.0, 1.1, 9.0])).met);
        assert!(!Target::new("a ratio", bound, rounds([1.0, 1.2, 1.3])).met);
        assert!(Target::new("a ratio", Bound::AtLeast(1.1), rounds([1.0, 1.2, 1.3])).met);
        assert!(!Target::new("a ratio", bound, None).met, "nothing was measured");
    }

    #[test]
    fn a_floor_that_misses_is_told() {
        let (bound, floor) = (Bound::AtLeast(1.0), Spread::of(vec![0.9]));
        assert!(Target::new("a ratio", bound, None).beside(bound, floor.clone()).floor_misses);
        let bound = Bound::AtLeast(0.8);
        assert!(!Target::new("a ratio", bound, None).beside(bound, floor).floor_misses);
        assert_eq!(
            (Bound::AtMost(1.1).to_string(), Bound::AtMost(350.0).to_string()),
            ("≤ 1.10".into(), "≤ 350".into())
        );
    }
}
