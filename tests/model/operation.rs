//! What the users of a ring can do, one thing at a time.

use proptest::collection::vec;
use proptest::prelude::*;
use ringway::{Config, Resume, Stride};

/// Where a reader is to start.
#[derive(Clone, Copy, Debug)]
pub enum From {
    Latest,
    Oldest,
    /// So far from head.
    Near(i64),
}

/// One step. Readers are numbered from 0; a number that nobody has does nothing. Lengths may be too long.
#[derive(Clone, Debug)]
pub enum Operation {
    Produce,
    Abdicate,
    Close,
    Publish { length: usize, tag: u32 },
    Commit { claimed: usize, length: usize, tag: u32 },
    Abandon { claimed: usize },
    PublishBatch { lengths: Vec<usize> },
    Skip { by: i64 },
    Join { start: From },
    Leave { reader: usize },
    Receive { reader: usize, waits: bool },
    ReceiveInto { reader: usize, room: usize },
    ReceiveBatch { reader: usize, most: usize },
    Forget { reader: usize, batch: bool },
    Attach { start: From, latest: bool },
    Detach { reader: usize },
    Observe { reader: usize, waits: bool },
    ObserveInto { reader: usize, room: usize },
}

/// How many consumers, and how many observers, there are at most.
pub const READERS: usize = 3;

/// A small ring: laps are short, and everything happens at its edges.
pub fn config() -> impl Strategy<Value = (Config, u64, usize)> {
    let slots = prop_oneof![Just(2_u64), Just(4), Just(8)];
    let capacity = prop_oneof![Just(0_usize), Just(5), Just(8), Just(48), Just(100)];
    let stride =
        prop_oneof![Just(Stride::Aligned), Just(Stride::Packed), Just(Stride::Line), Just(Stride::Split)];
    // 0 can skip; `None` can't.
    let first = prop::option::weighted(0.7, prop_oneof![Just(0_u64), 1..100_u64, Just(1 << 61)]);
    (slots, capacity, stride, first).prop_map(|(slots, capacity, stride, first)| {
        let capacity = if stride == Stride::Line { capacity.min(56) } else { capacity };
        let config = Config::new().slots(slots).payload_capacity(capacity as u64).stride(stride);
        let config = if let Some(first) = first { config.first_seq(first) } else { config };
        (config.max_consumers(READERS as u64), slots, capacity)
    })
}

pub fn resume(latest: bool) -> Resume {
    if latest { Resume::Latest } else { Resume::OldestSafe }
}

/// Now and then longer than the slots.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![20 => 0..=5_usize, 5 => 0..=100_usize, 1 => 99..=110_usize]
}

fn from() -> impl Strategy<Value = From> {
    prop_oneof![Just(From::Latest), Just(From::Oldest), (-9..4_i64).prop_map(From::Near)]
}

pub fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let reader = || 0..READERS;
    prop_oneof![
        4 => Just(Produce),
        1 => Just(Abdicate),
        1 => Just(Close),
        20 => (length(), any::<u32>()).prop_map(|(length, tag)| Publish { length, tag }),
        5 => (length(), length(), any::<u32>())
            .prop_map(|(claimed, length, tag)| Commit { claimed, length, tag }),
        3 => length().prop_map(|claimed| Abandon { claimed }),
        6 => vec(length(), 0..12).prop_map(|lengths| PublishBatch { lengths }),
        6 => prop_oneof![-1..4_i64, 0..40_i64].prop_map(|by| Skip { by }),
        3 => from().prop_map(|start| Join { start }),
        1 => reader().prop_map(|reader| Leave { reader }),
        15 => (reader(), prop::bool::weighted(0.3)).prop_map(|(reader, waits)| Receive { reader, waits }),
        5 => (reader(), length()).prop_map(|(reader, room)| ReceiveInto { reader, room }),
        8 => (reader(), 0..10_usize).prop_map(|(reader, most)| ReceiveBatch { reader, most }),
        2 => (reader(), any::<bool>()).prop_map(|(reader, batch)| Forget { reader, batch }),
        3 => (from(), any::<bool>()).prop_map(|(start, latest)| Attach { start, latest }),
        1 => reader().prop_map(|reader| Detach { reader }),
        10 => (reader(), prop::bool::weighted(0.3)).prop_map(|(reader, waits)| Observe { reader, waits }),
        5 => (reader(), length()).prop_map(|(reader, room)| ObserveInto { reader, room }),
    ]
}
