//! Where there is no memory for a copy, the message can be had later.
//!
//! # Safety
//! The allocator gives out and takes back what is the system allocator's.

#![allow(unsafe_code, reason = "an allocator is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

use ringway_core::{BatchError, Config, Consumer, Outcome, Producer, PublishError, RecvError, Ring, Start};

use crate::common::{Kind, TestRing};

/// Longer than any buffer that isn't a message's.
const LONG: usize = 1 << 20;
/// Bytes of what a batch notes of each message that it has copied.
const NOTE: usize = 24;

thread_local! {
    /// The largest buffer that there is memory for.
    static LARGEST: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Whether there is memory for so many bytes. A panic has what it needs to say so.
fn is_there(bytes: usize) -> bool {
    bytes <= LARGEST.get() || std::thread::panicking()
}

/// Does `work` while there is no memory for more than `largest` bytes at once.
fn with_memory_for<T>(largest: usize, work: impl FnOnce() -> T) -> T {
    let _shortage = Shortage::of(largest);
    work()
}

/// While it lives, this thread has too little memory.
struct Shortage;

impl Shortage {
    fn of(largest: usize) -> Self {
        LARGEST.set(largest);
        Self
    }
}

impl Drop for Shortage {
    fn drop(&mut self) {
        LARGEST.set(usize::MAX);
    }
}

/// An allocator that can have too little memory.
struct Stingy;

// SAFETY: what it gives out is the system allocator's; null says that there is none.
unsafe impl GlobalAlloc for Stingy {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        if is_there(layout.size()) { unsafe { System.alloc(layout) } } else { null_mut() }
    }

    unsafe fn dealloc(&self, bytes: *mut u8, layout: Layout) {
        // SAFETY: the caller's, and the bytes came from there.
        unsafe { System.dealloc(bytes, layout) }
    }

    unsafe fn realloc(&self, bytes: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's, and the bytes came from there.
        if is_there(size) { unsafe { System.realloc(bytes, layout, size) } } else { null_mut() }
    }
}

#[global_allocator]
static ALLOCATOR: Stingy = Stingy;

fn a_ring() -> (TestRing, Producer, Consumer) {
    let ring = Kind::Copied.ring(&Config::new().slots(4).payload_capacity(LONG as u64));
    let producer = ring.producer().unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    (ring, producer, consumer)
}

#[test]
fn a_batch_ends_before_a_message_that_there_is_no_memory_to_copy() {
    let (_ring, mut producer, mut consumer) = a_ring();
    producer.publish_tagged(b"short", 7).unwrap();
    producer.publish(&vec![1; LONG]).unwrap();
    producer.publish(b"last").unwrap();
    {
        let outcome = with_memory_for(LONG - 1, || consumer.try_recv_batch(3)).expect("one is short");
        let batch = outcome.into_message().expect("they are there");
        assert_eq!(batch.len(), 1);
        let message = batch.iter().next().expect("it was copied");
        assert_eq!((&*message, message.tag()), (&b"short"[..], 7));
    }
    assert_eq!(consumer.next_seq(), 1);
    for _ in 0..2 {
        let refused = with_memory_for(LONG - 1, || consumer.try_recv_batch(3).map(drop));
        assert_eq!(refused, Err(RecvError::NoMemory { needed: LONG }));
    }
    let Outcome::Message(batch) = consumer.try_recv_batch(3).unwrap() else { panic!("they are there") };
    assert_eq!(batch.iter().map(|message| message.len()).collect::<Vec<_>>(), [LONG, 4]);
}

#[test]
fn a_batch_that_there_is_no_memory_to_note_can_be_had_later() {
    let (_ring, mut producer, mut consumer) = a_ring();
    producer.publish(b"").unwrap();
    for _ in 0..2 {
        let refused = with_memory_for(0, || consumer.try_recv_batch(3).map(drop));
        assert_eq!(refused, Err(RecvError::NoMemory { needed: NOTE }));
    }
    assert!(matches!(consumer.try_recv_batch(3), Ok(Outcome::Message(batch)) if batch.len() == 1));
}

#[test]
fn what_there_is_no_memory_to_write_costs_no_message() {
    let (ring, mut producer, consumer) = a_ring();
    drop(consumer);
    for _ in 0..4 {
        producer.publish(b"kept").unwrap();
    }
    let writes = Cell::new(0);
    let write = |_: u64, _: &mut [u8]| writes.set(writes.get() + 1);
    let answers = with_memory_for(LONG - 1, || {
        [
            producer.claim(LONG).map(drop),
            producer.try_publish_batch_with(1, LONG, write).map(drop),
            producer.try_publish_all_with(1, LONG, write),
            producer.publish_batch_with(1, LONG, write).map_err(|BatchError { error, .. }| error),
        ]
    });
    assert_eq!(answers, [Err(PublishError::NoMemory { needed: LONG }); 4]);
    assert_eq!((producer.next_seq(), writes.get()), (4, 0));
    // The slot that was asked for holds the message of a lap before.
    let mut observer = ring.observer(Start::At(0), Default::default()).unwrap();
    assert_eq!(&*observer.try_recv().unwrap().into_message().expect("it is kept"), b"kept");
}
