//! Delivery policies, and what each of them guarantees.

use serde::{Deserialize, Serialize};

/// How a ring is mirrored: the source's choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Slots are released on ack: backpressure reaches the producer.
    #[default]
    Reliable,
    /// Slots are released on send; what the link loses is repaired while the ring keeps it.
    History,
    /// Nothing holds the producer back, and nothing is repaired.
    Lossy,
}

impl Policy {
    /// Its name, as options and files have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reliable => "reliable",
            Self::History => "history",
            Self::Lossy => "lossy",
        }
    }

    /// The policy of this name.
    ///
    /// # Examples
    /// ```
    /// use ringway_gateway_protocol::policy::Policy;
    ///
    /// assert_eq!(Policy::named("history"), Some(Policy::History));
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        [Self::Reliable, Self::History, Self::Lossy].into_iter().find(|policy| policy.name() == name)
    }

    /// Whether sinks ask again for what is missing.
    pub fn repairs(self) -> bool {
        self != Self::Lossy
    }

    /// Whether the source has a consumer, which holds the producer back.
    pub fn holds_producer(self) -> bool {
        self != Self::Lossy
    }

    /// What it guarantees.
    pub fn guarantees(self) -> impl Iterator<Item = &'static Guarantee> {
        GUARANTEES.iter().filter(move |guarantee| guarantee.policies.contains(&self))
    }
}

/// A sentence that holds, and the test that shows it.
#[derive(Debug, Serialize)]
pub struct Guarantee {
    /// For which policies it holds.
    #[serde(skip)]
    pub policies: &'static [Policy],
    /// The sentence.
    pub sentence: &'static str,
    /// The test.
    pub test: &'static str,
}

use Policy::{History, Lossy, Reliable};

/// All guarantees: `status` prints them, and docs/guide/gateway.md has the same table.
pub const GUARANTEES: &[Guarantee] = &[
    Guarantee {
        policies: &[Reliable, History, Lossy],
        sentence: "The mirror has each message at most once, in order, under the sequence that the source gave it: the \
                   sink continues at the mirror's own head, which is stored with the data.",
        test: "simulation::a_mirror_never_differs_from_its_source",
    },
    Guarantee {
        policies: &[Reliable, History, Lossy],
        sentence: "What the mirror lacks is skipped there, and its readers are told how many: received + lost == head - \
                   start.",
        test: "simulation::what_is_received_and_skipped_adds_up",
    },
    Guarantee {
        policies: &[Reliable],
        sentence: "Nothing is lost while the source's gateway runs, whatever happens to the link and to the sinks: a slot \
                   is released once every sink has it.",
        test: "simulation::reliable_loses_nothing_over_a_link_that_loses_and_repeats",
    },
    Guarantee {
        policies: &[Reliable],
        sentence: "Nothing is lost when the source's gateway is killed and started again while `status` calls it covered, if \
                   the producer requires readers and has no other consumer: half a lap before the slowest ack is held, \
                   and a new consumer gets half a lap.",
        test: "simulation::reliable_survives_a_source_that_is_killed",
    },
    Guarantee {
        policies: &[Reliable],
        sentence: "With --keeper nothing is lost when the source's gateway is killed and started again, whatever the \
                   producer requires: its parent holds the ring meanwhile.",
        test: "keeper::a_killed_gateway_of_a_keeper_loses_nothing",
    },
    Guarantee {
        policies: &[Reliable],
        sentence: "A slow or absent sink stops the producer, within half of the ring's slots beyond its ack, and neither \
                   gateway keeps more than its window and its bounded queues.",
        test: "simulation::a_slow_sink_stops_the_producer_of_a_reliable_ring",
    },
    Guarantee {
        policies: &[History],
        sentence: "What the link loses is sent again while the source's ring keeps it; the producer waits for the sending \
                   of its messages, never for a sink.",
        test: "simulation::history_repairs_what_the_ring_keeps",
    },
    Guarantee {
        policies: &[Lossy],
        sentence: "The producer never waits for the gateway.",
        test: "pace::tests::lossy_never_waits",
    },
    Guarantee {
        policies: &[Reliable, History],
        sentence: "Applications get messages at least once: one that restarts decides by its own cursor where it goes on.",
        test: "docs/guide/gateway.md",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_each_guarantee() {
        let guide = include_str!("../../../docs/guide/gateway.md");
        for Guarantee { policies, sentence, test } in GUARANTEES {
            let names: Vec<_> = policies.iter().map(|policy| format!("`{}`", policy.name())).collect();
            let row = format!("| {} | {sentence} | `{test}` |", names.join(", "));
            assert!(guide.contains(&row), "expected in docs/guide/gateway.md: {row}");
        }
    }

    #[test]
    fn each_policy_has_guarantees() {
        for policy in [Reliable, History, Lossy] {
            assert!(policy.guarantees().count() >= 3, "{}", policy.name());
        }
    }
}
