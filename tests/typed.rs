//! Messages of a type between processes: written and read as values, and never as values of another type.

use std::time::Instant;

use ringway::{
    AttachError, Config, Interruption, Message, Outcome, Patience, PublishError, RecvError, Resume, Ring,
    Start, State, Stride, TypeMismatch, TypedConsumer, TypedProducer, Wait, WakeMode,
};
use testkit::{Kind, PATIENCE, Post, TestRing, named, role, suite};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

fn main() {
    suite::run(
        named![
            values_arrive_as_they_were_written,
            an_observer_gets_values_too,
            a_wrong_type_is_refused_naming_both,
            a_type_meets_plain_bytes,
            a_message_of_another_length_is_passed_over_with_an_error,
            typed_readers_hold_copy_and_loop_as_the_others_do,
            a_typed_batch_is_claimed_written_in_place_and_published_together,
            an_observer_copies_messages_into_a_value,
            typed_readers_are_told_of_what_is_skipped,
            typed_handles_tell_of_their_ring_what_the_others_tell,
        ],
        named![reader_of_readings, reader_of_other_types, sender_of_readings],
    );
}

#[derive(Clone, Copy, PartialEq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Reading {
    taken_at: u64,
    celsius: f64,
    sensor: [u8; 12],
    flags: u32,
}

impl Message for Reading {
    const NAME: &'static str = "tests.Reading.v1";
}

/// Looks the same, means something else.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Lookalike([u64; 4]);

impl Message for Lookalike {
    const NAME: &'static str = "tests.Lookalike.v1";
}

/// A later version of the same name, with a field more.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Longer([u64; 5]);

impl Message for Longer {
    const NAME: &'static str = Reading::NAME;
}

const READINGS: u64 = 5000;

fn reading(n: u64) -> Reading {
    let mut sensor = [0; 12];
    sensor[..8].copy_from_slice(&n.to_be_bytes());
    Reading { taken_at: n * 1000, celsius: n as f64 / 8.0, sensor, flags: !(n as u32) }
}

fn config() -> Config {
    Config::new().slots(32).max_consumers(2).of_type::<Reading>()
}

fn values_arrive_as_they_were_written(kind: Kind) {
    for stride in [Stride::Aligned, Stride::Packed, Stride::Line, Stride::Split] {
        let tag = |tag| if stride.is_fixed_length() { 0 } else { tag };
        let ring = kind.ring(&config().stride(stride));
        let mut other = ring.start(role!(reader_of_readings));
        other.expect("joined");
        let mut producer = ring.typed_producer::<Reading>().unwrap();
        producer.set_wait(Wait::Yield);
        assert_eq!(producer.set_wake_mode(WakeMode::Fenced), Ok(WakeMode::Fenced));
        assert_eq!(producer.handle().wake_mode(), Ok(WakeMode::Fenced));
        for n in 0..READINGS {
            let published = match n % 3 {
                0 => producer.publish_timeout(&reading(n), PATIENCE),
                1 => producer.publish_tagged_timeout(&reading(n), tag(1), PATIENCE),
                _ => {
                    let mut claim = producer.claim_timeout(PATIENCE).unwrap();
                    *claim = reading(n);
                    claim.commit_tagged(tag(2))
                }
            };
            assert_eq!(published, Ok(n));
        }
        producer.close().unwrap();
        other.expect("all read");
        other.succeed();
    }
}

fn reader_of_readings(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.typed_consumer::<Reading>(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Yield);
    post.say("joined");
    let tags = !ring.geometry().stride_kind().is_fixed_length();
    for n in 0..READINGS {
        let Outcome::Message(found) = consumer.recv_timeout(PATIENCE).unwrap() else { panic!("{n}") };
        let tag = if tags { (n % 3) as u32 } else { 0 };
        assert_eq!((found.seq(), found.tag(), *found), (n, tag, reading(n)));
    }
    assert!(matches!(consumer.recv_timeout(PATIENCE).unwrap(), Outcome::Closed));
    post.say("all read");
}

fn an_observer_gets_values_too(kind: Kind) {
    let ring = kind.ring(&config());
    let mut observer = ring.typed_observer::<Reading>(Start::Oldest, Resume::OldestSafe).unwrap();
    observer.set_wait(Wait::Yield);
    let other = ring.start(role!(sender_of_readings));
    let mut counted = 0;
    loop {
        let expected = observer.handle().next_seq();
        match observer.recv_timeout(PATIENCE).unwrap() {
            Outcome::Message(found) => assert_eq!((found.seq, *found), (expected, reading(expected))),
            Outcome::Lagged(lost) => counted += lost,
            Outcome::Closed => break,
            other => panic!("{other:?}"),
        }
    }
    let observer = observer.handle();
    assert_eq!((observer.lost(), observer.received() + observer.lost()), (counted, READINGS));
    other.succeed();
}

