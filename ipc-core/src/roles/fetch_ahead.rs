//! Fetching ahead: a consumer that reads a stream one by one has the cache fetch messages before it is their turn.
//!
//! Only messages that are there are fetched: a line that the producer writes next would have to go back to it. A
//! look at the last of them tells, since messages are published in order. Its own slot was fetched at the look before,
//! there or not, so that the look itself waits for nothing. If the message isn't there yet, the producer is still that
//! far from its line.

use crate::roles::cursor::Cursor;

/// So many messages are fetched at a time.
const RUN: u64 = 8;
/// How far from the next message the first of them is: as long as a line takes to come.
const DISTANCE: u64 = 16;
/// How far the last of them is.
const LAST: u64 = DISTANCE + RUN - 1;
/// How many messages are read before the next look, if they weren't there.
const AGAIN: u64 = 32;
/// In smaller rings no message is far enough from the producer.
const LEAST_SLOTS: u64 = 256;
/// No message's stamp is as late.
const NEVER: u64 = u64::MAX;

impl Cursor {
    /// Has a run of later messages fetched, if they are there. Returns the stamp of the message before which to do so
    /// again.
    ///
    /// The look is relaxed: nothing but prefetches comes of it. Each message is looked at anew when it is its turn.
    pub(crate) fn fetch_ahead(&self) -> u64 {
        let (slots, next) = (&self.region.slots, self.next());
        if slots.count() < LEAST_SLOTS {
            return NEVER;
        }
        // A forked child has no slots.
        if !self.region.fork.is_valid() {
            return next.published();
        }
        let last = next.plus(LAST);
        let are_there = if self.goes_by_head() {
            last < self.last_head()
        } else {
            slots.at(last).stamp().load() == last.published()
        };
        if are_there {
            slots.prefetch(next.plus(DISTANCE), RUN);
        }
        let step = if are_there { RUN } else { AGAIN };
        slots.prefetch(last.plus(step), 1);
        next.plus(step).published()
    }
}
