//! A header that isn't exactly what some configuration makes is refused, and never computed with.

#![cfg(not(loom))]

use ringway_core::placement::Header;
use ringway_core::placement::layout::{BYTE_ORDER, GEOMETRY_BYTES, MAGIC};
use ringway_core::{Config, Geometry, GeometryError, MAX_SEQ, Message, Placement, Stride};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const PAGE: u64 = 4096;
const WORDS: usize = GEOMETRY_BYTES as usize / 8;
const FEATURES: usize = 3;
const FIRST_SEQ: usize = 20;
const STRIDE: usize = 6;
const STRIDE_KIND: usize = 7;
const PAYLOAD_CAPACITY: usize = 8;
const CHECKSUM: usize = WORDS - 1;
/// Words that any value may stand in: the ring's id and the boot's.
const FREE: [usize; 4] = [16, 17, 18, 19];

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Quote {
    price: u64,
    quantity: u64,
}

impl Message for Quote {
    const NAME: &'static str = "test.Quote.v1";
}

fn geometry(config: &Config) -> Geometry {
    config.geometry(PAGE, Placement::WholeFile, [7; 16], [9; 16]).unwrap()
}

/// The words of a typed ring's header, of an untyped one's, of two whose messages have one length, and of one that skips.
fn headers() -> [[u64; WORDS]; 5] {
    let typed = Config::new().slots(64).of_type::<Quote>();
    let plain = Config::new().slots(8).payload_capacity(100).stride(Stride::Packed).max_consumers(3);
    let line = Config::new().slots(16).payload_capacity(56).stride(Stride::Line);
    let split = Config::new().slots(16).payload_capacity(64).stride(Stride::Split);
    let skipping = Config::new().slots(8).first_seq(0b1001);
    [typed, plain, line, split, skipping].map(|config| {
        let header = geometry(&config).encode();
        *header.words()
    })
}

fn decode(words: &[u64; WORDS]) -> Result<Geometry, GeometryError> {
    Header::from_bytes(words.as_bytes())?.decode(PAGE)
}

/// The checksum that docs/format.md defines, written a second time.
fn refresh(words: &mut [u64; WORDS]) {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for &byte in words[1..CHECKSUM].as_bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    words[CHECKSUM] = hash;
}

#[test]
fn what_is_encoded_is_decoded() {
    for words in headers() {
        let found = decode(&words).unwrap();
        assert_eq!(found.encode().words(), &words);
    }
    let typed = decode(&headers()[0]).unwrap();
    let info = typed.type_info().unwrap();
    assert_eq!((info.name(), info.size(), info.align()), ("test.Quote.v1", 16, 8));
}

#[test]
fn every_flipped_bit_is_refused() {
    for words in headers() {
        for bit in 0..WORDS * 64 {
            let mut flipped = words;
            flipped[bit / 64] ^= 1 << (bit % 64);
            assert!(decode(&flipped).is_err(), "bit {} of word {}", bit % 64, bit / 64);
        }
    }
}

#[test]
fn every_flipped_bit_under_a_right_checksum_is_refused_or_another_valid_ring() {
    for words in headers() {
        for bit in 64..CHECKSUM * 64 {
            let mut flipped = words;
            flipped[bit / 64] ^= 1 << (bit % 64);
            refresh(&mut flipped);
            if let Ok(found) = decode(&flipped) {
                assert_eq!(found.encode().words(), &flipped, "bit {} of word {}", bit % 64, bit / 64);
            }
        }
    }
}

#[test]
fn a_first_sequence_needs_its_feature_and_a_feature_that_is_not_known_is_refused() {
    let words = headers()[4];
    assert_eq!((words[FEATURES], words[FIRST_SEQ]), (1, 0b1001));
    let geometry = decode(&words).unwrap();
    assert!(geometry.can_skip() && geometry.first_seq() == 0b1001);
    assert!(!decode(&headers()[1]).unwrap().can_skip());
    let changed = |word: usize, value: u64| {
        let mut words = words;
        words[word] = value;
        refresh(&mut words);
        decode(&words)
    };
    let without = GeometryError::Inconsistent { field: "first_seq", found: 0b1001, expected: 0 };
    assert_eq!(changed(FEATURES, 0), Err(without));
    for features in [2, 3, 1 << 63] {
        assert_eq!(changed(FEATURES, features), Err(GeometryError::Features { found: features }));
    }
    for first in [MAX_SEQ, MAX_SEQ + 1, u64::MAX] {
        assert_eq!(changed(FIRST_SEQ, first), Err(GeometryError::FirstSeq { found: first }));
        let config = Config::new().first_seq(first);
        let refused = config.geometry(PAGE, Placement::WholeFile, [7; 16], [9; 16]);
        assert_eq!(refused, Err(GeometryError::FirstSeq { found: first }));
    }
    assert_eq!(changed(FIRST_SEQ, MAX_SEQ - 1).map(|geometry| geometry.first_seq()), Ok(MAX_SEQ - 1));
}

#[test]
fn a_stride_kind_that_is_not_known_is_refused() {
    for mut words in headers() {
        for kind in [4, 5, 64, u64::MAX] {
            words[STRIDE_KIND] = kind;
            refresh(&mut words);
            let error = decode(&words).unwrap_err();
            assert!(matches!(error, GeometryError::Inconsistent { field: "stride kind", .. }), "{error}");
        }
    }
}

