//! How much room there is, and for which readers.

use crate::format::error::PublishError;
use crate::format::seq::Seq;
use crate::protocol::scan::Purpose;
use crate::roles::producer::Producer;

impl Producer {
    /// How many messages may be written before the consumers' cursors are read again: as last known, and at most half
    /// the ring. There may be more room by now, never less.
    pub fn room(&self) -> u64 {
        self.position.limit.since(self.position.next)
    }

    /// How many messages there is room for now, by a scan of the consumers' cursors: all slots with no consumer
    /// attached. A consumer that joins before they are written may take some of it away, down to half the ring.
    ///
    /// What counts is what holds this producer back:
    /// - A consumer that died counts until it leaves no room at all. Only then does the scan ask the kernel, and ignore
    ///   it. [`Observer::count_room`](crate::Observer::count_room) and [`Stats::room`](crate::Stats::room) don't count
    ///   it, and may say more until then.
    /// - A best-effort reader counts until this producer passes it over, which this call never does.
    /// - With no consumer attached the answer is all slots, even if this producer
    ///   [requires readers](Self::require_readers): then the next call that looks for room ends as `NoReaders`.
    /// - It is 0 while another process writes the word `clones` all the time: see [`Full`](crate::Full).
    ///
    /// # Errors
    /// `Closed`, `Deposed`, `Forked`, `Truncated`.
    pub fn count_room(&mut self) -> Result<u64, PublishError> {
        self.region.fork.check_for::<PublishError>()?;
        self.check_open()?;
        let scanned = self.scanner.scan(&self.region, self.position.next, 1, Purpose::Asks);
        self.check_epoch()?;
        let found = self.scanner.found();
        if let Ok(limit) = scanned
            && (found.readers || !self.requires_readers)
        {
            self.position.limit = limit.min(Seq::END);
        }
        Ok(found.room.min(Seq::END.since(self.position.next)))
    }

    /// How many published messages some attached consumer hasn't released: what [`count_room`](Self::count_room) leaves
    /// of the slots. So a consumer that died counts here, too, until the ring is full. 0 with no consumer attached. It
    /// may be less by the time this returns.
    ///
    /// # Errors
    /// As for [`count_room`](Self::count_room).
    pub fn len(&mut self) -> Result<u64, PublishError> {
        self.count_room()?;
        Ok(self.region.geometry.slots.saturating_sub(self.scanner.found().room))
    }

    /// Whether [`len`](Self::len) is 0: each attached consumer has released everything.
    ///
    /// # Errors
    /// As for [`count_room`](Self::count_room).
    pub fn is_empty(&mut self) -> Result<bool, PublishError> {
        Ok(self.len()? == 0)
    }

    /// Sets whether this producer publishes only while consumers are attached. At first it doesn't care: with no
    /// consumer attached it publishes to observers, or to nobody, and never waits.
    ///
    /// If it requires readers, a call that looks for room and finds no consumer ends as
    /// [`NoReaders`](PublishError::NoReaders), and so does one that waits for room when the last consumer leaves or
    /// dies. [`count_room`](Self::count_room) looks, too, but answers as if this producer didn't care. Calls look for
    /// room once in half a lap: until then a producer whose last consumer leaves publishes on. A consumer that died
    /// counts until the ring is full. Observers don't count. Best-effort readers do, but for those that this producer
    /// goes on without: if all of them were passed over, and no consumer is there, the call ends before it writes anything.
    pub fn require_readers(&mut self, requires: bool) {
        self.requires_readers = requires;
        // The next call looks.
        self.position.limit = self.position.limit.min(self.position.next);
    }
}
