//! A frame from the network. All of it is checked before any of it is used, without an allocation.

use super::{Condition, FrameError, HEADER, Header, MAGIC, MAX_SEQ, RECORD, RingId, VERSION};

/// What the sink knows of the ring that it mirrors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    /// The source's ring.
    pub ring_id: RingId,
    /// Longest message, in bytes.
    pub payload_capacity: u64,
    /// Whether all messages have exactly that length, and no tags.
    pub fixed_length: bool,
}

/// A frame that was checked from end to end.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'f> {
    header: Header,
    records: &'f [u8],
}

/// One message of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'f> {
    /// Its sequence.
    pub seq: u64,
    /// Its tag.
    pub tag: u32,
    /// Its bytes.
    pub bytes: &'f [u8],
}

impl<'f> Frame<'f> {
    /// Checks all of a frame.
    ///
    /// # Errors
    /// What is wrong with the frame. The last byte is checked, too.
    ///
    /// # Examples
    /// ```
    /// use ringway_gateway_protocol::frame::{Builder, Condition, Expected, Frame, FrameError};
    ///
    /// let expected = Expected { ring_id: [7; 16], payload_capacity: 48, fixed_length: false };
    /// let mut builder = Builder::new([7; 16]);
    /// builder.push(b"hello", 3);
    /// let bytes = builder.finish(Condition::Live, 1, 0, 1000, 1000);
    ///
    /// let frame = Frame::check(&bytes, &expected)?;
    /// let record = frame.records().next().unwrap();
    /// assert_eq!((record.seq, record.tag, record.bytes), (1000, 3, &b"hello"[..]));
    ///
    /// assert!(matches!(Frame::check(&bytes[..70], &expected), Err(FrameError::Length { found: 6, expected: 13 })));
    /// # Ok::<(), FrameError>(())
    /// ```
    pub fn check(bytes: &'f [u8], expected: &Expected) -> Result<Self, FrameError> {
        let (header, length) = read_header(bytes)?;
        if header.ring_id != expected.ring_id {
            return Err(FrameError::OtherRing);
        }
        let records = &bytes[HEADER..];
        if records.len() as u64 != u64::from(length) {
            return Err(FrameError::Length { found: records.len(), expected: length });
        }
        check_records(records, header.count, expected)?;
        Ok(Self { header, records })
    }

    /// A frame of these bytes, which were checked already, and have this header.
    pub(crate) fn of_checked(bytes: &'f [u8], header: Header) -> Self {
        Self { header, records: bytes.get(HEADER..).unwrap_or_default() }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its messages, in order.
    pub fn records(&self) -> Records<'f> {
        Records { seq: self.header.start, left: self.header.count, rest: self.records }
    }
}

/// The header, checked, and how many bytes of records it names.
fn read_header(bytes: &[u8]) -> Result<(Header, u32), FrameError> {
    let Some(head) = bytes.first_chunk::<HEADER>() else {
        return Err(FrameError::TooShort { found: bytes.len() });
    };
    if head[..4] != MAGIC {
        return Err(FrameError::Magic);
    }
    let version = u16::from_le_bytes([head[4], head[5]]);
    if version != VERSION {
        return Err(FrameError::Version { found: version });
    }
    let condition = Condition::from_code(head[6]).ok_or(FrameError::Condition { found: head[6] })?;
    let u32_at = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
    let u64_at = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
    let header = Header {
        condition,
        ring_id: head[16..32].try_into().expect("16 bytes"),
        epoch: u64_at(32),
        epoch_first: u64_at(40),
        from: u64_at(48),
        start: u64_at(56),
        count: u32_at(8),
    };
    let Header { from, start, count, epoch, epoch_first, .. } = header;
    // `from` can't exceed `start`, so no sum overflows.
    if from > start || start > MAX_SEQ - u64::from(count) || epoch > MAX_SEQ || epoch_first > MAX_SEQ {
        return Err(FrameError::Sequences { from, start, count });
    }
    Ok((header, u32_at(12)))
}

fn check_records(mut rest: &[u8], count: u32, expected: &Expected) -> Result<(), FrameError> {
    for index in 0..count {
        let Some((len, tag, after)) = split_record(rest) else { return Err(FrameError::Record { index }) };
        let fits = match expected.fixed_length {
            true => u64::from(len) == expected.payload_capacity,
            false => u64::from(len) <= expected.payload_capacity,
        };
        if !fits {
            return Err(FrameError::MessageLength { found: len, expected: expected.payload_capacity });
        }
        if expected.fixed_length && tag != 0 {
            return Err(FrameError::Tag { found: tag });
        }
        rest = after.get(len as usize..).ok_or(FrameError::Record { index })?;
    }
    if rest.is_empty() { Ok(()) } else { Err(FrameError::Record { index: count }) }
}

/// Length and tag of the first record, and what follows them.
fn split_record(bytes: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<RECORD>()?;
    let [a, b, c, d, e, f, g, h] = *head;
    Some((u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]), rest))
}