#[test]
fn a_line_that_is_to_hold_more_than_56_bytes_is_refused() {
    for capacity in [57, 64, u64::from(u32::MAX), u64::MAX] {
        let mut words = headers()[2];
        words[PAYLOAD_CAPACITY] = capacity;
        refresh(&mut words);
        assert_eq!(decode(&words).unwrap_err(), GeometryError::LineCapacity { found: capacity });
    }
    for stride in [0, 56, 128] {
        let mut words = headers()[2];
        words[STRIDE] = stride;
        refresh(&mut words);
        let error = decode(&words).unwrap_err();
        assert_eq!(error, GeometryError::Inconsistent { field: "stride", found: stride, expected: 64 });
    }
}

#[test]
fn every_field_zeroed_or_maxed_is_refused_by_name() {
    for words in headers() {
        for index in 0..WORDS {
            for value in [0, u64::MAX, 1 << 63] {
                let mut changed = words;
                changed[index] = value;
                if index != CHECKSUM {
                    refresh(&mut changed);
                }
                if changed == words || FREE.contains(&index) {
                    continue;
                }
                match decode(&changed) {
                    Err(error) => assert!(error.to_string().len() > 20, "{error}"),
                    Ok(found) => {
                        // Zero may be another valid choice, such as the other stride kind.
                        assert_eq!(found.encode().words(), &changed, "word {index} = {value:#x}");
                    }
                }
            }
        }
    }
}

#[test]
fn each_kind_of_stranger_is_told_apart() {
    let [words, ..] = headers();
    let with = |index: usize, value: u64| {
        let mut changed = words;
        changed[index] = value;
        decode(&changed).unwrap_err()
    };
    assert_eq!(with(0, 0), GeometryError::NotARing { found: 0 });
    let swapped = BYTE_ORDER.swap_bytes();
    assert_eq!(with(1, swapped), GeometryError::ByteOrder { found: swapped, expected: BYTE_ORDER });
    // Bytes in no order at all are damage, however close to one.
    for mark in [0, 1, u64::MAX, BYTE_ORDER + 1, BYTE_ORDER.rotate_left(32), swapped.swap_bytes() ^ 1 << 63] {
        let error = with(1, mark);
        assert_eq!(error, GeometryError::ByteOrderMark { found: mark, expected: BYTE_ORDER });
        assert!(error.to_string().contains("damaged"), "{error}");
    }
    assert_eq!(with(2, 1), GeometryError::Version { found: 1 });
    assert!(matches!(with(5, 65), GeometryError::Checksum { .. }));
    assert_eq!(MAGIC.to_ne_bytes(), *b"RINGWAY\0");
}

#[test]
fn contradictions_under_a_right_checksum_are_named() {
    let [words, ..] = headers();
    let with = |index: usize, value: u64| {
        let mut changed = words;
        changed[index] = value;
        refresh(&mut changed);
        decode(&changed).unwrap_err()
    };
    assert_eq!(with(3, 2), GeometryError::Features { found: 2 });
    assert_eq!(with(5, 1), GeometryError::Slots { found: 1 });
    assert_eq!(with(5, 100), GeometryError::Slots { found: 100 });
    assert_eq!(with(8, 1 << 40), GeometryError::PayloadCapacity { found: 1 << 40 });
    assert_eq!(with(9, 0), GeometryError::MaxConsumers { found: 0 });
    assert_eq!(with(10, 512), GeometryError::SectionAlign { found: 512, page_size: PAGE });
    let GeometryError::Overflow { slots, .. } = with(10, 1 << 63) else { panic!("must overflow") };
    assert_eq!(slots, 64);
    for (index, field) in
        [(6, "stride"), (11, "producer_offset"), (15, "total_length"), (21, "reserved word")]
    {
        assert!(
            matches!(with(index, 8), GeometryError::Inconsistent { field: named, found: 8, .. } if named == field),
            "{field}"
        );
    }
    assert!(matches!(with(32, 17), GeometryError::TypeFit { .. }));
    assert!(matches!(with(34, 97), GeometryError::TypeName { found: 97 }));
    assert!(matches!(with(35, u64::MAX), GeometryError::TypeName { .. }), "not UTF-8");
}

#[test]
fn a_header_cut_short_is_refused_at_every_length() {
    let [words, ..] = headers();
    for len in 0..GEOMETRY_BYTES as usize {
        let expected = GeometryError::TooShort { found: len as u64, expected: GEOMETRY_BYTES };
        assert_eq!(Header::from_bytes(&words.as_bytes()[..len]).unwrap_err(), expected);
    }
}

#[test]
fn a_larger_page_size_than_the_ring_was_made_for_is_named() {
    let [words, ..] = headers();
    let error = Header::from_bytes(words.as_bytes()).unwrap().decode(65536).unwrap_err();
    assert_eq!(error, GeometryError::SectionAlign { found: 4096, page_size: 65536 });
    assert!(error.to_string().contains("65536"), "{error}");
}

#[test]
fn an_unfinished_header_is_no_ring_and_says_what_it_was_to_become() {
    let geometry = Config::new().geometry(4096, Placement::Embedded, [1; 16], [2; 16]).unwrap();
    let header = geometry.encode();
    let unfinished = header.clone().unfinished();
    assert_eq!(unfinished.decode(4096).unwrap_err(), GeometryError::Unfinished);
    assert_eq!(unfinished.finished().unwrap().decode(4096).unwrap(), geometry);
    assert_eq!(header.finished(), None);
}
