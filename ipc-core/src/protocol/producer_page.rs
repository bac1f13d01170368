//! The producer page's words, as readers and a new producer find them.
//!
//! # Orderings
//! `H1` and `E2` of [`crate::ordering::edge`].

use crate::format::error::Damaged;
use crate::format::layout::{producer_page, ring_state};
use crate::format::seq::{MAX_SEQ, Seq};
use crate::memory::ProducerPage;
use crate::memory::access::{Access, ReadWrite};
use crate::memory::word::Word;
use crate::ordering::edge::{Edge, fence};

/// What a ring's producer page says about its producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum State {
    /// No producer has written to the ring yet.
    NoProducerYet,
    /// A producer has the ring, or died without closing it.
    Open,
    /// The last producer closed the ring: head is final until another one opens it.
    Closed,
}

/// The number of the producer's incarnation, and the ring's state, in one word: they are never seen apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EpochState(u64);

impl EpochState {
    /// No state that a producer writes.
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// An epoch in which the ring is open.
    pub(crate) const fn open(epoch: u64) -> Self {
        Self(epoch << ring_state::BITS | ring_state::OPEN)
    }

    /// The same epoch, closed.
    pub(crate) const fn closed(epoch: u64) -> Self {
        Self(epoch << ring_state::BITS | ring_state::CLOSED)
    }

    /// The number of the producer's incarnation; 0 before the first.
    pub(crate) const fn epoch(self) -> u64 {
        self.0 >> ring_state::BITS
    }

    /// The number of the next incarnation.
    pub(crate) const fn next_epoch(self) -> u64 {
        Self::open(self.epoch().wrapping_add(1)).epoch()
    }

    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    /// The ring's state.
    pub(crate) fn state(self) -> Result<State, Damaged> {
        match self.0 & ring_state::MASK {
            ring_state::NO_PRODUCER_YET => Ok(State::NoProducerYet),
            ring_state::OPEN => Ok(State::Open),
            ring_state::CLOSED => Ok(State::Closed),
            found => Err(Damaged { what: "state", seq: 0, found, expected: ring_state::CLOSED }),
        }
    }
}

/// How often the page is looked at, if producers come and go meanwhile. Each of them takes longer than a look. So a
/// page that changes each time isn't written by producers, and what was found last is as good as anything.
const LOOKS: u32 = 16;

/// What a producer page says, all of one epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) epoch_state: EpochState,
    /// Where that epoch began.
    pub(crate) first_seq: u64,
    /// The message after the last one.
    pub(crate) end: Seq,
}

fn checked_head(head: u64) -> Result<Seq, Damaged> {
    Seq::checked(head).ok_or(Damaged { what: "head", seq: head, found: head, expected: MAX_SEQ })
}

impl ProducerPage<ReadWrite> {
    /// Head, as this producer or the one before it left it. The kernel's lock ordered that one's stores.
    pub(crate) fn own_head(&self) -> Result<Seq, Damaged> {
        Ok(checked_head(self.word::<{ producer_page::HEAD }>().load_own())?.max(self.first))
    }

    /// The state of the producer before. The kernel's lock ordered its stores.
    pub(crate) fn own_epoch_state(&self) -> EpochState {
        EpochState(self.word::<{ producer_page::EPOCH_STATE }>().load_own())
    }
}

impl<A: Access> ProducerPage<A> {
    /// Head, ordered before whatever is read next. It is the ring's first sequence at least: before the first producer
    /// the word is 0.
    #[inline]
    pub(crate) fn head(&self) -> Result<Seq, Damaged> {
        Ok(self.counted()?.max(self.first))
    }

    /// The same of a ring whose first sequence is 0.
    #[inline]
    pub(crate) fn counted(&self) -> Result<Seq, Damaged> {
        let head = self.word::<{ producer_page::HEAD }>().load();
        // H1 pairs with W3.
        fence(Edge::H1);
        checked_head(head)
    }

    /// Epoch and state, ordered before whatever is read next.
    #[inline]
    pub(crate) fn epoch_state(&self) -> EpochState {
        let state = self.epoch_state_now();
        // E2 pairs with E1 and X1.
        fence(Edge::E2);
        state
    }

    /// Epoch and state, for a reader that reads nothing else by them.
    #[inline(always)]
    pub(crate) fn epoch_state_now(&self) -> EpochState {
        EpochState(self.word::<{ producer_page::EPOCH_STATE }>().load())
    }

    /// The word for the first sequence of `epoch`. Epochs take turns in two words. So a producer that begins the next
    /// epoch, and perhaps dies of it, leaves the current one's word alone.
    pub(crate) fn first_seq(&self, epoch: u64) -> Word<'_, A> {
        if epoch.is_multiple_of(2) {
            self.word::<{ producer_page::FIRST_SEQ_EVEN }>()
        } else {
            self.word::<{ producer_page::FIRST_SEQ_ODD }>()
        }
    }

    /// Epoch, state, the epoch's first sequence and head, all of one epoch: if a producer comes or goes meanwhile, they
    /// are read again. `beyond` says how far the messages go on that head doesn't count.
    pub(crate) fn moment(&self, beyond: impl Fn(Seq) -> Seq) -> Result<Moment, Damaged> {
        let look = || -> Result<Moment, Damaged> {
            // Before head: of a ring that is closed, head is final.
            let epoch_state = self.epoch_state();
            let first_seq = self.first_seq(epoch_state.epoch()).load();
            Ok(Moment { epoch_state, first_seq, end: beyond(self.head()?) })
        };
        let mut found = look()?;
        for _ in 1..LOOKS {
            // A reader that saw a later epoch's head or stamps (H1, R1) sees that epoch.
            if self.epoch_state_now() == found.epoch_state {
                break;
            }
            found = look()?;
        }
        Ok(found)
    }
}
