//! Every model, unharmed: it must pass. Run by `cargo loom`.

mod models;

/// Models that would take hours at a bound of more than this. An operation that may die at each of its steps is
/// explored once for each; three threads that sleep and wake have as many ways to meet.
const LONG: (usize, [&str; 5]) =
    (3, ["death_in_join", "death_in_reopening", "death_in_takeover", "death_in_wake", "two_sleepers"]);

/// Each model at the preemption bound of CI, or deeper where `RINGWAY_LOOM_PREEMPTIONS` says so.
macro_rules! models {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let bound = std::env::var("RINGWAY_LOOM_PREEMPTIONS").map_or(2, |text| text.parse().unwrap());
            let bound = if LONG.1.contains(&stringify!($name)) { LONG.0.min(bound) } else { bound };
            let began = std::time::Instant::now();
            let models::Explored { executions, deaths } = models::explore(bound, models::$name);
            let name = stringify!($name);
            // In a line of its own, whatever the test harness has begun to print.
            print!("\nmodel {name}: {executions} executions, {deaths} deaths in {:.1?}, bound {bound}\n", began.elapsed());
            assert!(executions > 1, "a model of one execution explores nothing");
            assert_eq!(deaths > 0, name.starts_with("death_"), "a model of deaths has some, and no other");
        }
    )*};
}

models! {
    consume gate leave leave_unread head batch batch_in_place batch_claimed batch_claimed_staged abandoned close
    peeked peeked_copied
    observe observe_laps observe_waiting observe_batch observe_batch_in_place observe_batch_claimed
    observe_abandoned
    gate_copied gate_copied_long gate_copied_into batch_copied claim_staged batch_staged observe_staged
    join_latest join_oldest join_at rejoin leave_rejoin clone_beside clone_and_leave clone_of_clone
    death_in_publish death_in_publish_observed death_in_publish_joined death_in_claim death_in_claim_observed
    death_in_batch death_in_batch_claim death_in_entering death_in_takeover death_in_reopening
    death_in_advance death_in_batch_advance death_in_join death_in_clone
    wake wake_fenced wake_in_other_mode wake_by_close wake_by_drop wake_by_drop_again wake_by_drop_and_successor two_sleepers
    wake_deferred wake_deferred_fenced wake_elsewhere wake_elsewhere_beside wake_elsewhere_fenced space_deferred
    space space_fenced space_in_other_mode space_again space_left
    space_joined space_joined_fenced space_joined_oldest space_rejoined space_rejoined_oldest space_refused
    stray_cursor
    death_in_wake death_in_deferred_wake death_in_bed
    nap_by_close nap_beside_sleeper
    join_eighths observe_eighths space_quarter space_batch batch_ahead death_in_staged_claim
    consume_line gate_line claim_line observe_line death_in_line_publish
    consume_split gate_split batch_split batch_copied_split claim_split abandoned_split observe_split join_split
    close_split
    succession_split lost_split death_in_split_publish death_in_split_observed death_in_split_batch death_in_split_told
    skip_consumed skip_copied skip_line skip_split skip_gated skip_lap skip_before skip_before_observed
    skip_observed skip_lap_observed skip_laps_observed skip_joined
    death_in_skip death_in_long_skip death_in_skip_observed death_in_short_skip_observed
    passed_over_copying passed_over_and_back passed_over_beside_consumer passed_over_rejoining death_in_passing_over
    best_effort_keeps_up best_effort_rejoins
    death_in_rejoining death_of_best_effort space_best_effort wake_best_effort
    cancel cancel_full cancel_beside_message
    format epoch succession succession_into reopened lost lost_or_closed
}
