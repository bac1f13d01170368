//! Coalescing: a consumer that lets several messages come before it reads on, and then reads them one by one.

use crate::protocol::wait::Limit;
use crate::roles::consumer::Consumer;

/// How many messages a consumer lets come at once, and when.
#[derive(Debug, Default)]
pub(crate) struct Coalescing {
    /// How many; 0 if it doesn't.
    messages: u64,
    /// Before it reads the message of this stamp, or a later one, it lets others come, or has those that are there
    /// fetched.
    pub(crate) from: u64,
}

impl Consumer {
    /// Has calls that wait for one message let `messages` of them come before they return the first; 0, as at first:
    /// none.
    ///
    /// A consumer that reads each message at once takes from the producer the cache line that it writes next, which
    /// slows both down. One that coalesces waits until the next `messages` are there, then reads them without
    /// another wait. How much faster that makes a stream depends on the processor and on the producer: measure it. Each
    /// message is older by what it waits for the others: between 1 and 2 microseconds for 64 messages at full speed. It
    /// is for streams, not for requests and replies.
    ///
    /// The wait ends after some microseconds, whether the messages come or not. So each message comes, the last
    /// ones and the ring's end included. Where messages come slowly, one in so many pays for a wait in vain. A
    /// time-out of zero doesn't wait.
    ///
    /// Of a small ring, or of long messages, it is fewer: a quarter of the slots at most, and 32 KiB of them.
    /// [`coalescing`](Self::coalescing) says how many. [`recv_batch`](Self::recv_batch) and its like don't go by
    /// this: they coalesce as their batches ask for.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Consumer, Outcome, RecvError};
    /// fn count_all(consumer: &mut Consumer) -> Result<u64, RecvError> {
    ///     consumer.set_coalescing(64); // throughput, at the price of latency
    ///     let mut count = 0;
    ///     while let Outcome::Message(_) = consumer.recv()? {
    ///         count += 1;
    ///     }
    ///     consumer.set_coalescing(0);
    ///     Ok(count)
    /// }
    /// ```
    pub fn set_coalescing(&mut self, messages: usize) {
        let messages = self.cursor.at_most_ahead(messages as u64);
        // One message is what a call waits for anyway.
        self.coalescing = if messages > 1 {
            Coalescing { messages, from: self.cursor.next().published() }
        } else {
            Coalescing::default()
        };
    }

    /// How many messages calls that wait for one let come; 0 if they don't: see
    /// [`set_coalescing`](Self::set_coalescing).
    pub fn coalescing(&self) -> usize {
        self.coalescing.messages as usize
    }

    /// Lets messages come. The next ones are read without a wait: they are there, or they come slowly. A consumer that
    /// doesn't coalesce has those fetched that are there.
    #[cold]
    #[inline(never)]
    pub(crate) fn coalesce(&mut self, limit: Limit) {
        let messages = self.coalescing.messages;
        if messages == 0 {
            self.coalescing.from = self.cursor.fetch_ahead();
            return;
        }
        if limit.is_over() {
            return;
        }
        self.cursor.fall_back(messages);
        self.coalescing.from = self.cursor.next().plus(messages).published();
    }
}
