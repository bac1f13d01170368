//! Every memory ordering of the protocol, by name.
//!
//! # Orderings
//!
//! A reader of a read-only mapping may use nothing but relaxed loads, so an acquire is always a relaxed load
//! followed by an acquire fence. Each edge is one half of a pair. `docs/design.md`, section 5, says what each
//! pair orders and which loom model fails without it; `tests/loom_faults.rs` weakens each of them. A store or
//! load with no edge is relaxed, and needs no more.

use crate::ordering::sync::{self, Ordering};

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
    /// `stamp::begin`: fence after the odd stamp. Pairs with `R2`; with `R1`, for earlier messages; and with `H1`, for a
    /// message that has the slot of a void one.
    W1: Release;
    /// `stamp::publish`: store of the even stamp. Pairs with `R1`.
    W2: Release;
    /// `producer::store_head` and `Producer::enter`: store of head. Pairs with `H1`.
    W3: Release;
    /// `stamp::stamp`: fence after the stamp's load. Pairs with `W2` and `W1`; and with `G1`, after a skip.
    R1: Acquire;
    /// `stamp::unchanged`, after a copy of a message or of a ring (`Freeze`): fence before the stamp's
    /// second load. Pairs with `W1`.
    R2: Acquire;
    /// `ProducerPage::head`: fence after head's load. Pairs with `W3` and `W1`.
    H1: Acquire;
    /// `Cursor::advance` and `Cursor::mend`: store of the cursor. Pairs with `G2`.
    C1: Release;
    /// `join::leave`: store of the cell's word. Pairs with `G2`.
    L1: Release;
    /// `Scanner::pass`: fence between the store of head and the loads of the cells. Pairs with `J1`; with
    /// `K1`, by the load of `clones` before it; with `P1`, for a producer that is about to sleep; and with `R1`, for a
    /// stamp that follows a skip.
    G1: SeqCst;
    /// `Scanner::pass`: fence after the loads of the cells. Pairs with `C1`, `L1` and `J2`.
    G2: Acquire;
    /// `join::join`: fence between the stores to the cell and head's second load. Pairs with `G1`.
    J1: SeqCst;
    /// `join::join`: store of the provisional cursor. Pairs with `G2`.
    J2: Release;
    /// `join::join_beside`: addition to `clones`, after the stores to the clone's cell. Pairs with `G1`.
    K1: Release;
    /// `Producer::close_now`: store of epoch and state, closed. Pairs with `E2`.
    X1: Release;
    /// `Producer::enter`: store of epoch and state, open. Pairs with `E2`.
    E1: Release;
    /// `ProducerPage::epoch_state`: fence after the load of epoch and state. Pairs with `E1` and `X1`.
    E2: Acquire;
    /// `doorbell::published` and `doorbell::wake`, or `doorbell::is_asleep` in a fenced epoch, or
    /// `doorbell::wake_from_elsewhere`: fence between the store of head and the load of `sleepers`. Pairs with `S2`.
    S1: SeqCst;
    /// `doorbell::prepare_sleep`, or `doorbell::barrier` in an asymmetric epoch: fence between the store of `sleepers`
    /// and the last look. Pairs with `S1`.
    S2: SeqCst;
    /// `doorbell::clear_and_ring`: addition to the doorbell, after the store of `sleepers`; `doorbell::announce`: after
    /// the lock was freed. Pairs with `B2`.
    B1: Release;
    /// `doorbell::prepare_sleep` and `doorbell::prepare_nap`: fence between the load of the doorbell and the store of
    /// `sleepers`, and the last look. Pairs with `B1`.
    B2: Acquire;
    /// `space_bell::released` and `space_bell::left`, or `space_bell::wake_if_blocked` in a fenced epoch: fence between
    /// the store to the cell and the load of `blocked_on`. Pairs with `G1`.
    P1: SeqCst;
    /// `header::format`: store of the magic number. Pairs with `F2`.
    F1: Release;
    /// `header::snapshot`: fence after the magic number's load. Pairs with `F1`.
    F2: Acquire;
    /// `CancelWord::cancel`: change of a handle's cancel word. Pairs with `Q2`.
    Q1: Release;
    /// `CancelWord::take`: fence after the cancel word was taken. Pairs with `Q1`.
    Q2: Acquire;
}

/// The fence that `edge` names.
#[inline(always)]
pub(crate) fn fence(edge: Edge) {
    #[cfg(loom)]
    if crate::ordering::fault::weakened(edge) {
        return;
    }
    sync::fence(edge.ordering());
}

/// The ordering of the store that `edge` names.
#[inline(always)]
pub(crate) fn store_ordering(edge: Edge) -> Ordering {
    #[cfg(loom)]
    if crate::ordering::fault::weakened(edge) {
        return Ordering::Relaxed;
    }
    edge.ordering()
}
