//! A best-effort reader holds the producer back while it keeps up, and is told exactly what it lost when it doesn't.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{
    AttachError, BestEffortReader, Config, Interruption, Outcome, Producer, PublishError, Readiness,
    RecvError, Resume, Ring, Start, Stride, Waitable,
};

use crate::common::{CURSOR, EPOCH_STATE, HEAD, Kind, TestRing, WORD, damaged};
use crate::voids::lagged;

const SLOTS: u64 = 8;
/// Where a best-effort reader's cell says what it has lost, and how often it was lapped.
const LOST: u64 = 40;
const TIMES_LAGGED: u64 = 48;
/// The state of its cell.
const BEST_EFFORT: u64 = 2;
const STRIDES: [Stride; 4] = [Stride::Aligned, Stride::Packed, Stride::Line, Stride::Split];

/// Every kind of ring, with every stride; and the same whose producer can skip.
fn rings() -> impl Iterator<Item = TestRing> {
    Kind::ALL.into_iter().flat_map(|kind| {
        STRIDES.into_iter().flat_map(move |stride| {
            let config = Config::new().slots(SLOTS).payload_capacity(8).stride(stride);
            [kind.ring(&config), kind.ring(&config.first_seq(0))]
        })
    })
}

fn pair(ring: &TestRing) -> (Producer, BestEffortReader) {
    (ring.producer().unwrap(), ring.best_effort_reader(Start::Oldest).unwrap())
}

fn publish(producer: &mut Producer, count: u64) {
    for _ in 0..count {
        let seq = producer.next_seq();
        assert_eq!(producer.try_publish(&seq.to_ne_bytes()), Ok(seq));
    }
}

/// The next message, which is `seq`.
fn receive(reader: &mut BestEffortReader, seq: u64) {
    match reader.try_recv().unwrap() {
        Outcome::Message(message) => assert_eq!((message.seq(), &*message), (seq, &seq.to_ne_bytes()[..])),
        other => panic!("{other:?} instead of message {seq}"),
    }
    balanced(reader);
}

fn balanced(reader: &BestEffortReader) {
    assert_eq!(reader.received() + reader.lost(), reader.next_seq() - reader.start());
}

/// Reads to the end: what was lost.
fn drain(reader: &mut BestEffortReader) -> u64 {
    let mut lost = 0;
    loop {
        let next = reader.next_seq();
        match reader.try_recv().unwrap() {
            Outcome::Message(message) => {
                assert_eq!((message.seq(), &*message), (next, &next.to_ne_bytes()[..]))
            }
            Outcome::Lagged(n) => {
                assert!(n > 0);
                lost += n;
                assert_eq!(reader.next_seq(), next + n);
            }
            Outcome::Empty => {
                assert_eq!(Ok(reader.next_seq()), reader.head());
                return lost;
            }
            other => panic!("{other:?}"),
        }
        balanced(reader);
    }
}

fn word(ring: &TestRing) -> (u64, u64) {
    let word = ring.cell(0, WORD).load(Relaxed);
    (word >> 2, word & 3)
}

/// Has the producer count the reader's cell no more, until the reader joins anew in it.
fn pass_over(ring: &TestRing) {
    ring.cell(0, WORD).fetch_and(!3, Relaxed);
}

#[test]
fn a_reader_that_keeps_up_holds_the_producer_back_and_loses_nothing() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        assert_eq!(word(&ring), (1, BEST_EFFORT));
        publish(&mut producer, SLOTS);
        assert!(
            matches!(producer.try_publish(&[0; 8]), Err(PublishError::Full(_))),
            "it has released nothing"
        );
        for seq in 0..3 * SLOTS {
            receive(&mut reader, seq);
            assert_eq!(ring.cell(0, CURSOR).load(Relaxed), seq + 1, "a copy is released at once");
            publish(&mut producer, 1);
        }
        assert_eq!(
            (reader.lost(), reader.times_lagged(), reader.len(), reader.lag()),
            (0, 0, Ok(SLOTS), Ok(SLOTS))
        );
        drop(reader);
        publish(&mut producer, 2 * SLOTS);
        assert_eq!(word(&ring), (1, 0), "dropping it leaves the ring");
    }
}

