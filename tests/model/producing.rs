//! The producer's side.

use std::os::unix::fs::MetadataExt;

use ringway::{AttachError, Full, PublishError, Ring};

use crate::payload;
use crate::ringside::Ringside;

impl Ringside {
    pub fn produce(&mut self) {
        match self.ring.producer() {
            Ok(producer) => {
                assert!(!self.model.has_producer);
                self.model.enter();
                self.producer = Some(producer);
            }
            Err(AttachError::ProducerTaken { pid, .. }) => {
                assert!(self.model.has_producer);
                assert_eq!(pid, u64::from(std::process::id()));
            }
            Err(other) => panic!("{other}"),
        }
    }

    pub fn abdicate(&mut self) {
        self.producer = None;
        self.model.has_producer = false;
    }

    pub fn close(&mut self) {
        if let Some(mut producer) = self.producer.take() {
            producer.close().unwrap();
            (self.model.state, self.model.has_producer) = (ringway::State::Closed, false);
        }
    }

    pub fn publish(&mut self, length: usize, tag: u32) {
        let expected = self.room_for_tagged(length, tag).map(|()| self.model.head());
        let Some(producer) = &mut self.producer else { return };
        let message = payload::message(u64::from(tag), length);
        assert_eq!(producer.try_publish_tagged(&message, tag), expected);
        if expected.is_ok() {
            self.model.publish(message, tag);
        }
    }

    pub fn commit(&mut self, claimed: usize, length: usize, tag: u32) {
        let room = self.room_for(claimed);
        let refused = match self.misfit(length, tag) {
            _ if length > claimed => Some(PublishError::BeyondClaim { len: length, claimed }),
            misfit => misfit,
        };
        let Some(producer) = &mut self.producer else { return };
        let message = payload::message(u64::from(tag), length);
        let committed = producer.try_claim(claimed).map(|mut claim| {
            assert_eq!((claim.seq(), claim.len()), (self.model.head(), claimed));
            let fits = length.min(claimed);
            claim[..fits].copy_from_slice(&message[..fits]);
            claim.commit_len_tagged(length, tag)
        });
        match (committed, room) {
            (Err(error), Err(expected)) => assert_eq!(error, expected),
            (Ok(Ok(seq)), Ok(())) => {
                assert_eq!(refused, None);
                assert_eq!(seq, self.model.head());
                self.model.publish(message, tag);
            }
            (Ok(Err(error)), Ok(())) => {
                assert_eq!(Some(error), refused);
                self.model.scratched = true;
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    pub fn abandon(&mut self, claimed: usize) {
        let expected = self.room_for(claimed).map(|()| self.model.head());
        let Some(producer) = &mut self.producer else { return };
        let claimed = producer.try_claim(claimed).map(|mut claim| {
            claim.fill(0xAB);
            claim.seq()
        });
        assert_eq!(claimed, expected);
        self.model.scratched |= expected.is_ok();
    }

    pub fn publish_batch(&mut self, lengths: &[usize]) {
        let misfit = lengths.iter().find_map(|&length| self.misfit(length, 0));
        let room = match misfit {
            Some(error) => Err(error),
            None if lengths.is_empty() => Ok(()),
            None => self.room_for(lengths[0]),
        };
        // How far it is to the slowest consumer; the producer may stop sooner, to look again.
        let most = self
            .slowest()
            .map_or(u64::MAX, |(_, cursor)| (cursor + self.model.slots).saturating_sub(self.model.head()));
        let Some(producer) = &mut self.producer else { return };
        let head = self.model.head();
        let batch: Vec<_> = (head..).zip(lengths).map(|(seq, &len)| payload::message(seq, len)).collect();
        let published = producer.try_publish_batch(&batch);
        assert_eq!(published.map(|_| ()), room);
        if let Ok(published) = published {
            assert!(published as u64 <= most && published <= batch.len());
            assert!(published > 0 || batch.is_empty());
            for message in batch.into_iter().take(published) {
                self.model.publish(message, 0);
            }
        }
    }

    pub fn skip(&mut self, by: i64) {
        let head = self.model.head();
        let slowest = self.slowest();
        let can_skip = self.ring.geometry().can_skip();
        let Some(producer) = &mut self.producer else { return };
        let seq = head.saturating_add_signed(by);
        let skipped = producer.try_skip_to(seq);
        let now = producer.next_seq();
        match skipped {
            Err(PublishError::NoSkips) => assert!(!can_skip && now == head),
            Err(PublishError::SkipBack { asked, next }) => {
                assert!(asked == seq && seq < head && next == head)
            }
            Ok(()) => assert_eq!(now, seq),
            Err(error) => {
                let (cell, cursor) = slowest.expect("only a consumer can be in the way");
                assert!((head..seq).contains(&now));
                assert!(
                    now == head || now == cursor + self.model.slots,
                    "there was room for more than {now}"
                );
                assert_eq!(error, full(cell, self.model.slots));
            }
        }
        // What is more than a lap behind head, and unread, was skipped.
        self.model.skip_to(now);
        if let Some((_, cursor)) = slowest {
            let gone = cursor..now.saturating_sub(self.model.slots);
            assert!(gone.clone().all(|seq| self.model.message(seq).is_none()), "unread and gone: {gone:?}");
        }
    }

    /// What becomes of a message of this length, by the model.
    fn room_for(&self, length: usize) -> Result<(), PublishError> {
        self.room_for_tagged(length, 0)
    }

    /// Why there can be no message of this length and tag, by the model.
    fn misfit(&self, length: usize, tag: u32) -> Option<PublishError> {
        let capacity = self.model.capacity;
        match self.is_fixed_length() {
            true if length != capacity => Some(PublishError::FixedLength { len: length, expected: capacity }),
            true if tag != 0 => Some(PublishError::NoTags { tag }),
            false if length > capacity => Some(PublishError::TooLong { len: length, capacity }),
            _ => None,
        }
    }

    fn room_for_tagged(&self, length: usize, tag: u32) -> Result<(), PublishError> {
        if let Some(error) = self.misfit(length, tag) {
            return Err(error);
        }
        match self.slowest() {
            Some((cell, cursor)) if cursor + self.model.slots <= self.model.head() => {
                // What was skipped beyond a lap isn't in the ring.
                let lag = (self.model.head() - cursor).min(self.model.slots);
                Err(full(cell, lag))
            }
            _ => Ok(()),
        }
    }

    /// The consumer that lags the most, and how far it has read.
    fn slowest(&self) -> Option<(usize, u64)> {
        let cursors = self.consumers.iter().enumerate();
        let cursors = cursors.filter_map(|(cell, slot)| Some((cell, slot.as_ref()?.1.next)));
        cursors.min_by_key(|&(_, cursor)| cursor)
    }
}

/// What a producer says of a full ring whose slowest consumer is this process's, in `cell`.
fn full(cell: usize, lag: u64) -> PublishError {
    let uid = std::fs::metadata("/proc/self").expect("procfs is mounted").uid();
    Full::new(cell, std::process::id().into(), lag).said_by(Some(uid), None).into()
}
