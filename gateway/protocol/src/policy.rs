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
    /// The name in options and files.
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

/// A promise, and the tests that show it.
#[derive(Debug, Serialize)]
pub struct Guarantee {
    /// For which policies it holds.
    #[serde(skip)]
    pub policies: &'static [Policy],
    /// The sentence.
    pub sentence: &'static str,
    /// The tests: those of `link` and `keeper` run real gateways over TCP.
    pub tests: &'static [&'static str],
}

use Policy::{History, Lossy, Reliable};

/// All guarantees: `status` prints them, and docs/guide/gateway.md has the same table.
pub const GUARANTEES: &[Guarantee] = &[
    Guarantee {
        policies: &[Reliable, History, Lossy],
        sentence: "The mirror has each message at most once, in order, under the sequence that the source gave it: the \
                   sink continues at the mirror's own head, which is stored with the data.",
        tests: &[
            "simulation::a_mirror_never_differs_from_its_source",
            "link::reliable::with_a_keeper_the_mirror_equals_its_source_through_kills_stops_cuts_and_successions",
        ],
    },
    Guarantee {
        policies: &[Reliable, History, Lossy],
        sentence: "What the mirror lacks is skipped there, and its readers are told how many: received + lost == head - \
                   start.",
        tests: &[
            "simulation::what_is_received_and_skipped_adds_up",
            "link::overrun::under_history_received_and_lost_add_up_when_the_ring_is_overrun",
            "link::overrun::under_lossy_received_and_lost_add_up_when_the_ring_is_overrun",
        ],
    },
    Guarantee {
        policies: &[Reliable],
        sentence: "Nothing is lost while the source's gateway runs, whatever happens to the link and to the sinks: a slot \
                   is released only after every known sink has acked it.",
        tests: &[
            "simulation::reliable_loses_nothing_over_a_link_that_loses_and_repeats",
            "link::source::a_silent_link_lets_the_mirrors_producer_go_and_nothing_is_lost",
            "link::source::what_is_left_of_a_source_made_anew_is_sent_before_the_new_one",
            "link::hosts::nothing_is_lost_between_two_hosts_over_a_link_with_delay_that_breaks",
        ],
    },
    Guarantee {
        policies: &[Reliable],
        sentence: "Nothing is lost when the source's gateway is killed and started again while `status` calls it covered, if \
                   the producer requires readers and has no other consumer: half a lap before the slowest ack is held, \
                   and a new consumer gets half a lap.",
        tests: &[
            "simulation::reliable_survives_a_source_that_is_killed",
            "link::reliable::a_producer_that_requires_readers_loses_nothing_when_a_covered_source_is_killed",
        ],
    },
    Guarantee {
        policies: &[Reliable],
        sentence: "With --keeper nothing is lost when the source's gateway is killed and started again, whatever the \
                   producer requires: its parent holds the ring meanwhile.",
        tests: &[
            "keeper::a_killed_gateway_of_a_keeper_loses_nothing",
            "link::two_sinks::a_source_that_is_killed_while_one_of_its_sinks_is_away_keeps_all_for_it",
            "link::reliable::with_a_keeper_the_mirror_equals_its_source_through_kills_stops_cuts_and_successions",
        ],
    },
    Guarantee {
        policies: &[Reliable],
        sentence: "A slow or absent sink stops the producer. The producer gets at most one lap ahead of the slowest ack; half a \
                   lap once half a lap before that ack is held. Neither gateway keeps more than its window and its bounded queues.",
        tests: &[
            "simulation::a_slow_sink_stops_the_producer_of_a_reliable_ring",
            "link::slow::a_slow_remote_consumer_stops_the_producer_of_a_reliable_ring_and_memory_stays_bounded",
        ],
    },
    Guarantee {
        policies: &[History],
        sentence: "What the link loses is sent again while the source's ring keeps it; the producer waits for the sending \
                   of its messages, never for a sink.",
        tests: &[
            "simulation::history_repairs_what_the_ring_keeps",
            "link::overrun::under_history_a_producer_that_never_pauses_doesnt_starve_the_mirror",
        ],
    },
    Guarantee {
        policies: &[Lossy],
        sentence: "The producer never waits for the gateway.",
        tests: &[
            "pace::tests::lossy_never_waits",
            "link::overrun::under_lossy_received_and_lost_add_up_when_the_ring_is_overrun",
        ],
    },
    Guarantee {
        policies: &[Reliable, History],
        sentence: "Applications get messages at least once: one that is killed with a message in hand starts again at its own \
                   cursor, and gets it once more while the mirror keeps it; what is gone is an error.",
        tests: &["link::applications::one_that_is_killed_with_a_message_in_hand_gets_it_again"],
    },
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_guide_has_each_guarantee() {
        let guide = include_str!("../../../docs/guide/gateway.md");
        let quoted =
            |words: Vec<&str>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let lists = guide.split_whitespace().collect::<Vec<_>>().join(" ");
        for (number, Guarantee { policies, sentence, tests }) in (1..).zip(GUARANTEES) {
            let names = quoted(policies.iter().map(|policy| policy.name()).collect());
            let row = format!("| {number} | {names} | {sentence} |\n");
            assert!(guide.contains(&row), "expected in docs/guide/gateway.md: {row}");
            let tested = format!(" {number}. {}", quoted(tests.to_vec()));
            assert!(lists.contains(&tested), "expected in docs/guide/gateway.md:{tested}");
        }
    }

    #[test]
    fn each_test_of_a_guarantee_is_there() {
        let gateway = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for test in GUARANTEES.iter().flat_map(|guarantee| guarantee.tests) {
            let parts: Vec<&str> = test.split("::").collect();
            let (mut file, name) = match parts[..] {
                ["link", module, name] => (format!("tests/link/{module}.rs"), name),
                ["keeper", name] => ("tests/keeper.rs".into(), name),
                ["simulation", name] => ("src/simulation/mod.rs".into(), name),
                [module, "tests", name] => (format!("protocol/src/{module}/tests.rs"), name),
                _ => panic!("where is {test}?"),
            };
            if !gateway.join(&file).exists() {
                // The tests of a module that is a folder.
                file = file.replace(".rs", "/tests.rs");
            }
            let source = fs::read_to_string(gateway.join(&file)).unwrap();
            let is_test = source.split("#[test]").skip(1).any(|after| {
                let first = after.split_once("fn ").map(|(_, rest)| rest);
                first.and_then(|rest| rest.split_once('(')).is_some_and(|(found, _)| found == name)
            });
            assert!(is_test, "{test}: no such test in {file}");
        }
    }

    #[test]
    fn each_policy_has_guarantees() {
        for policy in [Reliable, History, Lossy] {
            assert!(policy.guarantees().count() >= 3, "{}", policy.name());
        }
    }
}
