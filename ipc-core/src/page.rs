//! The producer page's words, as readers and a new producer find them.
//!
//! # Orderings
//! `H1`, `X2` and `E2` of [`crate::edge`].

use crate::edge::{Edge, fence};
use crate::error::Damaged;
use crate::layout::{page, ring_state};
use crate::region::{Access, Page, ReadWrite, Word};
use crate::seq::{MAX_SEQ, Seq};

/// What a ring's producer page says about its producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum State {
    /// No producer has written to the ring yet.
    NoProducerYet,
    /// A producer has the ring, or died without closing it.
    Open,
    /// The last producer closed the ring: head is final until another one opens it.
    Closed,
}

impl State {
    pub(crate) const fn code(self) -> u64 {
        match self {
            State::NoProducerYet => ring_state::NO_PRODUCER_YET,
            State::Open => ring_state::OPEN,
            State::Closed => ring_state::CLOSED,
        }
    }
}

fn checked_head(head: u64) -> Result<Seq, Damaged> {
    Seq::checked(head).ok_or(Damaged { what: "head", seq: head, found: head, expected: MAX_SEQ })
}

impl Page<ReadWrite> {
    /// Head, as this producer or the one before it left it. The kernel's lock ordered that one's stores.
    pub(crate) fn own_head(&self) -> Result<Seq, Damaged> {
        checked_head(self.word::<{ page::HEAD }>().load_own())
    }
}

impl<A: Access> Page<A> {
    /// Head, ordered before whatever is read next.
    #[inline]
    pub(crate) fn head(&self) -> Result<Seq, Damaged> {
        let head = self.word::<{ page::HEAD }>().load();
        // H1 pairs with W3.
        fence(Edge::H1);
        checked_head(head)
    }

    /// The ring's state, ordered before whatever is read next.
    #[inline]
    pub(crate) fn state(&self) -> Result<State, Damaged> {
        let found = self.word::<{ page::STATE }>().load();
        // X2 pairs with X1.
        fence(Edge::X2);
        match found {
            ring_state::NO_PRODUCER_YET => Ok(State::NoProducerYet),
            ring_state::OPEN => Ok(State::Open),
            ring_state::CLOSED => Ok(State::Closed),
            _ => Err(Damaged { what: "state", seq: 0, found, expected: ring_state::CLOSED }),
        }
    }

    /// Whether the state is `Open`, for whoever does nothing about it.
    #[inline(always)]
    pub(crate) fn is_open(&self) -> bool {
        self.word::<{ page::STATE }>().load() == ring_state::OPEN
    }

    /// The number of the producer's incarnation; 0 before the first.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        self.word::<{ page::EPOCH }>().load()
    }

    /// The first sequence of `epoch`, which was just read.
    pub(crate) fn epoch_first_seq(&self, epoch: u64) -> u64 {
        // E2 pairs with E1.
        fence(Edge::E2);
        self.first_seq(epoch).load()
    }

    /// The word for the first sequence of `epoch`: epochs take turns in two words, so that who begins the next
    /// one, and perhaps dies of it, leaves that of the current one alone.
    pub(crate) fn first_seq(&self, epoch: u64) -> Word<'_, A> {
        if epoch.is_multiple_of(2) {
            self.word::<{ page::FIRST_SEQ_EVEN }>()
        } else {
            self.word::<{ page::FIRST_SEQ_ODD }>()
        }
    }
}