#[test]
fn a_reader_that_was_passed_over_joins_anew_and_knows_what_it_lost() {
    for resume in [Resume::OldestSafe, Resume::Latest] {
        for ring in rings() {
            let (mut producer, mut reader) = pair(&ring);
            reader.set_resume(resume);
            let (mut lost, mut start) = (0, 0);
            for times in 1..=5 {
                publish(&mut producer, 2);
                receive(&mut reader, start);
                pass_over(&ring);
                publish(&mut producer, SLOTS + times);
                let head = producer.next_seq();
                let goes_on = if resume == Resume::Latest { head } else { head - SLOTS / 2 };
                let n = goes_on - reader.next_seq();
                lagged(reader.try_recv(), n);
                lost += n;
                assert_eq!((reader.next_seq(), reader.lost(), reader.times_lagged()), (goes_on, lost, times));
                assert_eq!(
                    (ring.cell(0, LOST).load(Relaxed), ring.cell(0, TIMES_LAGGED).load(Relaxed)),
                    (lost, times)
                );
                assert_eq!(ring.cell(0, CURSOR).load(Relaxed), goes_on);
                // It counts again, in the next incarnation, from where it goes on.
                assert_eq!(word(&ring), (1 + times, BEST_EFFORT));
                publish(&mut producer, SLOTS - (head - goes_on));
                assert!(matches!(producer.try_publish(&[0; 8]), Err(PublishError::Full(_))));
                assert_eq!(drain(&mut reader), 0);
                start = producer.next_seq();
            }
            drop(reader);
            let reader = ring.best_effort_reader(Start::Oldest).unwrap();
            assert_eq!((ring.cell(0, LOST).load(Relaxed), ring.cell(0, TIMES_LAGGED).load(Relaxed)), (0, 0));
            drop(reader);
        }
    }
}

#[test]
fn a_reader_that_was_passed_over_and_not_lapped_reads_on() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        publish(&mut producer, 2);
        pass_over(&ring);
        publish(&mut producer, SLOTS - 2);
        assert_eq!(drain(&mut reader), 0);
        assert_eq!((word(&ring), reader.times_lagged()), ((1, 0), 0), "it doesn't know, and needn't");
    }
}

#[test]
fn each_call_tells_of_the_loss_once() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        let mut buffer = [0; 8];
        for call in 0..8 {
            pass_over(&ring);
            publish(&mut producer, SLOTS + SLOTS / 2 + 1);
            let lost = SLOTS + 1;
            match call {
                0 => lagged(reader.try_recv(), lost),
                1 => lagged(reader.recv(), lost),
                2 => lagged(reader.recv_timeout(Duration::MAX), lost),
                3 => lagged(reader.try_recv_into(&mut buffer), lost),
                4 => lagged(reader.recv_into(&mut buffer), lost),
                5 => lagged(reader.recv_into_timeout(&mut buffer, Duration::MAX), lost),
                6 => assert_eq!(reader.iter().next(), Some(Err(Interruption::Lagged(lost)))),
                _ => assert_eq!(reader.next_message().unwrap_err(), Interruption::Lagged(lost)),
            }
            assert_eq!(drain(&mut reader), 0, "call {call}");
        }
    }
}

#[test]
fn a_message_that_was_skipped_counts_as_lost_and_is_released() {
    for kind in Kind::ALL {
        for stride in STRIDES {
            let config = Config::new().slots(SLOTS).payload_capacity(8).stride(stride).first_seq(0);
            let ring = kind.ring(&config);
            let (mut producer, mut reader) = pair(&ring);
            publish(&mut producer, 2);
            producer.try_skip_to(5).unwrap();
            publish(&mut producer, 3);
            assert_eq!(drain(&mut reader), 3);
            assert_eq!((reader.lost(), reader.times_lagged(), ring.cell(0, LOST).load(Relaxed)), (3, 0, 0));
            assert_eq!(ring.cell(0, CURSOR).load(Relaxed), 8);
            // Of more than a lap, beside a reader that was passed over: it may be lapped by a void message.
            pass_over(&ring);
            publish(&mut producer, 3);
            producer.try_skip_to(200).unwrap();
            publish(&mut producer, 1);
            assert_eq!(drain(&mut reader), 3 + 189);
            assert_eq!(reader.received(), 6);
        }
    }
}

