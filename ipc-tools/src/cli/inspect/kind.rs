//! Which readers may be passed over.

use ringway::Attached;
use serde::Serialize;

/// What an attached reader is to the producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The producer waits for it.
    Consumer,
    /// The producer passes it over once its patience has run out.
    BestEffort,
}

impl Kind {
    pub(crate) fn of(reader: &Attached) -> Self {
        if reader.is_best_effort { Kind::BestEffort } else { Kind::Consumer }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Consumer => "consumer",
            Kind::BestEffort => "best-effort",
        }
    }

    /// Whether a reader that lags so far on a ring of so many slots was passed over.
    pub(crate) fn is_passed_over(self, lag: u64, slots: u64) -> bool {
        self == Kind::BestEffort && lag > slots
    }
}

/// What a best-effort reader lost, by its own word: `992 (3 times)`.
pub(crate) fn loss(lost: u64, times: u64) -> String {
    if lost == 0 { "0".into() } else { format!("{lost} ({})", crate::units::counted(times, "time")) }
}
