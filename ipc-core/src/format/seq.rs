//! Sequence numbers and the stamps made of them.

/// The largest sequence a ring may hold: `2 * seq + 2` and every sum with a lap stay within a u64.
///
/// At a billion messages a second it is reached after 146 years.
pub const MAX_SEQ: u64 = 1 << 62;

/// The mark of a stamp that says that its message was skipped. The odd stamps of messages that can be are below it.
const VOID: u64 = 1 << 63;

/// Number of a message: counted up from the ring's first, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Seq(u64);

impl Seq {
    /// Takes a sequence that this process made itself.
    #[inline(always)]
    pub(crate) const fn new(seq: u64) -> Self {
        Self(seq)
    }

    /// Takes a sequence read from shared memory; `None` past [`MAX_SEQ`], which no ring reaches.
    #[inline]
    pub(crate) const fn checked(seq: u64) -> Option<Self> {
        if seq <= MAX_SEQ { Some(Self(seq)) } else { None }
    }

    /// Where every ring ends: head may come to here, and no message is published here.
    pub(crate) const END: Self = Self(MAX_SEQ);

    #[inline(always)]
    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    #[inline(always)]
    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    #[inline(always)]
    pub(crate) const fn plus(self, n: u64) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// `self - n`, or 0 where that would be negative.
    #[inline(always)]
    pub(crate) const fn back(self, n: u64) -> Self {
        Self(self.0.saturating_sub(n))
    }

    /// How many messages `self` is ahead of `other`; 0 where it is behind.
    #[inline(always)]
    pub(crate) const fn since(self, other: Seq) -> u64 {
        self.0.saturating_sub(other.0)
    }

    /// The stamp of a slot in which this message is being written.
    #[inline(always)]
    pub(crate) const fn writing(self) -> u64 {
        self.0.wrapping_mul(2).wrapping_add(1)
    }

    /// The stamp of a slot in which this message is published.
    #[inline(always)]
    pub(crate) const fn published(self) -> u64 {
        self.0.wrapping_mul(2).wrapping_add(2)
    }

    /// The stamp of a slot whose message is void: skipped by the producer.
    #[inline(always)]
    pub(crate) const fn void(self) -> u64 {
        self.writing() | VOID
    }

    /// The message that was skipped, if that is what a stamp says. 2^63 is the even stamp of the last message of all.
    #[inline]
    pub(crate) const fn of_void(stamp: u64) -> Option<Self> {
        if stamp & (VOID | 1) == VOID | 1 { Some(Self((stamp & !VOID) / 2)) } else { None }
    }

    /// The message that a stamp belongs to, be it void; `None` for 0, the stamp of a slot never used.
    #[inline]
    pub(crate) const fn of_stamp(stamp: u64) -> Option<Self> {
        if let Some(void) = Self::of_void(stamp) {
            return Some(void);
        }
        match stamp.checked_sub(1) {
            Some(s) => Some(Self(s / 2)),
            None => None,
        }
    }
}

/// The oldest message that a joining consumer may ask for when head is `head`: half a lap back.
#[inline]
pub(crate) const fn floor(head: Seq, slots: u64) -> Seq {
    Seq(head.0.wrapping_add(slots / 2).saturating_sub(slots))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_odd_while_writing_and_even_when_published() {
        let seq = Seq::new(7);
        assert_eq!((seq.writing(), seq.published()), (15, 16));
        assert_eq!(Seq::of_stamp(15), Some(seq));
        assert_eq!(Seq::of_stamp(16), Some(seq));
        assert_eq!(Seq::of_stamp(0), None);
    }

    #[test]
    fn the_largest_sequence_has_stamps_that_do_not_wrap() {
        let seq = Seq::checked(MAX_SEQ).unwrap();
        assert!(seq.published() > seq.writing());
        assert_eq!(Seq::of_stamp(seq.published()), Some(seq));
        assert_eq!(Seq::checked(MAX_SEQ + 1), None);
    }

    #[test]
    fn a_void_stamp_is_above_all_others_and_names_its_message() {
        for seq in [0, 1, 7, MAX_SEQ - 2, MAX_SEQ - 1].map(Seq::new) {
            assert!(seq.void() > Seq::new(MAX_SEQ - 1).published());
            assert_eq!((Seq::of_void(seq.void()), Seq::of_stamp(seq.void())), (Some(seq), Some(seq)));
            assert_eq!((Seq::of_void(seq.writing()), Seq::of_void(seq.published())), (None, None));
        }
    }

    #[test]
    fn the_floor_is_half_a_lap_back_and_never_negative() {
        assert_eq!(floor(Seq::new(3), 8).get(), 0);
        assert_eq!(floor(Seq::new(10), 8).get(), 6);
        assert_eq!(floor(Seq::new(10), 2).get(), 9);
    }
}
