//! Messages between processes: each arrives once, in order, whole, however it is written and read.

use std::io::Write;
use std::time::Duration;

use ringway::{Config, Consumer, Outcome, PublishError, RecvError, Resume, Ring, Start, Wait};
use testkit::roles::{Sender, read, reader, sender, verify};
use testkit::{Kind, PATIENCE, Post, TestRing, named, payload, role, suite};

fn main() {
    suite::run(
        named![
            every_message_arrives_once_in_order_and_intact,
            batches_arrive_whole_and_in_order,
            a_stream_is_read_to_its_end,
            a_message_is_released_when_it_has_been_read,
            a_batch_is_released_at_once,
            a_consumers_buffer_that_is_too_small_loses_nothing,
            an_observers_buffer_that_is_too_small_loses_nothing,
            a_forgotten_message_is_delivered_again,
            an_abandoned_claim_publishes_nothing,
            a_claim_publishes_what_was_written_into_it,
        ],
        named![reader, reader_into_buffers, reader_of_batches, sender, sender_on_demand, sender_of_batches],
    );
}

/// A length that is no multiple of 8, in a small ring that is filled and emptied many times.
fn config() -> Config {
    Config::new().slots(32).payload_capacity(101).max_consumers(4)
}

fn every_message_arrives_once_in_order_and_intact(kind: Kind) {
    const MESSAGES: u64 = 20_000;
    let ring = kind.ring(&config());
    let mut readers = [ring.start(role!(reader)), ring.start(role!(reader_into_buffers))];
    let mut cells = readers.each_mut().map(|reader| reader.hear_number());
    cells.sort();
    assert_eq!(cells, [0, 1]);

    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(MESSAGES);
    sender.close();
    for mut reader in readers {
        assert_eq!(reader.hear_number(), MESSAGES);
        reader.succeed();
    }
}

/// Does as `reader`, with a buffer of its own.
fn reader_into_buffers(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Yield);
    post.say(consumer.cell());
    let capacity = ring.geometry().payload_capacity();
    let mut buffer = vec![0; capacity as usize];
    loop {
        let expected = consumer.next_seq();
        match consumer.recv_into_timeout(&mut buffer, PATIENCE).unwrap() {
            Outcome::Message(copied) => {
                assert_eq!(copied.seq, expected);
                verify(capacity, copied.seq, copied.tag, &buffer[..copied.len]);
            }
            Outcome::Closed => break,
            other => panic!("{other:?}"),
        }
    }
    post.say(consumer.next_seq());
}

fn batches_arrive_whole_and_in_order(kind: Kind) {
    const MESSAGES: u64 = 20_000;
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut other = ring.start(role!(reader_of_batches));
    other.expect("joined");
    let mut sender = ring.start(role!(sender_of_batches));
    sender.say(MESSAGES);
    read_batches(&mut consumer, MESSAGES);
    other.expect("all read");
    other.succeed();
    sender.succeed();
}

