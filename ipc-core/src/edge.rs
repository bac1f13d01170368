//! Every memory ordering of the protocol, by name.
//!
//! # Orderings
//!
//! A reader of a read-only mapping may use nothing but relaxed loads, so an acquire is always a relaxed
//! load followed by an acquire fence. Each edge is one half of a pair:
//!
//! | edge | where | what it is | pairs with | what breaks without it | loom model |
//! | --- | --- | --- | --- | --- | --- |
//! | `W1` | `slot::Writer::begin` | release fence after the odd stamp | `R2` | an observer accepts a mixture of two messages | `observe` |
//! | `W2` | `slot::Writer::publish` | release store of the even stamp | `R1` | a reader sees the stamp before the payload | `consume`, `observe` |
//! | `W3` | `Producer::advance` | release store of head | `H1` | head counts a message that a reader can't see yet | `head` |
//! | `R1` | `slot::published` | acquire fence after the stamp's load | `W2`, `W1` | the payload read is older than the stamp | `consume`, `observe` |
//! | `R2` | `slot::unchanged` | acquire fence before the stamp's second load | `W1` | an overwritten payload passes for intact | `observe` |
//! | `H1` | `header::head` | acquire fence after head's load | `W3` | as `W3` | `head` |
//! | `C1` | `Consumer::release` | release store of the cursor | `G2` | the producer overwrites a slot that is still being read | `gate` |
//! | `L1` | `Consumer::leave` | release store of the cell's word | `G2` | the same, by a consumer that leaves while it holds the last slot | `leave` |
//! | `G2` | `gate::scan` | acquire fence after the loads of all cells | `C1`, `L1` | as `C1`, `L1` | `gate`, `leave` |
//! | `G1` | `gate::scan` | sequentially consistent fence before the cells' loads | `J1` | neither side sees the other: a joiner is overrun | `join` |
//! | `J1` | `join::join` | sequentially consistent fence between the cell's word and head's second load | `G1` | as `G1` | `join` |
//! | `X1` | `Producer::close` | release store of the state | `X2` | `Closed` before the last message | `close` |
//! | `X2` | `header::state` | acquire fence after the state's load | `X1` | as `X1` | `close` |
//! | `E1` | `Producer::enter` | release store of the epoch | `E2` | a new epoch with the old first sequence | `epoch` |
//! | `E2` | `header::epoch` | acquire fence after the epoch's load | `E1` | as `E1` | `epoch` |
//! | `F1` | `header::format` | release store of the magic number | `F2` | a ring that is visible before it is complete | `format` |
//! | `F2` | `header::snapshot` | acquire fence after the magic number's load | `F1` | as `F1` | `format` |
//!
//! A store or load with no edge is relaxed, and needs no more: `docs/design.md` says why for each.

use crate::sync::{self, Ordering};

/// One half of a pair of orderings. See the [module](self) for the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Edge {
    W1,
    W2,
    W3,
    R1,
    R2,
    H1,
    C1,
    L1,
    G1,
    G2,
    J1,
    X1,
    X2,
    E1,
    E2,
    F1,
    F2,
}

impl Edge {
    /// All of them, so that a test can tell whether each is covered by a model.
    #[cfg(loom)]
    pub const ALL: [Edge; 17] = [
        Edge::W1,
        Edge::W2,
        Edge::W3,
        Edge::R1,
        Edge::R2,
        Edge::H1,
        Edge::C1,
        Edge::L1,
        Edge::G1,
        Edge::G2,
        Edge::J1,
        Edge::X1,
        Edge::X2,
        Edge::E1,
        Edge::E2,
        Edge::F1,
        Edge::F2,
    ];

    /// The ordering in full strength.
    #[inline(always)]
    const fn ordering(self) -> Ordering {
        match self {
            Edge::W1 | Edge::W2 | Edge::W3 | Edge::C1 | Edge::L1 | Edge::X1 | Edge::E1 | Edge::F1 => {
                Ordering::Release
            }
            Edge::R1 | Edge::R2 | Edge::H1 | Edge::G2 | Edge::X2 | Edge::E2 | Edge::F2 => Ordering::Acquire,
            Edge::G1 | Edge::J1 => Ordering::SeqCst,
        }
    }
}

/// The fence that `edge` names.
#[inline(always)]
pub(crate) fn fence(edge: Edge) {
    #[cfg(loom)]
    if crate::fault::weakened(edge) {
        return;
    }
    sync::fence(edge.ordering());
}

/// The ordering of the store that `edge` names.
#[inline(always)]
pub(crate) fn store_ordering(edge: Edge) -> Ordering {
    #[cfg(loom)]
    if crate::fault::weakened(edge) {
        return Ordering::Relaxed;
    }
    edge.ordering()
}
