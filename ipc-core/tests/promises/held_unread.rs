//! A consumer that holds messages unread, and waits for the one after.

use std::thread;
use std::time::{Duration, Instant};

use ringway_core::{
    Config, Consumer, Outcome, Producer, PublishError, Readiness, RecvError, Ring, SeekError, Start, WaitSet,
    Waitable,
};

use crate::common::{HEAD, Kind, TestRing, wake};
use crate::voids::{FIRST, SLOTS, lagged, publish, receive, rings};

/// Bounds waits that the test itself ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// Publishes four messages, and goes on at the fourth: three are held unread.
fn hold_three(producer: &mut Producer, consumer: &mut Consumer) {
    publish(producer, 4);
    consumer.peek_from(FIRST + 3).unwrap();
}

fn peek(consumer: &Consumer, seq: u64) {
    let message = consumer.peek().unwrap().into_message().expect("it was published");
    assert_eq!((message.seq(), &*message), (seq, &seq.to_ne_bytes()[..]));
}

fn is_full(producer: &mut Producer) -> bool {
    matches!(producer.try_publish(&[0; 8]), Err(PublishError::Full(_)))
}

#[test]
fn what_is_held_unread_stays_held_until_it_is_released() {
    for (_ring, mut producer, mut consumer) in rings() {
        hold_three(&mut producer, &mut consumer);
        assert_eq!(consumer.next_seq(), FIRST);
        for seq in FIRST + 3..FIRST + SLOTS {
            if seq > FIRST + 3 {
                publish(&mut producer, 1);
            }
            peek(&consumer, seq);
        }
        assert!(consumer.peek().unwrap().is_empty(), "it holds all");
        assert!(is_full(&mut producer));
        consumer.release_through(FIRST + 1).unwrap();
        assert_eq!(consumer.next_seq(), FIRST + 2);
        publish(&mut producer, 2);
        assert!(is_full(&mut producer));
        // Across messages that were read.
        consumer.release_through(FIRST + 4).unwrap();
        assert_eq!(consumer.next_seq(), FIRST + 5);
        receive(&mut consumer, FIRST + 5);
        assert!(matches!(consumer.release_through(FIRST + 5), Err(RecvError::NotPeeked { .. })));
    }
}

#[test]
fn a_message_held_unread_is_shown_where_it_lies_and_elsewhere_refused() {
    for (_ring, mut producer, mut consumer) in rings() {
        hold_three(&mut producer, &mut consumer);
        match consumer.peeked(FIRST + 1) {
            Ok(message) if consumer.in_place() => assert_eq!(*message, (FIRST + 1).to_ne_bytes()),
            Err(RecvError::NotPeeked { asked, oldest, next }) if !consumer.in_place() => {
                assert_eq!((asked, oldest, next), (FIRST + 1, FIRST, FIRST + 3));
            }
            other => panic!("{other:?}"),
        }
        // Calls that receive begin with it.
        receive(&mut consumer, FIRST);
        consumer.peek_from(FIRST + 4).unwrap();
        receive(&mut consumer, FIRST + 1);
    }
}

#[test]
fn seeking_releases_what_is_held_unread_and_peeking_stays_where_it_was() {
    for (_ring, mut producer, mut consumer) in rings() {
        hold_three(&mut producer, &mut consumer);
        consumer.seek(FIRST + 2).unwrap();
        assert_eq!((consumer.next_seq(), producer.count_room()), (FIRST + 2, Ok(SLOTS - 2)));
        peek(&consumer, FIRST + 3);
        publish(&mut producer, 3);
        consumer.seek(FIRST + 6).unwrap();
        peek(&consumer, FIRST + 6);
    }
}

#[test]
fn waiting_is_for_the_message_after_those_held_unread() {
    for (ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 4);
        consumer.peek_from(FIRST + 4).unwrap();
        assert!(consumer.peek_timeout(Duration::ZERO).unwrap().is_timed_out());
        assert!(matches!(consumer.prepare_sleep(false), Readiness::Sleep(_)));
        let mut set = WaitSet::new();
        let ready = set.wait(std::slice::from_mut(&mut consumer), Some(Duration::ZERO)).unwrap();
        assert!(ready.is_timed_out());
        wake(ring.doorbell());
        thread::scope(|scope| {
            scope.spawn(|| {
                let end = Instant::now() + PATIENCE;
                while !wake(ring.doorbell()) {
                    assert!(Instant::now() < end, "nobody sleeps");
                    thread::yield_now();
                }
                publish(&mut producer, 1);
            });
            let message = consumer.peek_timeout(PATIENCE).unwrap().into_message().expect("it wakes");
            assert_eq!((message.seq(), &*message), (FIRST + 4, &(FIRST + 4).to_ne_bytes()[..]));
        });
        assert_eq!(consumer.next_seq(), FIRST, "a wait releases nothing");
    }
}

