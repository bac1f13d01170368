//! The files of `ipc-core` that hold the protocol, and what shows what they do.

/// A file of the protocol.
#[derive(Debug)]
pub struct File {
    /// Its name, without the extension.
    pub name: &'static str,
    /// The models that concern it, and that take seconds: those that take half a minute show a part each of what these
    /// show of the same file.
    pub models: &'static str,
}

/// The role handles (`producer`, `consumer`, `observer`) aren't among them: they delegate to these.
pub const FILES: [File; 15] = [
    File {
        name: "gate",
        models: "gate leave leave_unread gate_copied gate_copied_into join_latest join_oldest join_at join_eighths \
            rejoin leave_rejoin space space_again space_left space_quarter space_batch space_rejoined \
            death_in_advance",
    },
    File {
        name: "slot",
        models: "consume batch batch_in_place abandoned observe observe_abandoned observe_staged claim_staged \
            batch_staged",
    },
    File {
        name: "watch",
        models: "close epoch succession reopened lost lost_or_closed observe_waiting wake_by_close wake_by_drop \
            wake_by_drop_again wake_by_drop_and_successor",
    },
    File {
        name: "join",
        models: "join_latest join_oldest join_at join_eighths rejoin leave_rejoin leave leave_unread space_joined \
            space_joined_fenced space_joined_oldest space_rejoined space_rejoined_oldest space_refused",
    },
    File {
        name: "resume",
        models: "death_in_publish death_in_publish_observed death_in_publish_joined death_in_claim death_in_batch \
            death_in_staged_claim",
    },
    File {
        name: "cursor",
        models: "consume gate gate_copied gate_copied_into batch batch_copied batch_ahead space space_fenced \
            stray_cursor death_in_advance death_in_batch_advance",
    },
    File {
        name: "batch",
        models: "batch batch_in_place batch_copied batch_ahead batch_staged death_in_batch_advance space_batch",
    },
    File {
        name: "space",
        models: "space space_fenced space_in_other_mode space_again space_left space_quarter space_batch \
            space_joined space_joined_fenced space_joined_oldest space_rejoined space_refused stray_cursor",
    },
    File {
        name: "bell",
        models: "wake wake_fenced wake_in_other_mode wake_by_close wake_by_drop wake_by_drop_again \
            wake_by_drop_and_successor two_sleepers nap_by_close nap_beside_sleeper death_in_bed space_in_other_mode",
    },
    File {
        name: "run",
        models: "head batch batch_in_place batch_staged space_batch observe_staged death_in_batch",
    },
    File {
        name: "claim",
        models: "abandoned claim_staged observe_abandoned observe_staged death_in_claim death_in_staged_claim",
    },
    File { name: "page", models: "epoch head close succession reopened death_in_entering" },
    File { name: "seq", models: "consume gate batch join_oldest observe" },
    File {
        name: "end",
        models: "close reopened lost lost_or_closed wake_by_close wake_by_drop wake_by_drop_and_successor",
    },
    File { name: "slice", models: "wake nap_by_close space" },
];

/// The file of this name.
pub fn file(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
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
