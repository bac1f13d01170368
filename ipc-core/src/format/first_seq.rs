//! Rings whose sequences are given from elsewhere: where they begin, and that some may be left out.

use crate::format::error::GeometryError;
use crate::format::geometry::{Config, Geometry};
use crate::format::seq::{MAX_SEQ, Seq, floor};

impl Config {
    /// Sequence of the ring's first message, below 2^62; and the producer may leave sequences out, by
    /// [`skip_to`](crate::Producer::skip_to). At first: 0, and none is left out.
    ///
    /// It is for rings whose sequences are given from elsewhere, as a copy's are by its original. Readers are told of
    /// what is left out as [`Lagged`](crate::Outcome::Lagged), consumers among them. Programs from before there was this
    /// choice refuse such a ring. A consumer of [`Stride::Split`](crate::Stride::Split) looks at the stamps there, which
    /// costs it a part of what that stride saves.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Outcome, Ring, Start};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = ringway::anon::create(&Config::new().first_seq(1000))?;
    /// let mut consumer = ring.consumer(Start::Oldest)?;
    /// let mut producer = ring.producer()?;
    /// assert_eq!(producer.publish(b"first")?, 1000);
    /// producer.skip_to(1005)?;
    /// assert_eq!(producer.publish(b"second")?, 1005);
    /// assert!(matches!(consumer.try_recv()?, Outcome::Message(message) if message.seq() == 1000));
    /// assert!(matches!(consumer.try_recv()?, Outcome::Lagged(4)));
    /// assert!(matches!(consumer.try_recv()?, Outcome::Message(message) if message.seq() == 1005));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn first_seq(mut self, seq: u64) -> Self {
        self.first_seq = Some(seq);
        self
    }
}

/// Whether a ring's first message can have this sequence.
pub(crate) const fn check_first_seq(found: u64) -> Result<(), GeometryError> {
    if found < MAX_SEQ { Ok(()) } else { Err(GeometryError::FirstSeq { found }) }
}

impl Geometry {
    /// Sequence of the ring's first message.
    pub fn first_seq(&self) -> u64 {
        self.first_seq.unwrap_or(0)
    }

    /// Whether the producer may leave sequences out: see [`Config::first_seq`].
    pub fn can_skip(&self) -> bool {
        self.first_seq.is_some()
    }

    /// Whether consumers go by head, and leave the stamps to observers and successors. Head doesn't tell what is skipped.
    pub(crate) fn is_read_by_head(&self) -> bool {
        self.stride_kind.is_read_by_head() && !self.can_skip()
    }

    /// The oldest message that a ring may keep whose head is `head`.
    pub(crate) fn edge(&self, head: Seq) -> Seq {
        head.back(self.slots).max(Seq::new(self.first_seq()))
    }

    /// The oldest message that a joining consumer may ask for when head is `head`: half a lap back.
    pub(crate) fn floor(&self, head: Seq) -> Seq {
        floor(head, self.slots).max(Seq::new(self.first_seq()))
    }
}
