//! Arbitrary bytes as a ring's file: what its header says is refused, or is a ring that works, in the room that
//! it says it takes.

#![allow(unsafe_code)]

use std::time::Duration;

use ringway_core::placement::layout::{BYTE_ORDER, FORMAT_VERSION, GEOMETRY_BYTES, MAGIC};
use ringway_core::placement::{AsConsumer, AsObserver, AsProducer, Header};
use ringway_core::{
    Config, Consumer, Geometry, GeometryError, Observer, Placement, Producer, Resume, Start, Stride, Wait,
};
use zerocopy::IntoBytes;

use super::heap::{Locks, Memory};
use super::input::Input;
use super::messages::Quote;
use super::scribble::slots::stamps_apart;
use super::strides::with_stride;

const WORDS: usize = GEOMETRY_BYTES as usize / 8;
const CHECKSUM: usize = WORDS - 1;
/// Rings up to this length are tried out.
const TRIED: u64 = 1 << 17;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    let page = if mode & 1 == 0 { 64 } else { 4096 };
    let (words, contents) = match mode >> 1 & 3 {
        0 => match raw(input.rest()) {
            Ok(found) => found,
            Err(error) => return assert!(matches!(error, GeometryError::TooShort { .. })),
        },
        1 => sealed(&mut input),
        _ => patched(&mut input),
    };
    match decode(&words, page) {
        Ok(geometry) => {
            check(&geometry, &words, page);
            if geometry.total_length() <= TRIED {
                attach(&geometry, contents, page);
            }
        }
        Err(error) => assert!(error.to_string().len() > 20, "{error}"),
    }
}

fn decode(words: &[u64; WORDS], page: u64) -> Result<Geometry, GeometryError> {
    Header::from_bytes(words.as_bytes())?.decode(page)
}

/// The input as it is.
fn raw(bytes: &[u8]) -> Result<([u64; WORDS], &[u8]), GeometryError> {
    Ok((*Header::from_bytes(bytes)?.words(), &bytes[GEOMETRY_BYTES as usize..]))
}

/// The input with all that is the same in every ring put right.
fn sealed<'a>(input: &mut Input<'a>) -> ([u64; WORDS], &'a [u8]) {
    let mut words = [0; WORDS].map(|_: u64| input.word());
    words[..3].copy_from_slice(&[MAGIC, BYTE_ORDER, FORMAT_VERSION]);
    words[3] &= 1;
    seal(&mut words);
    (words, input.rest())
}

/// A right header, some of whose words are changed.
fn patched<'a>(input: &mut Input<'a>) -> ([u64; WORDS], &'a [u8]) {
    let shape = input.byte();
    let config = Config::new().slots(2 << (shape & 3)).max_consumers(1 + u64::from(shape >> 5 & 3));
    let config = with_stride(config, input, shape >> 2 & 3);
    let config = if shape >> 2 & 3 == 3 { config.of_type::<Quote>() } else { config };
    let page = if shape & 16 == 0 { 64 } else { 4096 };
    let geometry = config.geometry(page, Placement::WholeFile, [7; 16], [9; 16]).expect("a small ring");
    let mut words = *geometry.encode().words();
    for _ in 0..input.below(6) {
        let word = input.below(WORDS);
        words[word] = match input.below(4) {
            0 => input.word(),
            1 => words[word] ^ 1 << input.below(64),
            2 => words[word].wrapping_add(input.delta()),
            _ => words[input.below(WORDS)],
        };
    }
    if input.byte() & 1 == 0 {
        seal(&mut words);
    }
    (words, input.rest())
}

/// The checksum that docs/format.md defines.
fn seal(words: &mut [u64; WORDS]) {
    words[CHECKSUM] = words[1..CHECKSUM].as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
}

