//! Handles of all three roles on one ring, between whose calls (and in whose calls, while they ask the kernel)
//! a peer stores what it likes where it likes, as the input decides.
//!
//! Whatever it stores, a call returns, and what it returns keeps to bounds that don't depend on shared memory.
//! As long as it stores nothing, no call finds damage.

#![allow(unsafe_code)]

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use ringway_core::placement::{AsConsumer, AsObserver, AsProducer};
use ringway_core::{
    Config, Consumer, Geometry, MAX_SEQ, Observer, Outcome, Placement, Producer, RecvError, Resume, Start,
    Typed, TypedConsumer, TypedObserver, Wait,
};

use super::checks::{Checks, check_copied};
use super::heap::{Locks, Memory};
use super::input::Input;
use super::messages::Quote;
use super::scribble;
use super::skips::skip;
use super::strides::{message_length, message_tag, with_stride};

/// Small pages keep the whole ring within the reach of a small input.
const PAGE: u64 = 128;
/// More steps than this show nothing that fewer don't.
const STEPS: usize = 300;
/// Long enough for a blocked call to look at the clock, and ask the kernel, once.
const MOMENT: Duration = Duration::from_nanos(1);
const OBSERVERS: usize = 2;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut stage = Stage::new(&mut input);
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        stage.step(&mut input);
    }
}

/// A handle of a ring of plain bytes, or of one with a type.
enum Handle<H> {
    Plain(H),
    Typed(Typed<H, Quote>),
}

impl<H> Handle<H> {
    fn get(&self) -> &H {
        match self {
            Handle::Plain(handle) => handle,
            Handle::Typed(typed) => typed.handle(),
        }
    }
}

struct Stage {
    geometry: Geometry,
    memory: Arc<Memory>,
    locks: Locks,
    checks: Checks,
    observers: [Option<Handle<Observer>>; OBSERVERS],
    consumers: Vec<Option<Handle<Consumer>>>,
    producer: Option<Producer>,
    buffer: Vec<u8>,
}