/// Batches of every size from none to three times the ring, so that some are published in several runs.
fn sender_of_batches(ring: &TestRing, post: &mut Post) {
    let mut producer = ring.producer().unwrap();
    producer.set_wait(Wait::Yield);
    let (count, slots) = (post.hear_number(), ring.geometry().slots());
    while producer.next_seq() < count {
        let first = producer.next_seq();
        let size = payload::length(first, 0, 3 * slots as usize) as u64;
        let batch: Vec<_> = (first..count.min(first + size)).map(batched).collect();
        if let Some(len) = batch.first().map(Vec::len).filter(|&len| batch.iter().all(|one| one.len() == len))
        {
            let write = |seq, bytes: &mut [u8]| bytes.copy_from_slice(&batch[(seq - first) as usize]);
            producer.publish_batch_with_timeout(batch.len(), len, PATIENCE, write).unwrap();
            assert_eq!(producer.next_seq(), first + batch.len() as u64);
        } else if size.is_multiple_of(2) {
            producer.publish_batch_timeout(&batch, PATIENCE).unwrap();
            assert_eq!(producer.next_seq(), first + batch.len() as u64);
        } else {
            match producer.try_publish_batch(&batch) {
                Ok(published) => {
                    assert!(batch.is_empty() || published > 0);
                    assert_eq!(producer.next_seq(), first + published as u64);
                }
                Err(PublishError::Full(_)) => {
                    assert_eq!(producer.next_seq(), first);
                    producer.publish_timeout(&batch[0], PATIENCE).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        // An empty batch takes the sequence nowhere.
        if producer.next_seq() == first {
            producer.publish_timeout(&batched(first), PATIENCE).unwrap();
        }
    }
    producer.close().unwrap();
}

fn batched(seq: u64) -> Vec<u8> {
    payload::message(seq, payload::length(seq, 0, 101))
}

fn reader_of_batches(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    post.say("joined");
    read_batches(&mut consumer, 20_000);
    post.say("all read");
}

fn read_batches(consumer: &mut Consumer, count: u64) {
    consumer.set_wait(Wait::Yield);
    let slots = consumer.geometry().slots();
    loop {
        let expected = consumer.next_seq();
        let most = payload::length(expected, 1, 2 * slots as usize);
        let batch = match consumer.recv_batch_timeout(most, PATIENCE).unwrap() {
            Outcome::Message(batch) => batch,
            Outcome::Closed => break,
            other => panic!("{other:?}"),
        };
        assert!((1..=most.min(slots as usize)).contains(&batch.len()), "{} of {most}", batch.len());
        // All messages of a batch may be held together.
        let messages: Vec<_> = batch.iter().collect();
        assert_eq!(messages.len(), batch.len());
        for (expected, message) in (expected..).zip(&messages) {
            assert_eq!((message.seq(), message.tag()), (expected, 0));
            payload::verify(expected, payload::length(expected, 0, 101), message);
        }
    }
    assert_eq!(consumer.next_seq(), count);
}

/// A consumer of a stream waits for more than it takes. Where there is no more, it takes what there is.
fn a_stream_is_read_to_its_end(kind: Kind) {
    const BATCH: usize = 16;
    let ring = kind.ring(&config().slots(8 * BATCH as u64));
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Spin);
    let mut sender = Sender::new(ring.producer().unwrap());
    for _ in 0..50 {
        sender.send_many(3 * BATCH as u64 + 5);
        for expected in [BATCH, BATCH, BATCH, 5] {
            let first = consumer.next_seq();
            let Outcome::Message(batch) = consumer.recv_batch_timeout(BATCH, PATIENCE).unwrap() else {
                panic!("{expected} messages are there")
            };
            assert_eq!(batch.iter().count(), expected);
            for (seq, message) in (first..).zip(&batch) {
                assert_eq!(message.seq(), seq);
                verify(101, seq, message.tag(), &message);
            }
        }
    }
    // All that was asked for, and nothing after it.
    sender.send_many(BATCH as u64);
    assert_eq!(consumer.try_recv_batch(BATCH).unwrap().into_message().map(|batch| batch.len()), Some(BATCH));
    let moment = Duration::from_millis(1);
    assert!(matches!(consumer.recv_batch_timeout(BATCH, moment), Ok(Outcome::TimedOut)));
    assert_eq!(consumer.len().unwrap(), 0);
}

fn a_message_is_released_when_it_has_been_read(kind: Kind) {
    let ring = kind.ring(&config().slots(2));
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut sender = ring.start(role!(sender_on_demand));
    let mut told = |answer| {
        sender.say("send");
        sender.expect(answer);
    };
    told("sent");
    told("sent");
    for expected in 0..100 {
        let Outcome::Message(guard) = consumer.try_recv().unwrap() else { panic!("{expected} was sent") };
        // While it is being read, the producer can't have its slot.
        told("full");
        assert_eq!(guard.seq(), expected);
        verify(101, expected, guard.tag(), &guard);
        drop(guard);
        told("sent");
    }
}

fn a_batch_is_released_at_once(kind: Kind) {
    let ring = kind.ring(&config().slots(8));
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut sender = ring.start(role!(sender_on_demand));
    for _ in 0..8 {
        sender.say("send");
        sender.expect("sent");
    }
    {
        let Outcome::Message(batch) = consumer.try_recv_batch(5).unwrap() else { panic!("8 were sent") };
        assert_eq!(batch.len(), 5);
        for message in &batch {
            verify(101, message.seq(), message.tag(), &message);
            // However many have been looked at, the producer can't have a slot.
            sender.say("send");
            sender.expect("full");
        }
    }
    assert_eq!((consumer.next_seq(), consumer.len().unwrap()), (5, 3));
    for _ in 0..5 {
        sender.say("send");
        sender.expect("sent");
    }
    sender.say("send");
    sender.expect("full");
}

/// Tries to publish a message each time it is told to.
fn sender_on_demand(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().unwrap());
    loop {
        post.expect("send");
        match sender.try_send() {
            Ok(_) => post.say("sent"),
            Err(PublishError::Full(_)) => post.say("full"),
            Err(other) => panic!("{other}"),
        }
    }
}

fn a_consumers_buffer_that_is_too_small_loses_nothing(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    consumer.set_wait(Wait::Yield);
    let mut sender = ring.start(role!(sender));
    sender.expect("ready");
    sender.say(500);
    let mut buffer = [0xEE; 101];
    for seq in 0..500 {
        let length = payload::length(seq, 0, 101);
        for short in [0, length / 2, length.saturating_sub(1)] {
            if short < length {
                let error = consumer.recv_into_timeout(&mut buffer[..short], PATIENCE).unwrap_err();
                assert_eq!(error, RecvError::TooSmall { needed: length, found: short });
                assert_eq!(consumer.next_seq(), seq);
            }
        }
        let outcome = consumer.recv_into_timeout(&mut buffer[..length], PATIENCE).unwrap();
        let copied = outcome.into_message().unwrap();
        assert_eq!((copied.seq, copied.len), (seq, length));
        verify(101, seq, copied.tag, &buffer[..length]);
    }
    assert!(matches!(consumer.recv_timeout(PATIENCE).unwrap(), Outcome::Closed));
    sender.succeed();
}

fn an_observers_buffer_that_is_too_small_loses_nothing(kind: Kind) {
    let ring = kind.ring(&config());
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    observer.set_wait(Wait::Yield);
    let mut sender = ring.start(role!(sender));
    sender.expect("ready");
    // No more than the ring keeps.
    sender.say(32);
    let mut buffer = [0xEE; 101];
    for seq in 0..32 {
        let length = payload::length(seq, 0, 101);
        if length > 0 {
            let error = observer.recv_into_timeout(&mut buffer[..length - 1], PATIENCE).unwrap_err();
            assert_eq!(error, RecvError::TooSmall { needed: length, found: length - 1 });
        }
        let copied = observer.recv_into_timeout(&mut buffer, PATIENCE).unwrap().into_message().unwrap();
        assert_eq!((copied.seq, copied.len), (seq, length));
        verify(101, seq, copied.tag, &buffer[..length]);
    }
    assert_eq!((observer.received(), observer.lost()), (32, 0));
    sender.succeed();
}

fn a_forgotten_message_is_delivered_again(kind: Kind) {
    let ring = kind.ring(&config().slots(4));
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut sender = ring.start(role!(sender_on_demand));
    for _ in 0..4 {
        sender.say("send");
        sender.expect("sent");
    }
    for _ in 0..3 {
        std::mem::forget(consumer.try_recv().unwrap());
        std::mem::forget(consumer.try_recv_batch(2).unwrap());
        assert_eq!((consumer.next_seq(), consumer.len().unwrap()), (0, 4));
        sender.say("send");
        sender.expect("full");
    }
    read(&mut consumer, 4);
    sender.say("send");
    sender.expect("sent");
    read(&mut consumer, 1);
}

fn an_abandoned_claim_publishes_nothing(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut other = ring.start(role!(reader));
    other.hear_number();

    let mut sender = Sender::new(ring.producer().unwrap());
    for seq in 0..2000 {
        let mut abandoned = sender.producer.claim_timeout(101, PATIENCE).unwrap();
        assert_eq!(abandoned.seq(), seq);
        abandoned.fill(0xAB);
        // Dropped by the end of its borrow; the next one gets its sequence.
        assert!(matches!(consumer.try_recv().unwrap(), Outcome::Empty));
        assert_eq!(sender.producer.next_seq(), seq);
        assert_eq!(sender.send(), Ok(seq));
        read(&mut consumer, 1);
    }
    sender.close();
    assert_eq!(other.hear_number(), 2000);
    other.succeed();
}

fn a_claim_publishes_what_was_written_into_it(kind: Kind) {
    let ring = kind.ring(&config());
    let mut other = ring.start(role!(reader));
    other.hear_number();

    let mut producer = ring.producer().unwrap();
    producer.set_wait(Wait::Yield);
    for seq in 0..2000 {
        let (length, tag) = (payload::length(seq, 0, 101), payload::tag(seq));
        let message = payload::message(seq, length);
        let committed = match seq % 4 {
            0 => {
                let mut claim = producer.claim_timeout(length, PATIENCE).unwrap();
                assert_eq!(claim.len(), length);
                claim.copy_from_slice(&message);
                claim.commit_tagged(tag)
            }
            1 => {
                let mut claim = producer.claim_timeout(101, PATIENCE).unwrap();
                claim.fill(0xAB);
                claim[..length].copy_from_slice(&message);
                claim.commit_len_tagged(length, tag)
            }
            2 => {
                let mut claim = producer.claim_timeout(101, PATIENCE).unwrap();
                let (start, end) = message.split_at(length / 3);
                claim.write_all(start).unwrap();
                claim.write_all(end).unwrap();
                assert_eq!(claim.written(), length);
                let written = claim.written();
                claim.commit_len_tagged(written, tag)
            }
            _ => {
                let mut claim = producer.claim_timeout(length, PATIENCE).unwrap();
                claim.write_all(&message).unwrap();
                assert!(claim.write_all(b"one byte too many").is_err());
                assert_eq!(claim.written(), length);
                claim.commit_tagged(tag)
            }
        };
        assert_eq!(committed, Ok(seq));

        let beyond = producer.claim(7).unwrap().commit_len(8);
        assert_eq!(beyond, Err(PublishError::BeyondClaim { len: 8, claimed: 7 }));
        assert_eq!(producer.next_seq(), seq + 1);
    }
    producer.close().unwrap();
    assert_eq!(other.hear_number(), 2000);
    other.succeed();
}
