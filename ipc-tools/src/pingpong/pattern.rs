//! What the messages say.

/// Steps between words: odd and far from any short period.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Fills `message` with bytes that depend on `seq`, all of them: no word is the same in two messages of a run.
pub(super) fn fill(message: &mut [u8], seq: u64) {
    let mut word = (seq + 1).wrapping_mul(STEP);
    for bytes in message.chunks_mut(8) {
        word = (word ^ word >> 29).wrapping_mul(STEP);
        bytes.copy_from_slice(&word.to_ne_bytes()[..bytes.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_depends_on_the_sequence() {
        let (mut one, mut other) = ([0; 48], [0; 48]);
        for seq in 0..1000 {
            fill(&mut one, seq);
            fill(&mut other, seq + 1);
            assert!(one.chunks(8).zip(other.chunks(8)).all(|(a, b)| a != b), "{seq}");
        }
    }

    #[test]
    fn any_length_is_filled_to_the_end() {
        for len in 1..40 {
            let mut message = vec![0; len];
            assert!((0..4).any(|seq| {
                fill(&mut message, seq);
                message[len - 1] != 0
            }));
        }
    }
}
