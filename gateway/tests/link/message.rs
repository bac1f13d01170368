//! The content of messages, which follows from their sequences.

/// One of this many messages is as long as its slot.
const LONG: u64 = 64;
/// Longest of the others, in bytes.
const SHORT: u64 = 120;

/// The bytes of message `seq` of a ring of this payload capacity, into `bytes`.
pub fn write(seq: u64, capacity: usize, bytes: &mut Vec<u8>) {
    let length = length(seq, capacity);
    bytes.clear();
    let mut word = seq;
    while bytes.len() < length {
        bytes.extend_from_slice(&word.to_le_bytes());
        word = mixed(word);
    }
    bytes.truncate(length);
}

/// The tag of message `seq`.
pub fn tag(seq: u64) -> u32 {
    mixed(seq ^ 0x7461_6773) as u32
}

/// Length of a message: at least 8 bytes, for the sequence.
fn length(seq: u64, capacity: usize) -> usize {
    let number = mixed(!seq);
    if number.is_multiple_of(LONG) {
        capacity
    } else {
        capacity.min(8 + (number >> 8) as usize % SHORT as usize)
    }
}

/// Words that look random (splitmix64).
fn mixed(word: u64) -> u64 {
    let mut word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}
