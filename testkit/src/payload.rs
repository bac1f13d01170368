//! Messages whose every byte follows from their sequence, so that a reader can tell any other byte.

/// Word `at` of message `seq`: a multiplicative hash, cheap enough to keep a ring busy in a debug build.
#[inline]
fn word(seq: u64, at: u64) -> u64 {
    let mixed = (seq ^ at << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// The length of message `seq`: every one from `least` to `most` comes up.
pub fn length(seq: u64, least: usize, most: usize) -> usize {
    // Neighbours, and neighbours in a slot, differ in length.
    least + (seq.wrapping_mul(7919) % (most - least + 1) as u64) as usize
}

/// The tag of message `seq`.
pub fn tag(seq: u64) -> u32 {
    (word(seq, 1 << 20) >> 32) as u32
}

/// Writes message `seq`, as long as `bytes`.
pub fn fill(seq: u64, bytes: &mut [u8]) {
    let mut chunks = bytes.chunks_exact_mut(8);
    let mut at = 0;
    for chunk in &mut chunks {
        chunk.copy_from_slice(&word(seq, at).to_ne_bytes());
        at += 1;
    }
    let rest = chunks.into_remainder();
    let length = rest.len();
    rest.copy_from_slice(&word(seq, at).to_ne_bytes()[..length]);
}

/// Message `seq`.
pub fn message(seq: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fill(seq, &mut bytes);
    bytes
}

/// Asserts that `bytes` is message `seq`, `length` bytes long.
pub fn verify(seq: u64, length: usize, bytes: &[u8]) {
    assert_eq!(bytes.len(), length, "length of message {seq}");
    let chunks = bytes.chunks_exact(8);
    let rest = chunks.remainder();
    let mut at = 0;
    for chunk in chunks {
        let found = u64::from_ne_bytes(chunk.try_into().expect("8 bytes"));
        assert_eq!(found, word(seq, at), "word {at} of message {seq}, of {length} bytes");
        at += 1;
    }
    assert_eq!(rest, &word(seq, at).to_ne_bytes()[..rest.len()], "last bytes of message {seq}");
}