#[test]
fn what_was_skipped_before_is_held_with_the_rest_and_what_is_skipped_after_is_told() {
    for (_ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 1);
        producer.try_skip_to(FIRST + 3).unwrap();
        publish(&mut producer, 1);
        consumer.peek_from(FIRST + 4).unwrap();
        assert!(consumer.peek().unwrap().is_empty());
        assert!(matches!(consumer.prepare_sleep(false), Readiness::Sleep(_)));
        assert_eq!(consumer.next_seq(), FIRST);
        consumer.release_through(FIRST).unwrap();
        assert!(consumer.peek().unwrap().is_empty());
        assert_eq!(consumer.next_seq(), FIRST + 1, "what was skipped is held");
        producer.try_skip_to(FIRST + 6).unwrap();
        assert!(consumer.prepare_sleep(false).is_ready());
        lagged(consumer.peek(), 2);
        // It goes on there anyway: what was told stays told.
        consumer.peek_from(FIRST + 6).unwrap();
        publish(&mut producer, 1);
        peek(&consumer, FIRST + 6);
        assert_eq!(consumer.next_seq(), FIRST + 1);
        // What was told to be skipped goes with the message before it.
        consumer.release_through(FIRST + 3).unwrap();
        assert_eq!(consumer.next_seq(), FIRST + 6);
        consumer.release_through(FIRST + 6).unwrap();
        assert_eq!(producer.count_room(), Ok(SLOTS));
    }
}

#[test]
fn a_consumer_that_holds_a_lap_of_what_was_skipped_gets_nothing_until_it_releases() {
    for (_ring, mut producer, mut consumer) in rings() {
        let far = FIRST + 10 * SLOTS;
        producer.try_skip_to(far).unwrap();
        consumer.peek_from(far).unwrap();
        assert!(consumer.peek().unwrap().is_empty());
        assert!(matches!(consumer.prepare_sleep(false), Readiness::Sleep(_)));
        assert!(is_full(&mut producer));
        consumer.seek(far).unwrap();
        publish(&mut producer, 1);
        peek(&consumer, far);
    }
}

#[test]
fn events_are_told_while_messages_are_held_unread() {
    for (ring, mut producer, mut consumer) in rings() {
        hold_three(&mut producer, &mut consumer);
        peek(&consumer, FIRST + 3);
        drop(producer);
        assert!(consumer.prepare_sleep(true).is_ready());
        assert!(matches!(consumer.peek(), Ok(Outcome::ProducerLost)));
        let mut producer = ring.producer().unwrap();
        assert!(consumer.prepare_sleep(false).is_ready());
        assert!(matches!(consumer.peek(), Ok(Outcome::EpochChanged { .. })));
        publish(&mut producer, 1);
        peek(&consumer, FIRST + 4);
        producer.close().unwrap();
        assert!(matches!(consumer.peek(), Ok(Outcome::Closed)));
        assert_eq!(consumer.next_seq(), FIRST);
        receive(&mut consumer, FIRST);
    }
}

#[test]
fn peeking_goes_on_neither_back_nor_past_head() {
    for (_ring, mut producer, mut consumer) in rings() {
        publish(&mut producer, 4);
        peek(&consumer, FIRST);
        peek(&consumer, FIRST + 1);
        for asked in [0, FIRST - 1, FIRST, FIRST + 1] {
            assert_eq!(consumer.peek_from(asked), Err(SeekError::Backward { asked, expected: FIRST + 2 }));
        }
        for asked in [FIRST + 5, u64::MAX] {
            assert_eq!(consumer.peek_from(asked), Err(SeekError::Unpublished { asked, head: FIRST + 4 }));
        }
        consumer.peek_from(FIRST + 2).unwrap();
        peek(&consumer, FIRST + 2);
        assert_eq!(*consumer.peeked(FIRST + 1).unwrap(), (FIRST + 1).to_ne_bytes());
        consumer.peek_from(FIRST + 4).unwrap();
        assert!(consumer.peek().unwrap().is_empty());
        assert_eq!(consumer.next_seq(), FIRST);
    }
}

#[test]
fn a_stray_head_leads_no_consumer_that_holds_messages_past_a_lap() {
    for kind in Kind::ALL {
        let ring: TestRing = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8));
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        publish(&mut producer, 2);
        for head in [SLOTS + 1, 1 << 61, u64::MAX] {
            ring.page(HEAD).store(head, std::sync::atomic::Ordering::Relaxed);
            assert!(matches!(consumer.peek_from(2), Err(SeekError::Damaged(_))), "{head}");
        }
        ring.page(HEAD).store(2, std::sync::atomic::Ordering::Relaxed);
        peek(&consumer, 0);
        peek(&consumer, 1);
        // A message of a batch is there before head counts it.
        ring.page(HEAD).store(1, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(consumer.peek_from(2), Ok(()));
        assert_eq!(consumer.peek_from(3), Err(SeekError::Unpublished { asked: 3, head: 2 }));
    }
}