#[test]
fn a_reader_starts_where_it_asks_to_half_a_lap_back_at_most() {
    for ring in rings() {
        let mut producer = ring.producer().unwrap();
        publish(&mut producer, 11);
        for (start, seq) in
            [(Start::Latest, 11), (Start::Oldest, 7), (Start::Newest(2), 9), (Start::At(8), 8)]
        {
            let reader = ring.best_effort_reader(start).unwrap();
            assert_eq!((reader.start(), reader.next_seq()), (seq, seq));
        }
        let refused = ring.best_effort_reader(Start::At(6)).unwrap_err();
        assert!(matches!(refused, AttachError::Overwritten { asked: 6, oldest: 7 }), "{refused}");
        publish(&mut producer, 3 * SLOTS);
    }
}

#[test]
fn a_waiting_reader_is_told_all_that_a_consumer_is() {
    for ring in rings() {
        let (producer, mut reader) = pair(&ring);
        assert!(reader.recv_timeout(Duration::ZERO).unwrap().is_timed_out());
        drop(producer);
        assert!(reader.recv().unwrap().is_producer_lost());
        let mut producer = ring.producer().unwrap();
        publish(&mut producer, 1);
        receive(&mut reader, 0);
        assert!(matches!(reader.recv().unwrap(), Outcome::EpochChanged { epoch: 2, first_seq: 0 }));
        publish(&mut producer, 1);
        producer.close().unwrap();
        assert!(reader.recv().unwrap().is_message());
        assert!(reader.recv().unwrap().is_closed());
        assert_eq!((reader.received(), reader.lost()), (2, 0));
    }
}

#[test]
fn a_reader_sleeps_as_a_consumer_does_and_is_ready_once_it_is_lapped() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        let Readiness::Sleep(ticket) = reader.prepare_sleep(false) else { panic!("nothing is there") };
        assert_eq!((ring.sleepers().load(Relaxed), ticket.longest()), (1, Duration::from_millis(100)));
        let bell = ring.doorbell().load(Relaxed);
        pass_over(&ring);
        publish(&mut producer, 1);
        assert_ne!(ring.doorbell().load(Relaxed), bell, "the producer wakes it");
        reader.slept(&ticket, false);
        publish(&mut producer, SLOTS);
        assert!(reader.prepare_sleep(false).is_ready());
        lagged(reader.try_recv(), 1 + SLOTS / 2);
        assert_eq!(drain(&mut reader), 0);
        assert!(!reader.prepare_sleep(false).is_ready());
    }
}

#[test]
fn a_buffer_that_is_too_short_loses_nothing() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        publish(&mut producer, 1);
        let refused = reader.try_recv_into(&mut [0; 7]);
        assert!(matches!(refused, Err(RecvError::TooSmall { needed: 8, found: 7 })), "{refused:?}");
        assert_eq!(ring.cell(0, CURSOR).load(Relaxed), 0, "it isn't released");
        receive(&mut reader, 0);
    }
}

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
fn any_word_in_its_own_cell_and_any_head_leave_a_lapped_reader_an_exact_account() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        for stray in [0, 1, 2, 3, 4 << 2 | 1, u64::MAX - 1, u64::MAX] {
            ring.cell(0, WORD).store(stray, Relaxed);
            pass_over(&ring);
            publish(&mut producer, SLOTS + 5);
            lagged(reader.try_recv(), SLOTS + 5 - SLOTS / 2);
            assert_eq!(ring.cell(0, WORD).load(Relaxed) & 3, BEST_EFFORT);
            assert_eq!(drain(&mut reader), 0);
        }
        // A head that is too small, and one far ahead: each call goes on by a message at least.
        let end = producer.next_seq();
        for head in [end.saturating_sub(SLOTS / 2), 1 << 61] {
            pass_over(&ring);
            publish(&mut producer, SLOTS + 1);
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
fn a_reader_in_a_forked_child_is_refused_and_touches_nothing() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        publish(&mut producer, 1);
        pass_over(&ring);
        publish(&mut producer, SLOTS);
        ring.in_a_child(|| {
            assert!(matches!(reader.try_recv(), Err(RecvError::Forked(_))));
            assert!(matches!(reader.recv(), Err(RecvError::Forked(_))));
            assert!(reader.lag().is_err() && reader.ring().is_err());
        });
        lagged(reader.try_recv(), 1 + SLOTS / 2);
        ring.truncate();
        assert!(matches!(reader.try_recv(), Err(RecvError::Truncated(_))));
    }
}