fn sender_of_readings(ring: &TestRing, _: &mut Post) {
    let mut producer = ring.typed_producer::<Reading>().unwrap();
    for n in 0..READINGS {
        producer.publish(&reading(n)).unwrap();
    }
    producer.close().unwrap();
}

fn a_wrong_type_is_refused_naming_both(kind: Kind) {
    let ring = kind.ring(&config());
    let mut other = ring.start(role!(reader_of_other_types));
    assert_eq!(other.hear_number(), 6);
    other.succeed();
    // No role was taken, so none is held.
    drop(ring.typed_producer::<Reading>().unwrap());
}

fn reader_of_other_types(ring: &TestRing, post: &mut Post) {
    let mut refused = 0;
    let mut check = |error: AttachError, found: &str, expected: &str| {
        let text = error.to_string();
        assert!(matches!(error, AttachError::Type(_)), "{text}");
        assert!(text.contains(found) && text.contains(expected), "{text}");
        refused += 1;
    };
    let carried = "\"tests.Reading.v1\" (size 32, align 8)";
    let alike = "\"tests.Lookalike.v1\" (size 32, align 8)";
    let longer = "\"tests.Reading.v1\" (size 40, align 8)";
    check(ring.typed_producer::<Lookalike>().unwrap_err(), carried, alike);
    check(ring.typed_consumer::<Lookalike>(Start::Latest).unwrap_err(), carried, alike);
    check(ring.typed_observer::<Lookalike>(Start::Latest, Resume::Latest).unwrap_err(), carried, alike);
    check(ring.typed_producer::<Longer>().unwrap_err(), carried, longer);
    check(ring.typed_consumer::<Longer>(Start::Latest).unwrap_err(), carried, longer);
    check(ring.typed_observer::<Longer>(Start::Latest, Resume::Latest).unwrap_err(), carried, longer);
    post.say(refused);
}

