//! The queue before a thread: it is bounded in bytes, and an empty item takes some, too.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A bounded queue from Zenoh's threads, which must not wait, to one of ours.
#[derive(Debug)]
pub struct Inbox<T> {
    queue: Mutex<Queue<T>>,
    filled: Condvar,
    most: usize,
}

#[derive(Debug)]
struct Queue<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    is_nudged: bool,
}

impl<T> Inbox<T> {
    /// Bytes that an item takes besides its size: its place in the queue, and what its allocation costs.
    const EACH: usize = size_of::<(T, usize)>() + 64;

    /// An empty inbox, with room for so many bytes.
    pub fn new(most: usize) -> Self {
        let queue = Queue { items: VecDeque::new(), bytes: 0, is_nudged: false };
        Self { queue: Mutex::new(queue), filled: Condvar::new(), most }
    }

    /// An empty inbox, with room for so many items that have no size.
    pub fn of_items(most: usize) -> Self {
        Self::new(most * Self::EACH)
    }

    /// Adds an item of this size, if there is room: an empty inbox has room for any.
    pub fn push(&self, item: T, size: usize) -> bool {
        let mut queue = self.lock();
        let bytes = size + Self::EACH;
        if !queue.items.is_empty() && queue.bytes + bytes > self.most {
            return false;
        }
        queue.bytes += bytes;
        queue.items.push_back((item, bytes));
        drop(queue);
        self.filled.notify_one();
        true
    }

    /// Adds an item even if there is no room. Callers bound the number of such items themselves.
    pub fn push_always(&self, item: T) {
        let mut queue = self.lock();
        queue.bytes += Self::EACH;
        queue.items.push_back((item, Self::EACH));
        drop(queue);
        self.filled.notify_one();
    }

    /// Ends the wait for an item, or the next one, though none comes.
    pub fn nudge(&self) {
        let mut queue = self.lock();
        let was_nudged = std::mem::replace(&mut queue.is_nudged, true);
        drop(queue);
        if !was_nudged {
            self.filled.notify_one();
        }
    }

    /// Waits for an item or a nudge until `wait` has passed. Returns whether it was only nudged.
    pub fn wait(&self, wait: Duration) -> bool {
        let mut queue = self.lock();
        if queue.items.is_empty() && !queue.is_nudged && !wait.is_zero() {
            queue = self.filled.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut queue.is_nudged) && queue.items.is_empty()
    }

    /// The oldest item. Waits for one until `wait` has passed.
    pub fn pop(&self, wait: Duration) -> Option<T> {
        let mut queue = self.lock();
        if queue.items.is_empty() && !wait.is_zero() {
            queue = self.filled.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (item, size) = queue.items.pop_front()?;
        queue.bytes -= size;
        Some(item)
    }

    /// Whether the inbox is empty.
    pub fn is_empty(&self) -> bool {
        self.lock().items.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_inbox_takes_no_more_and_any_goes_into_an_empty_one() {
        let inbox = Inbox::new(10 + 2 * Inbox::<&str>::EACH);
        assert!(inbox.push("large", 1000));
        assert!(!inbox.push("small", 1));
        assert_eq!(inbox.pop(Duration::ZERO), Some("large"));
        assert!(inbox.push("one", 5) && inbox.push("two", 5) && !inbox.push("three", 1));
        assert_eq!((inbox.pop(Duration::ZERO), inbox.pop(Duration::ZERO)), (Some("one"), Some("two")));
        assert_eq!((inbox.pop(Duration::ZERO), inbox.is_empty()), (None, true));
    }

    #[test]
    fn a_nudge_ends_one_wait_and_no_item_is_lost_by_it() {
        let inbox = Inbox::new(1000);
        inbox.nudge();
        inbox.nudge();
        assert!(inbox.wait(Duration::from_secs(1000)));
        assert!(!inbox.wait(Duration::ZERO));
        inbox.nudge();
        inbox.push("item", 4);
        assert!(!inbox.wait(Duration::from_secs(1000)));
        assert_eq!(inbox.pop(Duration::ZERO), Some("item"));
    }

    #[test]
    fn items_without_bytes_fill_it_too_but_the_few_of_this_process_have_room() {
        let inbox = Inbox::new(100_000);
        let taken = (0..1_000_000).take_while(|_| inbox.push(Vec::<u8>::new(), 0)).count();
        assert!((100..2000).contains(&taken), "{taken}");
        inbox.push_always(b"few".to_vec());
        assert_eq!((0..=taken).filter_map(|_| inbox.pop(Duration::ZERO)).last(), Some(b"few".to_vec()));
        assert!(inbox.is_empty() && inbox.push(Vec::new(), 99_000));
    }
}
