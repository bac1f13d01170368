//! Every seeded fault: some model must reject it. Run by `cargo loom`.

mod models;

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use ringway_core::edge::Edge;
use ringway_core::fault::{Fault, with_fault};

thread_local! {
    /// Whether this thread's next panic is the one that is hoped for.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs the models that should notice `fault`, and fails if one of them doesn't.
fn caught(fault: Fault, suspects: &[(&str, fn())]) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !EXPECTED.get() {
                loud(info);
            }
        }));
    });
    let mut by = Vec::new();
    for (name, model) in suspects {
        EXPECTED.set(true);
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            with_fault(fault, || models::explore(2, *model));
        }));
        EXPECTED.set(false);
        let Err(panic) = outcome else { panic!("model {name} passes with fault {fault:?}") };
        let found = panic
            .downcast_ref::<String>()
            .map_or_else(|| panic.downcast_ref::<&str>().copied().unwrap_or_default(), String::as_str);
        // A model that is too large, or stuck, has found nothing.
        assert!(!found.contains("maximum number of branches") && !found.contains("deadlock"), "{found}");
        let found = found.lines().find(|line| !line.trim().is_empty()).unwrap_or("a wrong value");
        by.push(format!("{name} ({})", found.trim()));
    }
    // In a line of its own, whatever the test harness has begun to print.
    print!("\nfault {fault:?}: caught by {}\n", by.join(", "));
}

macro_rules! faults {
    ($($test:ident: $fault:expr => $($model:ident)+;)*) => {
        const SEEDED: &[Fault] = &[$($fault),*];
        $(
        #[test]
        fn $test() {
            caught($fault, &[$((stringify!($model), models::$model)),+]);
        }
    )*};
}

#[test]
fn every_edge_has_a_seeded_fault() {
    for &edge in Edge::ALL {
        assert!(SEEDED.contains(&Fault::Weak(edge)), "no model is shown to need {edge:?}");
    }
}

#[test]
fn every_fault_is_seeded() {
    let source = include_str!("../src/ordering/fault.rs");
    let (_, variants) = source.split_once("pub enum Fault {").expect("the faults");
    let (variants, _) = variants.split_once("\n}").expect("their end");
    let names = variants.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.is_empty());
    for name in names.map(|line| line.split(['(', ',']).next().unwrap_or(line)) {
        let seeded = SEEDED.iter().map(|fault| format!("{fault:?}"));
        let mut seeded = seeded.map(|fault| fault.split('(').next().map(str::to_string));
        assert!(seeded.any(|fault| fault.as_deref() == Some(name)), "no model is shown to catch {name}");
    }
}

