//! The files of `ipc-core` that hold the protocol, and what shows what they do.

/// A file of the protocol.
#[derive(Debug)]
pub struct File {
    /// Its name with its folder, without the extension.
    pub name: &'static str,
    /// The models that concern it, and that take seconds: those that take half a minute show a part each of what these
    /// show of the same file.
    pub models: &'static str,
}

/// The role handles (`producer`, `consumer`, `observer`) aren't among them: they delegate to these.
pub const FILES: [File; 35] = [
    File {
        name: "protocol/scan",
        models: "gate leave leave_unread gate_copied gate_copied_into join_latest join_oldest join_at join_eighths \
            rejoin leave_rejoin clone_beside clone_and_leave space space_again space_left space_quarter space_batch space_rejoined \
            death_in_advance",
    },
    File { name: "protocol/blocked", models: "gate leave_unread" },
    File {
        name: "protocol/passing_over",
        models: "passed_over_copying passed_over_and_back passed_over_beside_consumer passed_over_rejoining \
            death_in_passing_over",
    },
    File { name: "protocol/patience", models: "passed_over_copying passed_over_and_back" },
    File {
        name: "protocol/stamp",
        models: "consume consume_line batch batch_in_place abandoned observe observe_line observe_abandoned \
            observe_staged claim_staged batch_staged observe_split death_in_split_observed",
    },
    File {
        name: "protocol/void",
        models: "skip_consumed skip_copied skip_line skip_split skip_lap skip_before skip_before_observed skip_observed",
    },
    File { name: "roles/skip_to", models: "skip_consumed skip_gated skip_lap skip_joined skip_before" },
    File {
        name: "roles/found",
        models: "consume gate gate_copied batch_copied_split consume_split gate_split batch_split peeked skip_consumed \
            skip_copied skip_split skip_lap",
    },
    File {
        name: "protocol/why_empty",
        models: "close epoch succession reopened lost lost_or_closed observe_waiting wake_by_close wake_by_drop \
            wake_by_drop_again wake_by_drop_and_successor close_split lost_split succession_split \
            death_in_split_told",
    },
    File {
        name: "protocol/join",
        models: "join_latest join_oldest join_at join_eighths rejoin leave_rejoin clone_beside best_effort_rejoins death_in_rejoining leave leave_unread space_joined \
            space_joined_fenced space_joined_oldest space_rejoined space_rejoined_oldest space_refused",
    },
    File {
        name: "protocol/takeover",
        models: "death_in_publish death_in_publish_observed death_in_publish_joined death_in_claim death_in_batch \
            death_in_staged_claim death_in_line_publish death_in_split_publish death_in_split_observed \
            death_in_split_batch death_in_split_told",
    },
    File {
        name: "roles/cursor",
        models: "consume gate peeked gate_copied gate_copied_long gate_copied_into batch batch_copied batch_ahead \
            space space_fenced stray_cursor death_in_advance death_in_batch_advance consume_line consume_split \
            gate_line gate_split batch_split batch_copied_split death_in_split_told",
    },
    File {
        name: "roles/recv_batch",
        models: "batch batch_in_place batch_copied batch_ahead batch_staged death_in_batch_advance space_batch \
            batch_split batch_copied_split",
    },
    File {
        name: "protocol/space_bell",
        models: "space space_fenced space_in_other_mode space_again space_left space_quarter space_batch \
            space_joined space_joined_fenced space_joined_oldest space_rejoined space_refused stray_cursor",
    },
    File { name: "memory/cancel_word", models: "cancel cancel_full cancel_beside_message" },
    File {
        name: "protocol/doorbell",
        models: "wake wake_fenced wake_in_other_mode wake_by_close wake_by_drop wake_by_drop_again \
            wake_by_drop_and_successor two_sleepers nap_by_close nap_beside_sleeper death_in_bed space_in_other_mode \
            wake_deferred wake_deferred_fenced wake_elsewhere wake_elsewhere_fenced space_deferred",
    },
    File {
        name: "roles/publish_batch",
        models: "head batch batch_in_place batch_staged space_batch observe_staged death_in_batch batch_split \
            batch_copied_split death_in_split_batch",
    },
    File {
        name: "roles/publish_run",
        models: "head batch batch_in_place batch_staged space_batch observe_staged death_in_batch batch_split \
            batch_copied_split death_in_split_batch",
    },
    File {
        name: "roles/batch_claim",
        models: "batch_claimed batch_claimed_staged observe_batch_claimed death_in_batch_claim claim_line \
            claim_split",
    },
    File {
        name: "roles/message_claim",
        models: "batch_claimed batch_claimed_staged observe_batch_claimed death_in_batch_claim claim_line \
            claim_split",
    },
    File {
        name: "roles/claim",
        models: "abandoned claim_staged observe_abandoned observe_staged death_in_claim death_in_staged_claim \
            abandoned_split",
    },
    File { name: "protocol/producer_page", models: "epoch head close succession reopened death_in_entering" },
    File { name: "protocol/freeze", models: "observe observe_line observe_split epoch head" },
    File { name: "format/seq", models: "consume gate batch join_oldest observe" },
    File {
        name: "roles/ending",
        models: "close reopened lost lost_or_closed wake_by_close wake_by_drop wake_by_drop_and_successor",
    },
    File {
        name: "roles/full_wait",
        models: "space space_fenced space_in_other_mode space_again space_left space_quarter space_batch \
            space_joined space_joined_fenced space_joined_oldest space_rejoined space_refused stray_cursor",
    },
    File { name: "roles/peek", models: "peeked peeked_copied" },
    File { name: "roles/peek_over", models: "peeked peeked_copied" },
    File {
        name: "roles/attempt",
        models: "observe observe_laps observe_batch_claimed observe_abandoned observe_staged observe_waiting",
    },
    File {
        name: "roles/copier",
        models: "observe observe_laps observe_batch_claimed observe_abandoned observe_staged observe_waiting \
            best_effort_keeps_up wake_best_effort",
    },
    File {
        name: "roles/best_effort/lapped",
        models: "best_effort_keeps_up best_effort_rejoins death_in_rejoining death_of_best_effort space_best_effort \
            wake_best_effort",
    },
    File {
        name: "roles/waiting",
        models: "wake wake_fenced wake_by_close wake_by_drop two_sleepers lost stray_cursor",
    },
    File { name: "roles/wake_mode", models: "wake_in_other_mode space_in_other_mode" },
    File {
        name: "memory/fences",
        models: "wake wake_fenced wake_in_other_mode space space_fenced space_in_other_mode",
    },
    File { name: "memory/sleep_slices", models: "wake nap_by_close space" },
];

impl File {
    /// Its name without its folder: no two files have the same.
    pub fn stem(&self) -> &'static str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }
}

/// The file of this name, with its folder or without.
pub fn file(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name || file.stem() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_that_is_named_is_there() {
        let models = include_str!("../../ipc-core/tests/loom_models.rs");
        for file in &FILES {
            for name in file.models.split_whitespace() {
                assert!(models.split_whitespace().any(|word| word == name), "{}: no model {name}", file.name);
            }
        }
    }
}
