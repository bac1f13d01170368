//! Which errors a call may come to, and within which bounds.

use ringway_core::{AttachError, Copied, Geometry, MAX_SEQ, Outcome, PublishError, RecvError, Start};

/// What bounds the errors of a ring's calls.
pub struct Checks {
    /// Whether anything was stored but by the handles: before that, nothing is damaged.
    pub scribbled: bool,
    cells: usize,
    slots: u64,
    typed: bool,
    /// The length of each message, if they have one.
    fixed: Option<usize>,
    skips: bool,
    /// Whether the producer was to skip as far as sequences go.
    far: bool,
}

impl Checks {
    /// For a new ring.
    pub fn new(geometry: &Geometry) -> Self {
        let (cells, slots) = (geometry.max_consumers() as usize, geometry.slots());
        let typed = geometry.type_info().is_some();
        let capacity = geometry.payload_capacity() as usize;
        let fixed = geometry.stride_kind().is_fixed_length().then_some(capacity);
        Self { scribbled: false, cells, slots, typed, fixed, skips: geometry.can_skip(), far: false }
    }

    /// Checks the length of a received message.
    pub fn length(&self, found: usize, capacity: usize) {
        assert!(found <= capacity && self.fixed.is_none_or(|expected| found == expected));
    }

    /// Checks why no role could be taken.
    pub fn attach(&self, error: &AttachError, start: Start) {
        match error {
            AttachError::Overwritten { asked, oldest } => assert!(asked < oldest),
            AttachError::StartTooLarge { asked } => assert!(start == Start::At(*asked) && *asked > MAX_SEQ),
            AttachError::Damaged(damaged) => assert!(self.scribbled, "{damaged}"),
            other => panic!("{other}"),
        }
    }

    /// Checks why nothing was received, if nothing was.
    pub fn receive(&self, error: Option<RecvError>) {
        match error {
            Some(RecvError::Damaged(damaged)) => assert!(self.scribbled, "{damaged}"),
            // A typed ring is written as plain bytes here.
            Some(RecvError::WrongLength { found, expected, .. }) => {
                assert!(self.typed && self.fixed.is_none() && found != expected);
            }
            Some(RecvError::TooSmall { needed, found }) => assert!(found < needed),
            Some(other) => panic!("{other}"),
            None => {}
        }
    }

    /// Checks why not all was skipped up to `seq`, if it wasn't.
    pub fn skip(&mut self, seq: u64, error: Option<PublishError>) {
        self.far |= seq > MAX_SEQ / 2;
        match error {
            Some(PublishError::NoSkips) => assert!(!self.skips),
            Some(PublishError::SkipBack { asked, next }) => assert!(asked == seq && asked < next),
            other => self.publish(other),
        }
    }

    /// Checks why nothing was published, if nothing was.
    pub fn publish(&self, error: Option<PublishError>) {
        match error {
            Some(PublishError::Full(full) | PublishError::TimedOut(full)) => {
                assert!(full.cell < self.cells && full.lag <= self.slots, "{full}");
            }
            Some(PublishError::TooLong { len, capacity }) => assert!(len > capacity),
            Some(PublishError::BeyondClaim { len, claimed }) => assert!(len > claimed),
            Some(PublishError::BatchTooLong { count, max }) => {
                assert!(count > max && max as u64 == self.slots / 2);
            }
            Some(PublishError::FixedLength { len, expected }) => {
                assert!(len != expected && self.fixed == Some(expected));
            }
            Some(PublishError::NoTags { tag }) => assert!(tag != 0 && self.fixed.is_some()),
            Some(PublishError::Exhausted) => assert!(self.scribbled || self.far),
            Some(PublishError::Deposed { own, found }) => assert!(self.scribbled && own != found),
            Some(other) => panic!("{other}"),
            None => {}
        }
    }
}

/// Checks a message that was copied into a buffer of `room` bytes; returns the error, if it wasn't.
pub fn check_copied(
    result: Result<Outcome<Copied>, RecvError>,
    seq: u64,
    room: usize,
    capacity: usize,
) -> Option<RecvError> {
    match result {
        Ok(Outcome::Message(copied)) => {
            assert!(copied.seq == seq && copied.len <= room.min(capacity));
            None
        }
        other => other.err(),
    }
}
