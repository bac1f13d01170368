//! Parts that more than one test gives to another process.

use std::time::Duration;

use ringway::{Consumer, Geometry, Outcome, Producer, PublishError, Ring, Start, Wait};

use crate::suite::next;
use crate::{PATIENCE, Post, TestRing, payload};

/// A producer of messages that follow from their sequence: of every length that the ring carries.
pub struct Sender {
    /// The role.
    pub producer: Producer,
    /// How long it waits for room.
    pub patience: Duration,
    buffer: Vec<u8>,
}

impl Sender {
    /// Sends by this producer.
    pub fn new(mut producer: Producer) -> Self {
        producer.set_wait(Wait::Yield);
        let capacity = producer.geometry().payload_capacity() as usize;
        Self { producer, patience: PATIENCE, buffer: vec![0; capacity] }
    }

    /// Publishes the next message, waiting for room.
    pub fn send(&mut self) -> Result<u64, PublishError> {
        let (length, tag) = self.compose();
        self.producer.publish_tagged_timeout(&self.buffer[..length], tag, self.patience)
    }

    /// Publishes the next message if there is room.
    pub fn try_send(&mut self) -> Result<u64, PublishError> {
        let (length, tag) = self.compose();
        self.producer.try_publish_tagged(&self.buffer[..length], tag)
    }

    /// Writes the next message into the buffer. Returns its length and its tag.
    fn compose(&mut self) -> (usize, u32) {
        let seq = self.producer.next_seq();
        let (length, tag) = shape(self.producer.geometry(), seq);
        payload::fill(seq, &mut self.buffer[..length]);
        (length, tag)
    }

    /// Publishes the next `count` messages.
    pub fn send_many(&mut self, count: u64) {
        for _ in 0..count {
            self.send().expect("room for a message");
        }
    }

    /// Closes the ring.
    pub fn close(mut self) {
        self.producer.close().expect("this process's own ring to close");
    }
}

/// Length and tag of a [`Sender`]'s message `seq`.
fn shape(ring: &Geometry, seq: u64) -> (usize, u32) {
    let capacity = ring.payload_capacity() as usize;
    if ring.stride_kind().is_fixed_length() {
        (capacity, 0)
    } else {
        (payload::length(seq, 0, capacity), payload::tag(seq))
    }
}

/// Asserts that this is what a [`Sender`] sent as message `seq` of a ring like this.
pub fn verify_in(ring: &Geometry, seq: u64, tag: u32, bytes: &[u8]) {
    let (length, expected) = shape(ring, seq);
    payload::verify(seq, length, bytes);
    assert_eq!(tag, expected, "tag of message {seq}");
}

/// Asserts that this is what a [`Sender`] sent as message `seq`.
pub fn verify(capacity: u64, seq: u64, tag: u32, bytes: &[u8]) {
    payload::verify(seq, payload::length(seq, 0, capacity as usize), bytes);
    assert_eq!(tag, payload::tag(seq), "tag of message {seq}");
}

/// Reads `count` messages of a [`Sender`], and asserts that none is missing, doubled or changed.
pub fn read(consumer: &mut Consumer, count: u64) {
    let ring = consumer.geometry().clone();
    for _ in 0..count {
        let expected = consumer.next_seq();
        next(consumer, |seq, tag, bytes| {
            assert_eq!(seq, expected);
            verify_in(&ring, seq, tag, bytes);
        });
        assert_eq!(consumer.next_seq(), expected + 1);
    }
}

/// Reads messages of a [`Sender`] until the ring is closed, as [`read`] does. Returns how many.
pub fn read_to_the_end(consumer: &mut Consumer) -> u64 {
    read_to_the_end_by(Wait::Yield, consumer)
}

/// The same, waiting in this way.
pub fn read_to_the_end_by(wait: Wait, consumer: &mut Consumer) -> u64 {
    consumer.set_wait(wait);
    let ring = consumer.geometry().clone();
    let first = consumer.next_seq();
    loop {
        let expected = consumer.next_seq();
        match consumer.recv_timeout(PATIENCE).expect("a sound ring") {
            Outcome::Message(message) => {
                assert_eq!(message.seq(), expected);
                verify_in(&ring, message.seq(), message.tag(), &message);
            }
            Outcome::Closed => return expected - first,
            other => panic!("expected message {expected}, got {other:?}"),
        }
    }
}

/// Joins at the oldest message and says its cell; reads all there is, and says how many messages that were.
pub fn reader(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    post.say(consumer.cell());
    post.say(read_to_the_end(&mut consumer));
}

/// Joins at the oldest message and says its cell; reads as many messages as it is told to, each time.
pub fn reader_on_demand(ring: &TestRing, post: &mut Post) {
    let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
    post.say(consumer.cell());
    loop {
        let count = post.hear_number();
        read(&mut consumer, count);
        post.say("read");
    }
}

/// Publishes as many messages as it is told to, then closes the ring.
pub fn sender(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().expect("no other producer"));
    post.say("ready");
    sender.send_many(post.hear_number());
    sender.close();
}
