//! A best-effort reader holds the producer back while it keeps up, and is told exactly what it lost when it doesn't.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{
    AttachError, BestEffortReader, Config, Interruption, Outcome, Patience, Producer, PublishError,
    Readiness, RecvError, Resume, Ring, Start, Stride, Waitable,
};

use crate::common::{CURSOR, Kind, TestRing, WORD};
use crate::voids::lagged;

pub const SLOTS: u64 = 8;
/// Where a best-effort reader's cell says what it has lost, and how often it was lapped.
pub const LOST: u64 = 40;
const TIMES_LAGGED: u64 = 48;
/// The state of its cell.
pub const BEST_EFFORT: u64 = 2;
const STRIDES: [Stride; 4] = [Stride::Aligned, Stride::Packed, Stride::Line, Stride::Split];

/// Every kind of ring, with every stride; and the same whose producer can skip.
pub fn rings() -> impl Iterator<Item = TestRing> {
    Kind::ALL.into_iter().flat_map(|kind| {
        STRIDES.into_iter().flat_map(move |stride| {
            let config = Config::new().slots(SLOTS).payload_capacity(8).stride(stride);
            [kind.ring(&config), kind.ring(&config.first_seq(0))]
        })
    })
}

pub fn pair(ring: &TestRing) -> (Producer, BestEffortReader) {
    (ring.producer().unwrap(), ring.best_effort_reader(Start::Oldest).unwrap())
}

pub fn publish(producer: &mut Producer, count: u64) {
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

pub fn balanced(reader: &BestEffortReader) {
    assert_eq!(reader.received() + reader.lost(), reader.next_seq() - reader.start());
}

/// Reads to the end: what was lost.
pub fn drain(reader: &mut BestEffortReader) -> u64 {
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

/// Publishes `count` messages, past whichever reader leaves no room for them.
pub fn publish_past(producer: &mut Producer, count: u64) {
    producer.set_patience(Patience::Lap);
    publish(producer, count);
    producer.set_patience(Patience::Endless);
}

#[test]
fn whatever_takes_a_cell_wipes_out_what_a_reader_lost_there() {
    let occupants: [fn(&TestRing); 2] = [
        |ring| drop(ring.consumer(Start::Oldest).unwrap()),
        |ring| drop(ring.best_effort_reader(Start::Oldest).unwrap()),
    ];
    for occupy in occupants {
        let ring = Kind::Copied.ring(&Config::new().slots(SLOTS).payload_capacity(8).max_consumers(1));
        for (byte, lost) in [(LOST, 7), (TIMES_LAGGED, 2)] {
            ring.cell(0, byte).store(lost, Relaxed);
        }
        occupy(&ring);
        assert_eq!((ring.cell(0, LOST).load(Relaxed), ring.cell(0, TIMES_LAGGED).load(Relaxed)), (0, 0));
    }
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
                publish_past(&mut producer, SLOTS + times);
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
    // A claim that is staged marks no slot before it is committed.
    let config = Config::new().slots(SLOTS).payload_capacity(8);
    for ring in STRIDES.map(|stride| Kind::Copied.ring(&config.clone().stride(stride))) {
        let (mut producer, mut reader) = pair(&ring);
        publish(&mut producer, SLOTS);
        producer.set_patience(Patience::Lap);
        drop(producer.try_claim_batch(4, 8).unwrap());
        assert!(producer.passed_over().unwrap()[0].is_ignored);
        assert_eq!(drain(&mut reader), 0);
        assert_eq!(
            (word(&ring), reader.times_lagged()),
            ((1, BEST_EFFORT), 0),
            "it doesn't know, and needn't"
        );
        producer.set_patience(Patience::Endless);
        publish(&mut producer, SLOTS);
        assert!(matches!(producer.try_publish(&[0; 8]), Err(PublishError::Full(_))), "it counts again");
        assert_eq!(drain(&mut reader), 0);
    }
}

#[test]
fn each_call_tells_of_the_loss_once() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        let mut buffer = [0; 8];
        for call in 0..8 {
            publish_past(&mut producer, SLOTS + SLOTS / 2 + 1);
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
            assert_eq!((reader.lost(), reader.times_lagged(), ring.cell(0, LOST).load(Relaxed)), (3, 0, 3));
            assert_eq!(ring.cell(0, CURSOR).load(Relaxed), 8);
            // Of more than a lap, beside a reader that was passed over: it may be lapped by a void message.
            producer.set_patience(Patience::Lap);
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
        publish(&mut producer, 1);
        assert_ne!(ring.doorbell().load(Relaxed), bell, "the producer wakes it");
        reader.slept(&ticket, false);
        publish_past(&mut producer, SLOTS);
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
fn a_reader_in_a_forked_child_is_refused_and_touches_nothing() {
    for ring in rings() {
        let (mut producer, mut reader) = pair(&ring);
        publish_past(&mut producer, 1 + SLOTS);
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
