//! What both processes do, in what order: each knows it from the start, so no message has to say it.

use std::ops::Range;

/// Round trips in a block. Blocks of rings and of either kind of bare lines alternate, so that whatever slows the
/// machine down for a while slows both.
const BLOCK: u64 = 2000;

/// A number of round trips, after a block of each kind that isn't counted.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    iterations: u64,
}

/// A block of round trips through the rings, followed by as many through two bare lines, and
/// through rotating ones.
pub(super) struct Block {
    /// Their sequence numbers: the same in the rings and on the lines.
    pub(super) seqs: Range<u64>,
    /// Number of the block.
    pub(super) number: u64,
    /// Whether they count.
    pub(super) counted: bool,
}

impl Plan {
    pub(super) fn new(iterations: u64) -> Self {
        Self { iterations }
    }

    /// Number of round trips that count, of each kind.
    pub(super) fn iterations(self) -> u64 {
        self.iterations
    }

    /// The blocks, in order.
    pub(super) fn blocks(self) -> impl Iterator<Item = Block> {
        let end = BLOCK + self.iterations;
        (0..end).step_by(BLOCK as usize).map(move |first| Block {
            seqs: first..(first + BLOCK).min(end),
            number: first / BLOCK,
            counted: first >= BLOCK,
        })
    }
}