faults! {
    without_the_fence_after_the_odd_stamp: Fault::Weak(Edge::W1) => observe observe_batch_in_place observe_line observe_split;
    with_a_relaxed_commit: Fault::Weak(Edge::W2) => consume consume_line batch batch_in_place observe batch_copied claim_staged batch_staged batch_ahead;
    with_a_relaxed_head: Fault::Weak(Edge::W3) => head consume_split batch_split;
    without_the_fence_after_the_stamp: Fault::Weak(Edge::R1) => consume consume_line observe observe_laps batch_copied batch_ahead;
    without_the_fence_before_the_recheck: Fault::Weak(Edge::R2) => observe observe_line observe_split;
    without_the_fence_after_head: Fault::Weak(Edge::H1) => head consume_split batch_split batch_copied_split skip_before skip_before_observed;
    with_a_relaxed_cursor: Fault::Weak(Edge::C1) => gate gate_line gate_split peeked batch batch_in_place gate_copied gate_copied_long gate_copied_into batch_copied;
    with_a_relaxed_leave: Fault::Weak(Edge::L1) => leave;
    without_the_fence_after_the_cells: Fault::Weak(Edge::G2) => gate leave gate_copied gate_copied_long gate_copied_into batch_copied;
    without_the_scans_fence: Fault::Weak(Edge::G1) => join_latest space space_quarter space_batch skip_lap_observed skip_laps_observed;
    without_the_joiners_fence: Fault::Weak(Edge::J1) => join_latest best_effort_rejoins;
    with_a_relaxed_close: Fault::Weak(Edge::X1) => close close_split;
    with_a_relaxed_epoch: Fault::Weak(Edge::E1) => epoch succession_split death_in_split_told;
    without_the_fence_after_the_epoch: Fault::Weak(Edge::E2) => epoch close close_split succession_split death_in_split_told;
    with_a_relaxed_magic_number: Fault::Weak(Edge::F1) => format;
    without_the_fence_after_the_magic_number: Fault::Weak(Edge::F2) => format;
    with_a_release_store_for_the_odd_stamps_fence: Fault::OddStampByReleaseStore => observe;
    with_an_acquire_load_for_the_rechecks_fence: Fault::RecheckByAcquireLoad => observe;
    without_the_recheck: Fault::NoRecheck => observe observe_line passed_over_copying;
    with_the_even_stamps_of_a_batch_claim_before_its_commit: Fault::StampBeforeCommit => batch_claimed claim_line batch_claimed_staged death_in_batch_claim;
    resuming_at_the_mark_of_a_batch_claim: Fault::MarkAsEnd => observe_batch_claimed;
    with_the_even_stamp_before_the_payload: Fault::StampBeforePayload => consume consume_line observe claim_staged batch_staged observe_staged;
    telling_of_the_cell_after_the_joiners_fence: Fault::HintAfterFence => join_latest join_oldest;
    reading_how_many_cells_there_are_before_the_scans_fence: Fault::HintBeforeFence => join_oldest;
    joining_without_the_second_read: Fault::JoinWithoutSecondRead => join_latest best_effort_rejoins;
    joining_with_a_provisional_cursor_at_head: Fault::OldestProvisionalAtHead => join_oldest;
    joining_a_whole_lap_back: Fault::OldestAWholeLapBack => join_oldest join_eighths;
    without_the_half_lap_cap: Fault::NoCap => join_oldest join_eighths skip_joined best_effort_rejoins;
    with_head_stored_after_the_scan: Fault::HeadAfterRescan => join_oldest;
    rejoining_in_the_same_incarnation: Fault::RejoinAsBefore => best_effort_rejoins;
    with_a_relaxed_provisional_cursor: Fault::Weak(Edge::J2) => leave_rejoin;
    lost_without_a_second_look: Fault::LostWithoutRecheck => lost lost_or_closed lost_split;
    a_new_epoch_without_a_second_look: Fault::EpochWithoutRecheck => succession_into succession_split death_in_split_told;
    with_head_stored_after_the_epoch: Fault::HeadAfterEpoch => death_in_split_told;
    with_head_stored_before_the_payload: Fault::HeadBeforePayload => consume_split;
    retiring_by_a_store: Fault::RetireByStore => rejoin;
    retiring_by_a_word_read_too_late: Fault::WordAfterLock => rejoin;
    passing_over_a_consumer: Fault::ConsumerPassedOver => passed_over_beside_consumer;
    passing_over_by_a_store: Fault::PassedOverByStore => passed_over_rejoining;
    counting_a_passed_over_reader_from_afar: Fault::ReadmittedFromAfar => passed_over_copying passed_over_and_back;
    never_counting_a_passed_over_reader: Fault::NeverReadmitted => passed_over_and_back;
    resuming_at_head: Fault::ResumeAtHead => death_in_publish death_in_line_publish death_in_split_observed death_in_publish_observed death_in_claim death_in_batch;
    taking_over_without_storing_head: Fault::NoHeadAtTakeover => death_in_publish_joined death_in_split_told;
    without_the_publishers_fence: Fault::Weak(Edge::S1) => wake wake_fenced wake_deferred wake_deferred_fenced wake_elsewhere;
    without_the_sleepers_fence: Fault::Weak(Edge::S2) => wake wake_fenced;
    with_a_relaxed_doorbell: Fault::Weak(Edge::B1) => wake wake_by_close nap_by_close;
    without_the_fence_after_the_doorbell: Fault::Weak(Edge::B2) => wake nap_beside_sleeper;
    without_the_releasers_fence: Fault::Weak(Edge::P1) => space space_fenced space_left space_quarter space_batch;
    with_the_doorbell_read_after_the_last_look: Fault::BellAfterLook => wake wake_by_close nap_by_close wake_best_effort;
    sleeping_without_a_last_look: Fault::SleepWithoutLook => wake;
    with_a_flag_that_each_sleeper_takes_back: Fault::FlagResetByWaiter => two_sleepers;
    with_the_flag_cleared_after_the_bell: Fault::FlagAfterBell => wake wake_fenced wake_elsewhere_beside;
    waiting_for_room_without_waking_first: Fault::FullWithoutWake => space_deferred;
    with_the_flag_taken_down_by_a_waker: Fault::FlagDownElsewhere => wake_elsewhere_fenced;
    taking_over_without_the_bell: Fault::TakeoverWithoutBell => death_in_wake death_in_deferred_wake wake_by_drop_and_successor;
    changing_the_mode_without_the_bell: Fault::ModeWithoutBell => wake_in_other_mode;
    closing_without_the_bell: Fault::CloseWithoutBell => wake_by_close nap_by_close;
    dropping_without_the_bell: Fault::DropWithoutBell => wake_by_drop;
    ringing_before_the_lock_is_free: Fault::BellBeforeFree => wake_by_drop;
    sleeping_without_asking: Fault::SleepWithoutAsk => wake_by_drop;
    changing_the_mode_without_the_barrier: Fault::ModeWithoutBarrier => space_in_other_mode;
    with_the_space_bell_read_after_the_last_scan: Fault::SpaceAfterScan => space space_left space_quarter;
    sleeping_without_a_last_scan: Fault::SleepWithoutScan => space space_left space_quarter;
    joining_without_the_bell: Fault::JoinWithoutBell => space_joined space_joined_fenced space_rejoined space_rejoined_oldest space_best_effort;
    leaving_without_the_bell: Fault::LeaveWithoutBell => space_left space_refused;
    without_mending_a_stray_cursor: Fault::CursorLeftAstray => stray_cursor;
    mending_a_stray_cursor_without_the_bell: Fault::MendedWithoutBell => stray_cursor;
    mending_a_stray_cursor_as_if_it_never_was: Fault::MendedAsIfNeverAstray => stray_cursor;
    waking_the_producer_only_once: Fault::RingOnce => space_again;
    taking_the_first_release_for_a_quarter: Fault::RungTooEarly => space_quarter;
    waking_the_producer_at_one_cursor_alone: Fault::RingAtExactly => space_batch;
    polling_a_full_rings_word_alone: Fault::BlockedByWordAlone => gate;
    polling_a_full_rings_cursor_alone: Fault::BlockedByCursorAlone => leave_unread;
    releasing_before_the_copy: Fault::ReleaseBeforeCopy => gate_copied gate_copied_long gate_copied_into batch_copied best_effort_keeps_up;
    releasing_one_message_too_many: Fault::ReleaseOneTooMany => peeked;
    with_a_batch_ahead_that_nobody_saw: Fault::AheadWithoutLook => batch_ahead;
    with_a_batch_ahead_seen_by_its_first_message: Fault::AheadByFirst => batch_ahead;
    with_a_clone_counted_by_a_relaxed_addition: Fault::Weak(Edge::K1) => clone_beside clone_and_leave;
    with_a_clone_that_is_not_counted: Fault::CloneUncounted => clone_beside clone_and_leave clone_of_clone;
    with_a_clone_counted_before_it_is_active: Fault::CountedBeforeActive => clone_beside clone_and_leave;
    with_a_number_of_clones_that_no_scan_compares: Fault::ClonesUncompared => clone_beside clone_and_leave clone_of_clone;
    with_the_number_of_clones_read_after_the_scans_fence: Fault::ClonesAfterFence => clone_beside clone_and_leave;
    resuming_at_a_void_message: Fault::ResumeAtVoid => death_in_skip death_in_long_skip death_in_short_skip_observed;
    skipping_with_the_stamps_of_published_messages: Fault::VoidAsPublished => skip_consumed skip_copied skip_line skip_split skip_observed;
    taking_a_message_to_be_void_without_head: Fault::VoidByStampAlone => skip_before skip_before_observed;
    taking_a_message_to_be_void_without_a_second_look: Fault::VoidWithoutRecheck => skip_before skip_before_observed;
    skipping_without_a_look_at_the_consumers: Fault::SkipUngated => skip_gated skip_joined;
    skipping_a_lap_by_head_alone: Fault::SkipWithoutLap => skip_lap;
    passing_void_messages_without_releasing_them: Fault::VoidHeld => skip_consumed skip_lap;
    with_a_relaxed_cancel: Fault::Weak(Edge::Q1) => cancel;
    without_the_fence_after_the_cancel: Fault::Weak(Edge::Q2) => cancel;
    waking_before_the_cancel: Fault::CancelAfterWake => cancel cancel_full;
    sleeping_without_a_comparison_of_the_cancel_word: Fault::CancelUncompared => cancel cancel_full;
    with_cancels_taken_before_the_first_look: Fault::CancelTakenFirst => cancel cancel_full cancel_beside_message;
    closed_without_a_second_look: Fault::ClosedWithoutRecheck => close close_split;
}