/// The messages of a frame, in order.
#[derive(Clone, Debug)]
pub struct Records<'f> {
    seq: u64,
    left: u32,
    rest: &'f [u8],
}

impl<'f> Iterator for Records<'f> {
    type Item = Record<'f>;

    fn next(&mut self) -> Option<Record<'f>> {
        self.left = self.left.checked_sub(1)?;
        let (len, tag, rest) = split_record(self.rest)?;
        let (bytes, rest) = rest.split_at_checked(len as usize)?;
        let seq = self.seq;
        (self.seq, self.rest) = (seq + 1, rest);
        Some(Record { seq, tag, bytes })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Builder;

    const EXPECTED: Expected = Expected { ring_id: [9; 16], payload_capacity: 48, fixed_length: false };
    const FIXED: Expected = Expected { fixed_length: true, ..EXPECTED };

    fn frame(messages: &[&[u8]]) -> Vec<u8> {
        let mut builder = Builder::new(EXPECTED.ring_id);
        for message in messages {
            builder.push(message, 5);
        }
        builder.finish(Condition::Live, 3, 10, 98, 100)
    }

    #[test]
    fn a_frame_says_what_was_put_in() {
        let bytes = frame(&[b"one", b"", b"three"]);
        let frame = Frame::check(&bytes, &EXPECTED).unwrap();
        let header = frame.header();
        assert_eq!((header.from, header.start, header.count, header.end()), (98, 100, 3, 103));
        assert_eq!((header.epoch, header.epoch_first, header.condition), (3, 10, Condition::Live));
        let records: Vec<_> = frame.records().map(|record| (record.seq, record.tag, record.bytes)).collect();
        assert_eq!(records, [(100, 5, &b"one"[..]), (101, 5, b""), (102, 5, b"three")]);
    }

    #[test]
    fn another_version_is_refused() {
        let mut bytes = frame(&[b"one"]);
        bytes[4] = 2;
        assert_eq!(Frame::check(&bytes, &EXPECTED).unwrap_err(), FrameError::Version { found: 2 });
    }

    #[test]
    fn another_ring_is_refused() {
        let other = Expected { ring_id: [8; 16], ..EXPECTED };
        assert_eq!(Frame::check(&frame(&[b"one"]), &other).unwrap_err(), FrameError::OtherRing);
    }

    #[test]
    fn each_frame_that_was_cut_short_is_refused() {
        let bytes = frame(&[b"one", b"two"]);
        for length in 0..bytes.len() {
            assert!(Frame::check(&bytes[..length], &EXPECTED).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_message_longer_than_the_mirror_takes_is_refused() {
        let refused = Frame::check(&frame(&[&[0; 49]]), &EXPECTED).unwrap_err();
        assert_eq!(refused, FrameError::MessageLength { found: 49, expected: 48 });
    }

    #[test]
    fn a_stride_of_one_length_takes_no_other_and_no_tags() {
        let refused = Frame::check(&frame(&[&[0; 47]]), &FIXED).unwrap_err();
        assert_eq!(refused, FrameError::MessageLength { found: 47, expected: 48 });
        assert_eq!(Frame::check(&frame(&[&[0; 48]]), &FIXED).unwrap_err(), FrameError::Tag { found: 5 });
    }

    #[test]
    fn sequences_past_the_end_are_refused() {
        let mut bytes = frame(&[b"one"]);
        bytes[56..64].copy_from_slice(&MAX_SEQ.to_le_bytes());
        let refused = Frame::check(&bytes, &EXPECTED).unwrap_err();
        assert_eq!(refused, FrameError::Sequences { from: 98, start: MAX_SEQ, count: 1 });
    }

    #[test]
    fn more_records_than_bytes_are_refused() {
        let mut bytes = frame(&[b"one"]);
        bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Frame::check(&bytes, &EXPECTED).unwrap_err(), FrameError::Record { index: 1 });
    }

    #[test]
    fn bytes_after_the_last_record_are_refused() {
        let mut bytes = frame(&[b"one", b"two"]);
        bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
        assert_eq!(Frame::check(&bytes, &EXPECTED).unwrap_err(), FrameError::Record { index: 1 });
    }

    proptest! {
        /// Whatever a peer changes: an error, or a frame all of whose records are there.
        #[test]
        fn any_bytes_are_refused_or_are_a_whole_frame(
            changes in prop::collection::vec((0_usize..96, any::<u8>()), 0..8),
            cut in 0_usize..96,
        ) {
            let mut bytes = frame(&[b"one", b"", b"three"]);
            for (at, byte) in changes {
                if let Some(found) = bytes.get_mut(at) {
                    *found = byte;
                }
            }
            bytes.truncate(bytes.len().max(cut) - cut.min(bytes.len()) / 8);
            if let Ok(frame) = Frame::check(&bytes, &EXPECTED) {
                prop_assert_eq!(frame.records().count(), frame.header().count as usize);
                prop_assert!(frame.records().all(|record| record.bytes.len() <= 48));
            }
        }
    }
}
