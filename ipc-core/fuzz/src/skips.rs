//! Sequences that are skipped.

use std::time::Duration;

use ringway_core::Producer;

use super::checks::Checks;
use super::input::Input;

/// Has the producer skip as far as the input says, if there is one.
pub fn skip(input: &mut Input<'_>, producer: Option<&mut Producer>, checks: &mut Checks, moment: Duration) {
    let (how, by) = (input.below(3), input.delta());
    let word = if how == 2 { input.word() } else { 0 };
    let Some(producer) = producer else { return };
    let before = producer.next_seq();
    let near = before.wrapping_add(by);
    let (seq, skipped) = match how {
        0 => (near, producer.try_skip_to(near)),
        1 => (near, producer.skip_to_timeout(near, moment)),
        _ => (word, producer.try_skip_to(word)),
    };
    let now = producer.next_seq();
    match skipped {
        Ok(()) => assert_eq!(now, seq),
        Err(_) => assert!(now == before || (before..seq).contains(&now)),
    }
    checks.skip(seq, skipped.err());
}
