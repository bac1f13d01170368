//! How an observer shows itself: in a cell that no scan counts, for display alone.
//!
//! It takes the cell's lock, stores its hints, and then the word with a state of its own. It leaves the cursor alone,
//! and `cells_used` too, so that no scan comes to look at one cell more.
//!
//! # Orderings
//! `L1`/`G2` of [`crate::ordering::edge`]: what the cell's last reader has read is done, though its own store of the
//! word is hidden by this one's.

use crate::format::layout::{cell, cell_state};
use crate::memory::access::AsShown;
use crate::memory::region::Region;
use crate::ordering::edge::Edge;
use crate::protocol::role_words;

/// Shows an observer in `cell`, whose lock the caller holds.
pub(crate) fn show(region: &Region<AsShown>, cell: usize) {
    role_words::sign_cell(&region.cells, cell, region.name);
    let word = region.cells.word::<{ cell::WORD }>(cell);
    let incarnation = (word.load_own() >> cell_state::BITS).wrapping_add(1);
    // L1 pairs with G2. No note of the producer's on a dead reader is about this word.
    word.store_release(incarnation << cell_state::BITS | cell_state::SHOWN, Edge::L1);
}

/// Leaves the cell.
pub(crate) fn hide(region: &Region<AsShown>, cell: usize) {
    role_words::unsign_cell(&region.cells, cell);
    let word = region.cells.word::<{ cell::WORD }>(cell);
    // L1 pairs with G2, as above.
    word.store_release(word.load_own() & !cell_state::MASK | cell_state::FREE, Edge::L1);
}