impl Stage {
    fn new(input: &mut Input<'_>) -> Self {
        let shape = input.byte();
        let cells = 1 + usize::from(shape >> 5 & 3);
        let config = Config::new().slots(2 << (shape & 3)).max_consumers(cells as u64);
        let config = with_stride(config, input, shape >> 2 & 3);
        let config = if shape & 16 == 0 { config } else { config.of_type::<Quote>() };
        let config = if shape & 128 == 0 { config } else { config.first_seq(input.byte().into()) };
        let geometry = config.geometry(PAGE, Placement::Anonymous, [7; 16], [9; 16]).expect("a small ring");
        let memory = Memory::new(geometry.total_length());
        memory.format(&geometry);
        Self {
            buffer: vec![0; geometry.payload_capacity() as usize + 8],
            observers: [None, None],
            consumers: (0..cells).map(|_| None).collect(),
            producer: None,
            locks: Locks::default(),
            checks: Checks::new(&geometry),
            memory,
            geometry,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 16 {
            0 => {
                let (offset, value) = scribble::store(input, &self.geometry, &self.memory);
                self.memory.store(offset, value);
                self.checks.scribbled = true;
            }
            1 => self.scribble_bytes(input),
            2 => self.memory.set_alive(input.word()),
            3 => {
                let store = |_| scribble::store(input, &self.geometry, &self.memory);
                let stores = (0..3).map(store).collect();
                self.memory.store_meanwhile(stores);
                self.checks.scribbled = true;
            }
            4 => self.attach(input),
            5 => self.observe(input),
            6 => self.join(input),
            7 | 8 => self.consume(input),
            9 => {
                let cell = input.below(self.consumers.len());
                self.leave(cell);
            }
            10 => self.enter(),
            11 => self.publish(input),
            12 => self.claim(input),
            13 => self.publish_batch(input),
            14 => self.quit(input),
            _ => self.look_around(),
        }
    }

    /// A run of bytes as they are in the input.
    fn scribble_bytes(&mut self, input: &mut Input<'_>) {
        let at = usize::from(u16::from_le_bytes([input.byte(), input.byte()])) * 8;
        let words = 1 + input.below(32);
        for word in 0..words {
            self.memory.store((at + 8 * word) % self.memory.length(), input.word());
        }
        self.checks.scribbled = true;
    }

    fn start(&self, input: &mut Input<'_>) -> Start {
        match input.below(4) {
            0 => Start::Latest,
            1 => Start::Oldest,
            2 => Start::At(u64::from(input.byte())),
            _ => Start::At(input.word()),
        }
    }

    fn attach(&mut self, input: &mut Input<'_>) {
        let place = input.below(OBSERVERS);
        let resume = [Resume::OldestSafe, Resume::Latest][input.below(2)];
        let start = self.start(input);
        // SAFETY: an observer has no lock.
        let region = unsafe { self.memory.region::<AsObserver>(&self.geometry, self.locks.clone()) };
        self.observers[place] = match Observer::attach(region, start, resume) {
            Ok(observer) if self.geometry.type_info().is_some() => {
                Some(Handle::Typed(TypedObserver::new(observer).expect("its type")))
            }
            Ok(observer) => Some(Handle::Plain(observer)),
            Err(error) => {
                self.checks.attach(&error, start);
                None
            }
        };
    }

    fn join(&mut self, input: &mut Input<'_>) {
        let cell = input.below(self.consumers.len());
        let start = self.start(input);
        if !self.locks.take_cell(cell) {
            return;
        }
        // SAFETY: the cell's lock was just taken, and is freed once the handle is gone.
        let region = unsafe { self.memory.region::<AsConsumer>(&self.geometry, self.locks.clone()) };
        // SAFETY: as above.
        match unsafe { Consumer::join(region, cell, start) } {
            Ok(consumer) if self.geometry.type_info().is_some() => {
                let typed = TypedConsumer::new(consumer).expect("its type");
                self.consumers[cell] = Some(Handle::Typed(typed));
            }
            Ok(consumer) => self.consumers[cell] = Some(Handle::Plain(consumer)),
            Err(error) => {
                self.locks.free_cell(cell);
                self.checks.attach(&error, start);
            }
        }
    }

    fn leave(&mut self, cell: usize) {
        if self.consumers[cell].take().is_some() {
            self.locks.free_cell(cell);
        }
    }

    fn enter(&mut self) {
        if !self.locks.take_producer() {
            return;
        }
        // SAFETY: the producer's lock was just taken, and is freed once the handle is gone.
        let region = unsafe { self.memory.region::<AsProducer>(&self.geometry, self.locks.clone()) };
        match Producer::enter(region) {
            Ok(mut producer) => {
                producer.set_wait(Wait::Spin);
                self.producer = Some(producer);
            }
            Err(error) => {
                self.locks.free_producer();
                self.checks.attach(&error, Start::Latest);
            }
        }
    }

    fn quit(&mut self, input: &mut Input<'_>) {
        let how = input.below(3);
        if how == 2 {
            return skip(input, self.producer.as_mut(), &mut self.checks, MOMENT);
        }
        let Some(mut producer) = self.producer.take() else { return };
        if how == 0 {
            let closed = producer.close();
            drop(producer);
            self.checks.publish(closed.err());
        } else {
            drop(producer);
        }
        self.locks.free_producer();
    }

    fn observe(&mut self, input: &mut Input<'_>) {
        let place = input.below(OBSERVERS);
        let Some(handle) = &mut self.observers[place] else { return };
        let before = handle.get().next_seq();
        let capacity = self.geometry.payload_capacity() as usize;
        let error = match handle {
            Handle::Typed(typed) => match typed.recv_timeout(MOMENT) {
                Ok(outcome) => {
                    assert!(outcome.into_message().is_none_or(|message| message.seq == before));
                    None
                }
                Err(error) => Some(error),
            },
            Handle::Plain(observer) if input.below(2) == 0 => match observer.recv_timeout(MOMENT) {
                Ok(Outcome::Message(message)) => {
                    assert_eq!(message.seq(), before);
                    self.checks.length(message.len(), capacity);
                    None
                }
                Ok(_) => None,
                Err(error) => Some(error),
            },
            Handle::Plain(observer) => {
                let room = input.below(self.buffer.len());
                let buffer = &mut self.buffer[..room];
                check_copied(observer.try_recv_into(buffer), before, room, capacity)
            }
        };
        let observer = handle.get();
        let moved = observer.next_seq().checked_sub(observer.start()).expect("never backwards");
        assert_eq!(observer.received() + observer.lost(), moved);
        self.checks.receive(error);
    }

    fn consume(&mut self, input: &mut Input<'_>) {
        let cell = input.below(self.consumers.len());
        let how = input.byte();
        let Some(handle) = &mut self.consumers[cell] else { return };
        let before = handle.get().next_seq();
        let (capacity, slots) = (self.geometry.payload_capacity() as usize, self.geometry.slots());
        let mut released = 1;
        let error = match handle {
            Handle::Typed(typed) => {
                let error = typed.recv_timeout(MOMENT).map(|got| drop(got.into_message())).err();
                if let Some(RecvError::WrongLength { seq, .. }) = error {
                    assert!(seq == before && typed.handle().next_seq() == before + 1, "passed over");
                }
                error
            }
            Handle::Plain(consumer) => match how % 4 {
                0 => match consumer.recv_timeout(MOMENT) {
                    Ok(Outcome::Message(guard)) => {
                        assert_eq!(guard.seq(), before);
                        self.checks.length(guard.len(), capacity);
                        None
                    }
                    other => other.err(),
                },
                1 => consumer.try_recv().map(|got| std::mem::forget(got.into_message())).err(),
                2 => {
                    let room = usize::from(how >> 2).min(self.buffer.len());
                    check_copied(consumer.try_recv_into(&mut self.buffer[..room]), before, room, capacity)
                }
                _ => match consumer.recv_batch_timeout(usize::from(how >> 2), MOMENT) {
                    Ok(Outcome::Message(batch)) => {
                        assert!(!batch.is_empty() && how >> 2 != 0);
                        released = batch.len() as u64;
                        assert!(released <= slots);
                        let messages = batch.iter().zip(before..);
                        messages.for_each(|(message, seq)| {
                            assert_eq!(message.seq(), seq);
                            self.checks.length(message.len(), capacity);
                        });
                        None
                    }
                    other => other.err(),
                },
            },
        };
        let moved = handle.get().next_seq() - before;
        // What was skipped is passed at once.
        assert!(moved == 0 || moved == released || self.geometry.can_skip());
        assert!(handle.get().next_seq() <= MAX_SEQ.max(before + 1));
        self.checks.receive(error);
    }

    fn publish(&mut self, input: &mut Input<'_>) {
        let (length, how) = (message_length(&self.geometry, input), input.byte());
        let tag = message_tag(&self.geometry, how);
        let Some(producer) = &mut self.producer else { return };
        let (message, before) = (&self.buffer[..length], producer.next_seq());
        let published = match how % 2 {
            0 => producer.publish_tagged_timeout(message, tag, MOMENT),
            _ => producer.try_publish_tagged(message, tag),
        };
        assert_eq!(producer.next_seq(), before + u64::from(published.is_ok()));
        self.checks.publish(published.err());
    }

    fn claim(&mut self, input: &mut Input<'_>) {
        let (length, how) = (message_length(&self.geometry, input), input.byte());
        let tag = message_tag(&self.geometry, how);
        let Some(producer) = &mut self.producer else { return };
        let error = match producer.try_claim(length) {
            Ok(mut claim) => {
                assert_eq!(claim.len(), length);
                claim.write_all(&self.buffer[..length]).expect("as long as was claimed");
                match how % 4 {
                    0 => claim.commit_tagged(tag).err(),
                    1 => claim.commit_len(usize::from(how >> 2)).err(),
                    // Dropped.
                    _ => None,
                }
            }
            Err(error) => Some(error),
        };
        self.checks.publish(error);
    }

    fn publish_batch(&mut self, input: &mut Input<'_>) {
        let (length, count) = (message_length(&self.geometry, input), input.below(40));
        let Some(producer) = &mut self.producer else { return };
        let messages = vec![&self.buffer[..length]; count];
        let before = producer.next_seq();
        let (published, error) = match input.below(3) {
            0 => match producer.publish_batch_timeout(&messages, MOMENT) {
                Ok(()) => (count, None),
                Err(failed) => (failed.published, Some(failed.error)),
            },
            1 => match producer.try_publish_batch(&messages) {
                Ok(published) => (published, None),
                Err(error) => (0, Some(error)),
            },
            _ => match producer.try_publish_all(&messages) {
                Ok(()) => (count, None),
                Err(error) => (0, Some(error)),
            },
        };
        assert!(published <= count);
        assert_eq!(producer.next_seq(), before + published as u64);
        self.checks.publish(error);
    }

    /// Every question that a handle answers.
    fn look_around(&mut self) {
        let cells = self.consumers.len();
        for observer in self.observers.iter().flatten().map(Handle::get) {
            let answers = [observer.lag().err(), observer.count_room().err(), observer.state().err()];
            answers.into_iter().for_each(|error| self.checks.receive(error));
            observer.epoch().expect("no fork");
            observer.producer_alive().expect("no fork");
            match observer.head() {
                Ok(head) => assert!(head <= MAX_SEQ),
                Err(error) => self.checks.receive(Some(error)),
            }
            match observer.consumers() {
                Ok(attached) => assert!(attached.len() <= cells),
                Err(error) => self.checks.receive(Some(error)),
            }
        }
        for consumer in self.consumers.iter().flatten().map(Handle::get) {
            [consumer.len().err(), consumer.count_room().err(), consumer.state().err()]
                .into_iter()
                .for_each(|e| self.checks.receive(e));
            consumer.epoch().expect("no fork");
            consumer.producer_alive().expect("no fork");
        }
        if let Some(producer) = &self.producer {
            assert!(producer.consumer_count().expect("no fork") <= cells);
        }
    }
}