/// What is accepted says nothing but itself, and its parts lie one behind the other.
fn check(geometry: &Geometry, words: &[u64; WORDS], page: u64) {
    assert_eq!(geometry.encode().words(), words);
    assert!(geometry.slots().is_power_of_two() && geometry.section_align() >= page);
    let mut end = 0;
    for section in [
        geometry.geometry_section(),
        geometry.producer_section(),
        geometry.hints_section(),
        geometry.consumers_section(),
        geometry.slots_section(),
    ] {
        assert_eq!(section.offset, end);
        assert!(section.length > 0 && section.length.is_multiple_of(geometry.section_align()));
        end = section.offset.checked_add(section.length).expect("within the address space");
    }
    assert_eq!(end, geometry.total_length());
    let payloads = u128::from(geometry.slots()) * u128::from(geometry.stride());
    let slots = payloads + u128::from(stamps_apart(geometry));
    assert!(slots <= u128::from(geometry.slots_section().length));
    assert!(geometry.consumers_section().length >= 128 * geometry.max_consumers());
    let (overhead, multiple) = match geometry.stride_kind() {
        Stride::Aligned => (16, 64),
        Stride::Packed => (16, 8),
        Stride::Line => (8, 64),
        Stride::Split => (0, 64),
        unknown => panic!("docs/format.md has no stride {unknown:?}"),
    };
    let stride = (overhead + geometry.payload_capacity()).max(1).next_multiple_of(multiple);
    assert_eq!(geometry.stride(), stride);
    assert!(geometry.stride_kind() != Stride::Line || stride == 64);
}

/// A ring of this geometry that holds `contents` behind its header: each role, a few calls of each.
fn attach(geometry: &Geometry, contents: &[u8], page: u64) {
    let memory = Memory::new(geometry.total_length());
    memory.format(geometry);
    for (index, bytes) in contents.chunks(8).enumerate() {
        let offset = GEOMETRY_BYTES as usize + 8 * index;
        if offset >= memory.length() {
            break;
        }
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        memory.store(offset, u64::from_le_bytes(word));
    }
    let found = memory.snapshot().decode(page).expect("the header that was written");
    assert_eq!(&found, geometry);

    let locks = Locks::default();
    // SAFETY: an observer has no lock.
    let region = unsafe { memory.region::<AsObserver>(geometry, locks.clone()) };
    let mut observer = Observer::attach(region, Start::Oldest, Resume::OldestSafe).ok();
    let cell = (geometry.max_consumers() as usize).min(Locks::CELLS) - 1;
    assert!(locks.take_cell(cell));
    // SAFETY: the cell's lock was just taken.
    let region = unsafe { memory.region::<AsConsumer>(geometry, locks.clone()) };
    // SAFETY: as above.
    let mut consumer = unsafe { Consumer::join(region, cell, Start::Oldest) }.ok();
    assert!(locks.take_producer());
    // SAFETY: the producer's lock was just taken.
    let region = unsafe { memory.region::<AsProducer>(geometry, locks.clone()) };
    let mut producer = Producer::enter(region).ok();

    let capacity = geometry.payload_capacity() as usize;
    let fixed = geometry.stride_kind().is_fixed_length();
    let sound = |length| length <= capacity && (!fixed || length == capacity);
    let message = vec![0xa5; capacity];
    for _ in 0..4 {
        if let Some(producer) = &mut producer {
            producer.set_wait(Wait::Spin);
            let _ = producer.publish_timeout(&message, Duration::from_nanos(1));
            assert!(producer.try_publish(&vec![0; capacity + 1]).is_err());
        }
        if let Some(observer) = &mut observer {
            let received =
                observer.try_recv().ok().and_then(|outcome| outcome.into_message().map(|m| m.len()));
            assert!(received.is_none_or(sound));
        }
        if let Some(consumer) = &mut consumer {
            let received =
                consumer.try_recv().ok().and_then(|outcome| outcome.into_message().map(|m| m.len()));
            assert!(received.is_none_or(sound));
        }
    }
}
