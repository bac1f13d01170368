//! Every single bit of a ring's header flipped, and its file cut short at every length: opening it says what is
//! wrong, or gives a ring that works, in bounded memory.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ringway_core::{AttachError, Config, GeometryError, Message, Outcome, Resume, Ring, Start, Stride};
use ringway_file::{FileError, FileRing, OpenOptions};
use testkit::files::{small, vacant};
use testkit::header::seal;
use testkit::status::{PEAK_ADDRESSES, own};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const WORDS: u64 = 48;
const STRIDE_KIND: u64 = 7;
const CHECKSUM: u64 = WORDS - 1;
/// Words of which every value is right: the ring's id.
const RING_ID: [u64; 2] = [16, 17];
/// More address space than opening small rings takes, and much less than what a flipped length would.
const ADDRESSES_KIB: u64 = 1 << 20;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Quote([u64; 6]);

impl Message for Quote {
    const NAME: &'static str = "test.Quote.v1";
}

/// Plain bytes, packed plain bytes, a type, bytes of one length, and bytes of which some may be skipped, in rings of a few
/// pages.
fn configs() -> [Config; 6] {
    let packed = Config::new().slots(4).payload_capacity(13).stride(Stride::Packed).max_consumers(3);
    let line = Config::new().slots(4).payload_capacity(56).stride(Stride::Line).max_consumers(3);
    let split = Config::new().slots(4).payload_capacity(64).stride(Stride::Split).max_consumers(3);
    [small(), packed, small().of_type::<Quote>(), line, split, small().first_seq(7)]
}

/// Flips each bit of the header in turn, with the checksum put right or not, and hands the outcome of opening the
/// file, for writing or for reading, to `check`.
fn each_flip(
    words: std::ops::Range<u64>,
    sealed: bool,
    check: impl Fn(u64, u64, Result<FileRing, FileError>, bool),
) {
    let before = own(PEAK_ADDRESSES);
    for config in configs() {
        let (_directory, path) = vacant();
        ringway_file::create(&path, &config).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let mut header = [0; 384];
        file.read_exact_at(&mut header, 0).unwrap();
        let rest = vec![0; file.metadata().unwrap().len() as usize - 384];
        for bit in words.start * 64..words.end * 64 {
            // What was written by one stride kind is damage to another.
            if bit / 64 == STRIDE_KIND || bit % 64 == 0 {
                file.write_all_at(&rest, 384).unwrap();
            }
            let mut flipped = header;
            flipped[bit as usize / 8] ^= 1 << (bit % 8);
            if sealed {
                seal(&mut flipped);
            }
            file.write_all_at(&flipped, 0).unwrap();
            check(bit / 64, bit % 64, ringway_file::open(&path), true);
            check(bit / 64, bit % 64, ringway_file::open_read_only(&path), false);
        }
        file.write_all_at(&header, 0).unwrap();
        works(&ringway_file::open(&path).unwrap());
    }
    assert!(own(PEAK_ADDRESSES) < before + ADDRESSES_KIB);
}

/// A lap and a half of messages, from a producer to a consumer and an observer.
fn works(ring: &FileRing) {
    let geometry = ring.geometry().clone();
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    let mut producer = ring.producer_of_any_type().unwrap();
    let mut observer = ring.observer(Start::Latest, Resume::OldestSafe).unwrap();
    let mut expected = Vec::new();
    for round in 0..geometry.slots() * 3 / 2 {
        expected = vec![round as u8; geometry.payload_capacity() as usize];
        let seq = producer.try_publish(&expected).unwrap();
        let Outcome::Message(message) = consumer.try_recv().unwrap() else { panic!("no message {seq}") };
        assert_eq!((message.seq(), &*message), (seq, &expected[..]));
    }
    let seen = loop {
        match observer.try_recv().unwrap() {
            Outcome::Message(message) if message.seq() + 1 == producer.next_seq() => break message.to_vec(),
            Outcome::Message(_) | Outcome::Lagged(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(seen, expected);
}

#[test]
fn a_header_with_any_bit_flipped_is_refused() {
    each_flip(0..WORDS, false, |word, bit, opened, _| {
        let error = opened.expect_err("a checksum that is wrong");
        assert!(matches!(error, FileError::Geometry { .. }), "bit {bit} of word {word}: {error}");
    });
}

#[test]
fn a_header_with_any_bit_flipped_under_a_right_checksum_is_refused_or_a_ring_that_works() {
    each_flip(0..CHECKSUM, true, |word, bit, opened, write| match opened {
        Ok(ring) if write => works(&ring),
        Ok(ring) => {
            drop(ring.observer(Start::Oldest, Resume::Latest).unwrap());
        }
        Err(FileError::Geometry { .. } | FileError::OtherBoot { .. } | FileError::WrongPlacement { .. }) => {
            assert!(!RING_ID.contains(&word), "bit {bit} of word {word}")
        }
        Err(other) => panic!("bit {bit} of word {word}: {other}"),
    });
}

/// What is said of a file with room for `found` bytes of a ring of `expected`.
fn is_too_short(error: &GeometryError, found: u64, expected: u64) -> bool {
    match *error {
        GeometryError::TooShort { found: said, .. } => said == found && found < WORDS * 8,
        GeometryError::Length { found: said, expected: whole } => (said, whole) == (found, expected),
        _ => false,
    }
}

fn is_refused(path: &Path, options: &OpenOptions, found: u64, expected: u64) {
    for opened in [options.open(path), options.open_read_only(path)] {
        match opened.expect_err("a ring cut short") {
            FileError::Geometry { error, .. } if is_too_short(&error, found, expected) => {}
            other => panic!("{found} bytes of {expected}: {other}"),
        }
    }
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let (_directory, path) = vacant();
    let geometry = ringway_file::create(&path, &small()).unwrap().geometry().clone();
    let file = File::options().write(true).open(&path).unwrap();
    for length in (0..geometry.total_length()).rev() {
        file.set_len(length).unwrap();
        is_refused(&path, &OpenOptions::new(), length, geometry.total_length());
    }
}

#[test]
fn a_larger_file_cut_short_anywhere_in_its_ring_is_refused() {
    let (_directory, path) = vacant();
    let options = OpenOptions::new().offset(8192);
    let geometry = options.create(&path, &small()).unwrap().geometry().clone();
    let file = File::options().write(true).open(&path).unwrap();
    for length in (0..geometry.total_length()).rev() {
        file.set_len(8192 + length).unwrap();
        is_refused(&path, &options, length, geometry.total_length());
    }
}

#[test]
fn a_ring_cut_short_anywhere_after_it_was_opened_gives_no_role() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let (expected, file) = (ring.geometry().total_length(), File::options().write(true).open(&path).unwrap());
    for length in (0..expected).rev() {
        file.set_len(length).unwrap();
        let refusals = [
            ring.producer().err(),
            ring.consumer(Start::Oldest).err(),
            ring.observer(Start::Oldest, Resume::Latest).err(),
        ];
        for refusal in refusals {
            match refusal.expect("a ring cut short") {
                AttachError::Geometry(error) => assert!(is_too_short(&error, length, expected), "{error}"),
                other => panic!("{other}"),
            }
        }
    }
}