fn a_type_meets_plain_bytes(kind: Kind) {
    let ring = kind.ring(&config().slots(4));
    // A typed ring can be read as bytes,
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    ring.typed_producer::<Reading>().unwrap().publish(&reading(9)).unwrap();
    assert_eq!(&*consumer.try_recv().unwrap().into_message().unwrap(), reading(9).as_bytes());

    // but bytes can't be read as a type.
    let ring = kind.ring(&Config::new().slots(4).payload_capacity(32));
    let error = ring.typed_consumer::<Reading>(Start::Latest).unwrap_err();
    let AttachError::Type(TypeMismatch { found: None, expected: Some(expected), .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!(expected.name(), Reading::NAME);
    assert!(error.to_string().contains("plain bytes"), "{error}");
    // By way of a plain handle neither.
    let error = TypedProducer::<Reading>::new(ring.producer().unwrap()).unwrap_err();
    assert_eq!(error.found, None);
}

fn a_message_of_another_length_is_passed_over_with_an_error(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = TypedConsumer::<Reading>::new(ring.consumer(Start::Oldest).unwrap()).unwrap();
    let mut observer = ring.typed_observer::<Reading>(Start::Oldest, Resume::OldestSafe).unwrap();
    // A producer of plain bytes doesn't know better, unless it is made to.
    let error = ring.producer().unwrap_err();
    assert!(
        matches!(error, AttachError::Type(TypeMismatch { found: Some(_), expected: None, .. })),
        "{error}"
    );
    let mut producer = ring.producer_of_any_type().unwrap();
    producer.publish(b"short").unwrap();
    producer.publish(reading(1).as_bytes()).unwrap();
    let wrong = RecvError::WrongLength { seq: 0, found: 5, expected: 32 };
    assert_eq!(consumer.try_recv().unwrap_err(), wrong);
    assert_eq!(*consumer.try_recv().unwrap().into_message().unwrap(), reading(1));
    assert_eq!(observer.try_recv().unwrap_err(), wrong);
    assert_eq!(*observer.try_recv().unwrap().into_message().unwrap(), reading(1));
    assert_eq!((observer.handle().received(), observer.handle().lost()), (2, 0));
}

/// Readings 0, 1 and 3; message 2 is of another length.
fn with_a_stranger(ring: &TestRing) {
    let mut bytes = ring.producer_of_any_type().unwrap();
    for n in 0..4 {
        let message = reading(n);
        bytes.publish_tagged(if n == 2 { b"plain" } else { message.as_bytes() }, n as u32).unwrap();
    }
    bytes.close().unwrap();
}

fn typed_readers_hold_copy_and_loop_as_the_others_do(kind: Kind) {
    let ring = kind.ring(&config().slots(8).max_consumers(4));
    let another_length = RecvError::WrongLength { seq: 2, found: 5, expected: 32 };
    let join = || ring.typed_consumer::<Reading>(Start::Oldest).unwrap();
    let [mut batches, mut peeks, mut copies, mut loops] = [join(), join(), join(), join()];
    let mut observer = ring.typed_observer::<Reading>(Start::Oldest, Resume::OldestSafe).unwrap();
    with_a_stranger(&ring);

    let batch = batches.try_recv_batch(8).unwrap().into_message().unwrap();
    assert_eq!((batch.len(), batch.is_empty()), (4, false));
    for (message, n) in batch.iter().zip(0..) {
        match message {
            Ok(message) => {
                assert_eq!((message.seq(), message.tag(), *message), (n, n as u32, reading(n)));
            }
            Err(error) => assert_eq!((n, error), (2, another_length)),
        }
    }
    assert_eq!(*batch.get(3).unwrap().unwrap(), reading(3));
    assert!(batch.get(4).is_none());
    batch.release_first(3);
    assert_eq!((batches.next_seq(), batches.len().unwrap()), (3, 1));

    assert_eq!(*peeks.peek().unwrap().into_message().unwrap(), reading(0));
    assert_eq!(*peeks.peek().unwrap().into_message().unwrap(), reading(1));
    assert_eq!(peeks.peek().unwrap_err(), another_length);
    peeks.release_through(0).unwrap();
    assert_eq!(*peeks.peeked(1).unwrap(), reading(1));
    assert_eq!(peeks.peeked(2).unwrap_err(), another_length);
    assert_eq!(*peeks.peek().unwrap().into_message().unwrap(), reading(3));
    peeks.release_through(3).unwrap();
    assert!(peeks.peek().unwrap().is_closed());
    assert_eq!(peeks.into_inner().next_seq(), 4);

    let mut value = reading(77);
    let mut copied = Vec::new();
    for n in [0, 1, 2, 3] {
        match copies.recv_into(&mut value) {
            Ok(outcome) => copied.push((outcome.into_message().unwrap().seq, value)),
            Err(error) => assert_eq!((n, error), (2, another_length)),
        }
    }
    assert_eq!(copied, [0, 1, 3].map(|n| (n, reading(n))));
    assert!(copies.recv_into(&mut value).unwrap().is_closed());

    assert_eq!(*loops.next_message().unwrap().unwrap(), reading(0));
    let expected = [(1, Ok(reading(1))), (2, Err(Interruption::Failed(another_length))), (3, Ok(reading(3)))];
    let found: Vec<_> = loops.iter().map(|message| message.map(|message| message.value)).collect();
    assert_eq!(found, expected.map(|(_, found)| found));
    assert!(loops.next_message().unwrap().is_none());

    assert_eq!(observer.next_message().unwrap().unwrap().value, reading(0));
    let found: Vec<_> = observer.try_iter().map(|message| message.map(|message| message.value)).collect();
    assert_eq!(found, expected.map(|(_, found)| found));
    assert_eq!((observer.received(), observer.lost(), observer.head().unwrap()), (4, 0, 4));
    assert_eq!((observer.state().unwrap(), observer.lag().unwrap()), (State::Closed, 0));
}

fn a_typed_batch_is_claimed_written_in_place_and_published_together(kind: Kind) {
    let ring = kind.ring(&config().slots(8));
    let mut consumer = ring.typed_consumer::<Reading>(Start::Oldest).unwrap();
    let mut producer = ring.typed_producer::<Reading>().unwrap();
    producer.claim_batch_timeout(2, PATIENCE).unwrap().abort();
    let mut batch = producer.claim_batch(4).unwrap();
    assert_eq!((batch.len(), batch.is_empty(), batch.seqs()), (4, false, 0..4));
    assert_eq!(batch.iter_mut().len(), 4);
    for mut message in &mut batch {
        *message = reading(message.seq());
    }
    let mut second = batch.message(1);
    assert_eq!(*second, reading(1));
    second.set_tag(7);
    batch.truncate(3);
    assert!(consumer.try_recv().unwrap().is_empty());
    assert_eq!(batch.commit(), Ok(0..3));
    for n in 0..3 {
        let message = consumer.try_recv().unwrap().into_message().unwrap();
        assert_eq!((message.seq(), message.tag(), *message), (n, if n == 1 { 7 } else { 0 }, reading(n)));
    }
    assert!(consumer.try_recv().unwrap().is_empty());
    producer.try_claim_batch(4).unwrap().commit().unwrap();
    producer.try_claim_batch(3).unwrap().commit().unwrap();
    assert!(matches!(producer.try_claim_batch(2), Err(PublishError::Full(_))));
    assert!(matches!(producer.claim_batch(5), Err(PublishError::BatchTooLong { count: 5, max: 4 })));
}

fn an_observer_copies_messages_into_a_value(kind: Kind) {
    let ring = kind.ring(&config().slots(8));
    let mut observer = ring.typed_observer::<Reading>(Start::Oldest, Resume::OldestSafe).unwrap();
    let mut value = reading(77);
    assert!(observer.try_recv_into(&mut value).unwrap().is_empty());
    with_a_stranger(&ring);
    let copied = observer.recv_into(&mut value).unwrap().into_message().unwrap();
    assert_eq!((copied.seq, copied.tag, copied.len, value), (0, 0, 32, reading(0)));
    assert!(observer.recv_into_timeout(&mut value, PATIENCE).unwrap().is_message());
    assert_eq!(value, reading(1));
    let another_length = RecvError::WrongLength { seq: 2, found: 5, expected: 32 };
    assert_eq!(observer.try_recv_into(&mut value).unwrap_err(), another_length);
    assert!(observer.recv_into_deadline(&mut value, Instant::now() + PATIENCE).unwrap().is_message());
    assert_eq!(value, reading(3));
    assert!(observer.recv_into(&mut value).unwrap().is_closed());
    assert_eq!((observer.received(), observer.lost()), (4, 0));
}

fn typed_readers_are_told_of_what_is_skipped(kind: Kind) {
    let ring = kind.ring(&Config::new().slots(4).first_seq(9).of_type::<Reading>());
    let mut producer = ring.typed_producer::<Reading>().unwrap();
    let mut consumer = ring.typed_consumer::<Reading>(Start::Oldest).unwrap();
    let mut observer = ring.typed_observer::<Reading>(Start::Oldest, Resume::OldestSafe).unwrap();
    producer.publish(&reading(9)).unwrap();
    producer.skip_to(11).unwrap();
    producer.try_skip_to(100).unwrap_err();
    assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(_))));
    producer.skip_to_timeout(100, PATIENCE).unwrap();
    producer.skip_to_deadline(100, Instant::now()).unwrap();
    assert!(matches!(consumer.try_recv_batch(4), Ok(Outcome::Lagged(90))));
    producer.publish(&reading(100)).unwrap();
    assert!(matches!(producer.try_skip_to(99), Err(PublishError::SkipBack { asked: 99, next: 101 })));
    assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(message)) if *message == reading(100)));
    let mut lost = 0;
    loop {
        match observer.try_recv().unwrap() {
            Outcome::Message(message) => assert_eq!((message.seq, *message), (100, reading(100))),
            Outcome::Lagged(n) => lost += n,
            other => break assert!(other.is_empty()),
        }
    }
    assert_eq!(lost, 91);
}

