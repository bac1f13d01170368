//! What a best-effort reader makes of words that no correct peer writes.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use ringway_core::{Config, Outcome, Ring, Start, Waitable};

use crate::best_effort::{BEST_EFFORT, LOST, SLOTS, balanced, drain, pair, publish, publish_past, rings};
use crate::common::{CURSOR, EPOCH_STATE, HEAD, Kind, WORD, damaged};
use crate::voids::lagged;

#[test]
fn a_stray_cursor_is_mended_before_a_sleep() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        publish(&mut producer, 3);
        assert_eq!(drain(&mut reader), 0);
        for stray in [0, 2, 1 << 40, u64::MAX] {
            ring.cell(0, CURSOR).store(stray, Relaxed);
            assert!(!reader.prepare_sleep(false).is_ready());
            assert_eq!(ring.cell(0, CURSOR).load(Relaxed), 3);
        }
    }
}

#[test]
fn stamps_and_heads_that_no_producer_writes_are_damage_and_end() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        publish(&mut producer, 3);
        // Another slot's stamp, one far beyond head, and one that isn't any.
        for stamp in [4, 2 * 800 + 2, 1 << 63, u64::MAX] {
            let before = ring.stamp(0).swap(stamp, Relaxed);
            damaged(reader.try_recv(), "stamp");
            damaged(reader.try_recv_into(&mut [0; 8]), "stamp");
            ring.stamp(0).store(before, Relaxed);
        }
        // The stamp of a message a lap later, beside a head that can't be.
        for head in [u64::MAX, (1 << 62) + 1] {
            let before = ring.stamp(0).swap(2 * SLOTS + 2, Relaxed);
            let counted = ring.page(HEAD).swap(head, Relaxed);
            damaged(reader.try_recv(), "head");
            ring.page(HEAD).store(counted, Relaxed);
            ring.stamp(0).store(before, Relaxed);
        }
        assert_eq!((reader.lost(), reader.next_seq()), (0, 0));
        assert_eq!(drain(&mut reader), 0, "damage takes nothing away");
        ring.page(EPOCH_STATE).store(1 << 2 | 3, Relaxed);
        damaged(reader.try_recv(), "state");
    }
}

#[test]
fn a_head_that_goes_back_while_a_reader_joins_again_leaves_cell_and_account_as_one() {
    let ring = Kind::Copied.ring(&Config::new().slots(SLOTS).payload_capacity(8));
    let (mut producer, mut reader) = pair(&ring);
    for _ in 0..200 {
        publish_past(&mut producer, SLOTS + 1);
        let head = producer.next_seq();
        let (begun, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    ring.page(HEAD).store(head - 1, Relaxed);
                    ring.page(HEAD).store(head, Relaxed);
                    begun.store(true, Relaxed);
                }
            });
            while !begun.load(Relaxed) {
                thread::yield_now();
            }
            // Whatever it says: it may have been in the midst of joining again.
            let _ = reader.try_recv();
            stop.store(true, Relaxed);
        });
        assert_eq!(ring.cell(0, CURSOR).load(Relaxed), reader.next_seq());
        assert_eq!(ring.cell(0, LOST).load(Relaxed), reader.lost());
        balanced(&reader);
        drain(&mut reader);
    }
}

#[test]
fn any_word_in_its_own_cell_and_any_head_leave_a_lapped_reader_an_exact_account() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        for stray in [0, 4, 2 << 2, 1 << 63, u64::MAX] {
            // Of a state that doesn't count.
            ring.cell(0, WORD).store(stray & !3, Relaxed);
            publish(&mut producer, SLOTS + 5);
            lagged(reader.try_recv(), SLOTS + 5 - SLOTS / 2);
            assert_eq!(ring.cell(0, WORD).load(Relaxed) & 3, BEST_EFFORT);
            assert_eq!(drain(&mut reader), 0);
        }
        // A head that is too small, and one far ahead: each call goes on by a message at least.
        let end = producer.next_seq();
        for head in [end.saturating_sub(SLOTS / 2), 1 << 61] {
            publish_past(&mut producer, SLOTS + 1);
            let next = reader.next_seq();
            let counted = ring.page(HEAD).swap(head.max(next), Relaxed);
            let outcome = reader.try_recv().unwrap().map(drop);
            assert!(matches!(outcome, Outcome::Lagged(n) if n > 0), "{outcome:?}");
            balanced(&reader);
            ring.page(HEAD).store(counted, Relaxed);
            drop(reader);
            reader = ring.best_effort_reader(Start::Latest).unwrap();
        }
    }
}

#[test]
fn whatever_a_peer_stores_each_call_returns_and_the_account_holds() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        let mut buffer = [0; 8];
        for _ in 0..500 {
            let near = producer.next_seq();
            let value = match random(6) {
                0 => near.wrapping_add(random(32)).wrapping_sub(16),
                1 => 2 * near.wrapping_add(random(32)) + 1 + random(2),
                2 => (2 * near.wrapping_add(random(32)) + 1) | 1 << 63,
                3 => random(4),
                4 => 1 << random(64),
                _ => random(u64::MAX),
            };
            let word = match random(6) {
                0 => ring.page(HEAD),
                1 => ring.page(EPOCH_STATE),
                2 => ring.cell(0, CURSOR),
                3 => ring.cell(0, WORD),
                _ => ring.stamp(random(SLOTS)),
            };
            let before = word.swap(value, Relaxed);
            for _ in 0..3 {
                let outcome = reader.try_recv_into(&mut buffer);
                if let Ok(Outcome::Message(copied)) = outcome {
                    assert_eq!((copied.seq + 1, copied.len), (reader.next_seq(), 8));
                }
                let account = reader.received().wrapping_add(reader.lost());
                assert_eq!(account, reader.next_seq().wrapping_sub(reader.start()));
            }
            let _ = reader.recv_timeout(Duration::from_nanos(1)).map(drop);
            let _ = reader.prepare_sleep(true);
            word.store(before, Relaxed);
            let _ = producer.try_publish(&near.to_ne_bytes());
        }
    }
}
