//! Every memory ordering of the protocol, by name.
//!
//! # Orderings
//!
//! A reader of a read-only mapping may use nothing but relaxed loads, so an acquire is always a relaxed load
//! followed by an acquire fence. Each edge is one half of a pair. `docs/design.md`, section 5, says what each
//! pair orders and which loom model fails without it; `tests/loom_faults.rs` weakens each of them. A store or
//! load with no edge is relaxed, and needs no more.

use crate::sync::{self, Ordering};

/// Makes the enum, its list and its orderings of one table.
macro_rules! edges {
    ($($(#[doc = $doc:literal])+ $name:ident: $ordering:ident;)+) => {
        /// One half of a pair of orderings.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Edge {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Edge {
            /// All of them, so that a test can tell whether each is covered by a model.
            pub const ALL: &[Edge] = &[$(Edge::$name),+];

            /// The ordering in full strength.
            #[inline(always)]
            const fn ordering(self) -> Ordering {
                match self {
                    $(Edge::$name => Ordering::$ordering,)+
                }
            }
        }
    };
}

edges! {
    /// `slot::begin`: fence after the odd stamp. Pairs with `R2`; and with `R1`, for earlier messages.
    W1: Release;
    /// `slot::publish`: store of the even stamp. Pairs with `R1`.
    W2: Release;
    /// `producer::store_head`: store of head. Pairs with `H1`.
    W3: Release;
    /// `slot::stamp`: fence after the stamp's load. Pairs with `W2` and `W1`.
    R1: Acquire;
    /// `slot::unchanged`: fence before the stamp's second load. Pairs with `W1`.
    R2: Acquire;
    /// `Page::head`: fence after head's load. Pairs with `W3`.
    H1: Acquire;
    /// `consumer::release`: store of the cursor. Pairs with `G2`.
    C1: Release;
    /// `join::leave`: store of the cell's word. Pairs with `G2`.
    L1: Release;
    /// `Gate::slowest`: fence between the store of head and the loads of the cells. Pairs with `J1`.
    G1: SeqCst;
    /// `Gate::slowest`: fence after the loads of the cells. Pairs with `C1`, `L1` and `J2`.
    G2: Acquire;
    /// `join::join`: fence between the stores to the cell and head's second load. Pairs with `G1`.
    J1: SeqCst;
    /// `join::join`: store of the provisional cursor. Pairs with `G2`.
    J2: Release;
    /// `Producer::close`: store of the state. Pairs with `X2`.
    X1: Release;
    /// `Page::state`: fence after the state's load. Pairs with `X1`.
    X2: Acquire;
    /// `Producer::enter`: store of the epoch. Pairs with `E2`.
    E1: Release;
    /// `Page::epoch_first_seq`: fence after the epoch's load. Pairs with `E1`.
    E2: Acquire;
    /// `header::format`: store of the magic number. Pairs with `F2`.
    F1: Release;
    /// `header::snapshot`: fence after the magic number's load. Pairs with `F1`.
    F2: Acquire;
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
