//! What a peer that keeps to nothing stores, and where.

use ringway_core::{Geometry, MAX_SEQ, Stride};

use super::heap::Memory;
use super::input::Input;

/// As the other tests have it: a change to the format concerns one place.
#[path = "../../../testkit/src/slots.rs"]
pub mod slots;

/// Byte offsets within the sections, as docs/format.md has them.
const HEAD: u64 = 0;
const EPOCH_AND_STATE: u64 = 128;
const FIRST_SEQ_EVEN: u64 = 136;
const FIRST_SEQ_ODD: u64 = 144;
const WAKING: [u64; 4] = [152, 256, 264, 384];
const CURSOR: u64 = 0;
const WORD: u64 = 8;
const PID: u64 = 16;
const CELL: u64 = 128;

/// A store that the input decides on: byte offset and value.
pub fn store(input: &mut Input<'_>, geometry: &Geometry, memory: &Memory) -> (usize, u64) {
    let offset = place(input, geometry, memory);
    (offset, value(input, geometry, memory, offset))
}

fn place(input: &mut Input<'_>, geometry: &Geometry, memory: &Memory) -> usize {
    let page = geometry.producer_section().offset;
    let cells = geometry.consumers_section().offset;
    let kind = input.below(15);
    let at = match kind {
        0 => page + HEAD,
        1 => page + EPOCH_AND_STATE,
        2 => page + FIRST_SEQ_EVEN,
        3 => page + FIRST_SEQ_ODD,
        4..=6 => {
            let cell = input.below(geometry.max_consumers() as usize) as u64;
            cells + CELL * cell + [CURSOR, WORD, PID][kind - 4]
        }
        7..=9 => {
            let slot = input.below(geometry.slots() as usize) as u64;
            let stamp = slots::stamp_offset(geometry, slot);
            match kind {
                7 => stamp,
                8 => slots::length_offset(geometry, slot).unwrap_or(stamp),
                _ => slots::payload_offset(geometry, slot),
            }
        }
        11..=14 => page + WAKING[kind - 11],
        _ => 8 * u64::from(u16::from_le_bytes([input.byte(), input.byte()])),
    };
    // The payload of a slot that holds none is the next slot, or none.
    at as usize % memory.length()
}

fn value(input: &mut Input<'_>, geometry: &Geometry, memory: &Memory, offset: usize) -> u64 {
    let head = memory.load((geometry.producer_section().offset + HEAD) as usize);
    match input.below(11) {
        0 => input.word(),
        1 => memory.load(offset).wrapping_add(input.delta()),
        2 => head.wrapping_add(input.delta()).wrapping_mul(2),
        3 => head.wrapping_add(input.delta()).wrapping_mul(2).wrapping_add(1),
        4 => head.wrapping_add(input.delta()),
        5 => MAX_SEQ.wrapping_add(input.delta()),
        6 => geometry.payload_capacity().wrapping_add(input.delta()),
        7 => u64::MAX.wrapping_add(input.delta()),
        8 => 1 << input.below(64),
        // A void stamp.
        10 => head.wrapping_add(input.delta()).wrapping_mul(2).wrapping_add(1) | 1 << 63,
        _ => input.delta(),
    }
}