fn typed_handles_tell_of_their_ring_what_the_others_tell(kind: Kind) {
    let ring = kind.ring(&config().slots(8));
    let mut producer = ring.typed_producer::<Reading>().unwrap();
    let consumer = ring.typed_consumer::<Reading>(Start::Oldest).unwrap();
    let mut observer = ring.typed_observer::<Reading>(Start::Oldest, Resume::OldestSafe).unwrap();
    assert!(producer.is_empty().unwrap() && consumer.is_empty().unwrap() && observer.is_empty().unwrap());
    for n in 0..8 {
        producer.publish(&reading(n)).unwrap();
    }
    assert!(matches!(producer.try_publish(&reading(8)), Err(PublishError::Full(_))));
    assert_eq!((producer.len(), consumer.len(), observer.len()), (Ok(8), Ok(8), Ok(8)));
    assert_eq!((producer.count_room(), consumer.count_room(), observer.count_room()), (Ok(0), Ok(0), Ok(0)));
    assert_eq!((producer.capacity(), consumer.capacity(), observer.capacity()), (8, 8, 8));
    assert_eq!((producer.times_full(), consumer.times_full(), observer.times_full()), (Ok(1), Ok(1), Ok(1)));
    assert_eq!(producer.consumer_count(), Ok(1));
    producer.set_patience(Patience::Lap);
    assert_eq!((producer.patience(), producer.times_passed_over()), (Patience::Lap, Ok(0)));
    assert_eq!(producer.passed_over(), Ok(&[][..]));
    assert_eq!((consumer.consumer_count(), observer.consumer_count()), (Ok(1), Ok(1)));
    assert_eq!(observer.consumers().unwrap()[0].lag, 8);
    assert_eq!((producer.next_seq(), consumer.next_seq(), observer.next_seq()), (8, 0, 0));
    observer.skip(3).unwrap();
    assert_eq!(observer.skipped(), 3);
    let id = ring.geometry().ring_id();
    for ring in [producer.ring(), consumer.ring(), observer.ring()] {
        assert_eq!(ring.unwrap().geometry().ring_id(), id);
    }
}
