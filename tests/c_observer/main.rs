//! `ringway-c/include/ringway_observer.h`, an observer in C written from docs/format.md alone, beside the one in Rust.

mod driver;
mod header;
mod hostile;
mod judged;
mod live;
mod truncated;

use header::*;
use hostile::*;
use judged::{
    each_bit_of_a_header_flipped_is_judged_as_in_rust, forged_types_are_judged_as_in_rust,
    what_a_fuzzer_found_is_judged_as_in_rust, words_overwritten_anywhere_are_judged_as_in_rust,
};
use live::*;
use testkit::roles::sender;
use testkit::{Kind, named, suite};
use truncated::*;

fn main() {
    suite::run_on(
        &[Kind::File],
        named![
            what_it_accepts_is_intact_and_what_it_lost_is_counted_beside_the_one_in_rust,
            batches_are_lost_and_counted_like_single_messages,
            what_is_skipped_is_counted_as_by_the_one_in_rust,
            a_lost_producer_its_successor_and_the_end_are_told_once,
            it_starts_where_it_is_told,
            a_buffer_that_is_too_small_loses_nothing,
            a_ring_in_a_memfd_is_observed_by_its_descriptor,
            source_files_in_both_languages_are_one_program,
            a_callers_own_warnings_find_nothing_in_the_header,
            included_too_late_it_is_one_error_that_says_what_to_do,
            nothing_that_valgrind_finds_is_wrong,
            the_guides_program_is_complete,
            the_example_prints_what_the_ring_holds,
            whatever_lies_at_the_path_it_says_what_it_is,
            each_bit_of_a_header_flipped_is_judged_as_in_rust,
            forged_types_are_judged_as_in_rust,
            words_overwritten_anywhere_are_judged_as_in_rust,
            what_a_fuzzer_found_is_judged_as_in_rust,
            damage_is_found_while_it_waits,
            a_hostile_process_neither_crashes_nor_stops_it,
            a_process_that_moves_head_to_and_fro_keeps_no_call_from_ending,
            a_file_cut_short_under_it_is_an_error,
            a_guard_passes_on_what_is_not_its_own,
        ],
        named![sender, batch_sender, sender_on_demand],
    );
}

/// The hash that the format uses, and the driver.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
