//! A ring's payload capacity comes from its file, and may be more than there is memory: roles take what messages
//! need, and say so where there is none.

#![allow(unsafe_code, reason = "an allocator is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::ptr::null_mut;

use ringway_core::{
    BatchError, Consumer, Observer, Outcome, Producer, PublishError, RecvError, Resume, Ring, Start,
};
use tempfile::TempDir;
use testkit::files::{small, vacant};
use testkit::header::slot::LENGTH;
use testkit::header::{Forger, swell};

/// What the slots claim to hold.
const CAPACITY: usize = 1 << 30;
/// The allocator has as much for one buffer.
const LARGEST: usize = 1 << 20;

/// An allocator that refuses large buffers, as one out of memory does.
struct Stingy;

// SAFETY: what it gives out is the system allocator's; null says that there is none.
unsafe impl GlobalAlloc for Stingy {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        if layout.size() <= LARGEST { unsafe { System.alloc(layout) } } else { null_mut() }
    }

    unsafe fn dealloc(&self, bytes: *mut u8, layout: Layout) {
        // SAFETY: the caller's, and the bytes came from there.
        unsafe { System.dealloc(bytes, layout) }
    }

    unsafe fn realloc(&self, bytes: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's, and the bytes came from there.
        if size <= LARGEST { unsafe { System.realloc(bytes, layout, size) } } else { null_mut() }
    }
}

#[global_allocator]
static ALLOCATOR: Stingy = Stingy;

/// A ring of two slots of a gibibyte each, which no process has the memory to copy.
struct Scene {
    forger: Forger,
    producer: Producer,
    consumer: Consumer,
    observer: Observer,
    _directory: TempDir,
}

impl Scene {
    fn new() -> Self {
        let (directory, path) = vacant();
        drop(ringway_file::create(&path, &small().slots(2)).unwrap());
        swell(&path, CAPACITY as u64);
        let ring = ringway_file::open(&path).unwrap();
        assert_eq!(ring.geometry().payload_capacity(), CAPACITY as u64);
        let forger = Forger::new(&path, &ring);
        let consumer = ring.consumer(Start::Oldest).unwrap();
        let observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        let producer = ring.producer().unwrap();
        Self { forger, producer, consumer, observer, _directory: directory }
    }

    /// Makes the message in the slot as long, whatever it is.
    fn lengthen(&self, slot: u64, length: usize) {
        self.forger.slot(slot, LENGTH, length as u64);
    }
}

#[test]
fn roles_take_memory_for_the_messages_that_come_not_for_what_slots_may_hold() {
    let Scene { mut producer, mut consumer, mut observer, .. } = Scene::new();
    producer.publish(b"copied").unwrap();
    assert_eq!(&*consumer.try_recv().unwrap().into_message().unwrap(), b"copied");
    assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"copied");
    let mut claim = producer.claim(7).unwrap();
    claim.write_all(b"claimed").unwrap();
    claim.commit().unwrap();
    producer.publish_batch_with(1, 5, |_, bytes| bytes.copy_from_slice(b"batch")).unwrap();
    let Outcome::Message(batch) = consumer.try_recv_batch(8).unwrap() else { panic!("two are there") };
    let found: Vec<_> = batch.iter().map(|message| message.to_vec()).collect();
    assert_eq!(found, [b"claimed".as_slice(), b"batch"]);
    assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"claimed");
}

#[test]
fn a_message_that_there_is_no_memory_for_can_be_read_again() {
    let mut scene = Scene::new();
    scene.producer.publish(b"one").unwrap();
    scene.lengthen(0, CAPACITY);
    let refused = RecvError::NoMemory { needed: CAPACITY };
    for _ in 0..2 {
        assert_eq!(scene.consumer.try_recv().unwrap_err(), refused);
        assert_eq!(scene.consumer.try_recv_batch(8).unwrap_err(), refused);
        assert_eq!(scene.observer.try_recv().unwrap_err(), refused);
    }
    scene.lengthen(0, 3);
    assert_eq!(&*scene.consumer.try_recv().unwrap().into_message().unwrap(), b"one");
    assert_eq!(&*scene.observer.try_recv().unwrap().into_message().unwrap(), b"one");
    assert_eq!((scene.observer.received(), scene.observer.lost()), (1, 0));
}

#[test]
fn a_batch_ends_before_a_message_that_there_is_no_memory_for() {
    let mut scene = Scene::new();
    scene.producer.publish(b"one").unwrap();
    scene.producer.publish(b"two").unwrap();
    scene.lengthen(1, CAPACITY);
    let Outcome::Message(batch) = scene.consumer.try_recv_batch(8).unwrap() else { panic!("one is there") };
    assert_eq!(batch.iter().map(|message| message.to_vec()).collect::<Vec<_>>(), [b"one"]);
    drop(batch);
    assert!(matches!(scene.consumer.try_recv_batch(8), Err(RecvError::NoMemory { .. })));
    scene.lengthen(1, 3);
    assert_eq!(&*scene.consumer.try_recv().unwrap().into_message().unwrap(), b"two");
}

#[test]
fn a_claim_that_there_is_no_memory_for_costs_no_message() {
    let Scene { mut producer, consumer, mut observer, .. } = Scene::new();
    drop(consumer);
    for message in [b"one", b"two"] {
        producer.publish(message).unwrap();
    }
    let refused = PublishError::NoMemory { needed: CAPACITY };
    let nothing = |_: u64, _: &mut [u8]| panic!("there is nothing to write to");
    assert_eq!(producer.claim(CAPACITY).unwrap_err(), refused);
    assert_eq!(producer.try_claim(CAPACITY).unwrap_err(), refused);
    assert_eq!(producer.try_publish_batch_with(1, CAPACITY, nothing).unwrap_err(), refused);
    let error = BatchError::new(0, refused);
    assert_eq!(producer.publish_batch_with(1, CAPACITY, nothing).unwrap_err(), error);
    // The slot that was asked for holds the message of a lap before.
    for message in [b"one", b"two"] {
        assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), message);
    }
    assert_eq!(producer.publish(b"three"), Ok(2));
}
