//! Where a `sub` starts that wasn't told.
//!
//! A stream is what one producer publishes from entering to closing: an epoch. The stream that is open now is read from
//! its beginning, without what the ring keeps of streams before it. A closed stream that no consumer has read is there
//! to be read. One that was read is over: the next is waited for. So a pipeline that is run again gets what it got the
//! first time, whichever side starts first.

use ringway::file::FileRing;
use ringway::{AttachError, Ring, Start, State, Stats};

/// Where to start, and what for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) start: Start,
    /// The epoch that is closed and was read, if the one after it is waited for.
    pub(super) awaits_after: Option<u64>,
}

impl Entry {
    /// To start there, and nowhere else.
    pub(super) fn at(start: Start) -> Self {
        Self { start, awaits_after: None }
    }

    /// To start with the stream that a new reader is to read.
    pub(super) fn of_stream(ring: &FileRing) -> Result<Self, AttachError> {
        Ok(choose(&ring.stats()?))
    }
}

fn choose(stats: &Stats) -> Entry {
    let Stats { state, epoch, first_seq, head, .. } = *stats;
    match state {
        State::NoProducerYet => Entry::at(Start::Oldest),
        State::Closed if was_read(stats.furthest_read, first_seq, head) => {
            Entry { start: Start::At(head), awaits_after: Some(epoch) }
        }
        _ => Entry::at(Start::At(first_seq)),
    }
}

/// Whether a consumer read of the stream, or waited for it if there is nothing in it. One that joined in the middle
/// counts as if it had read: where it joined is kept nowhere.
fn was_read(furthest: Option<u64>, first_seq: u64, head: u64) -> bool {
    furthest.is_some_and(|next| next > first_seq || first_seq == head && next == head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_once_a_consumer_has_passed_its_first_message() {
        for (furthest, first_seq, head, read) in [
            (None, 0, 3, false),
            (Some(0), 0, 3, false),
            (Some(1), 0, 3, true),
            (Some(3), 3, 5, false),
            (Some(5), 3, 5, true),
            // An empty stream was read by a consumer that waited for it.
            (None, 0, 0, false),
            (Some(0), 0, 0, true),
            (Some(2), 3, 3, false),
        ] {
            assert_eq!(was_read(furthest, first_seq, head), read, "{furthest:?} {first_seq} {head}");
        }
    }
}
