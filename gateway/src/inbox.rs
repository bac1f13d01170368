//! What comes from the link, until the thread whose work it is has time: bounded in bytes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A bounded queue between Zenoh's threads, which must not wait, and one of ours.
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
}

impl<T> Inbox<T> {
    /// An empty one, with room for so many bytes.
    pub fn new(most: usize) -> Self {
        let queue = Queue { items: VecDeque::new(), bytes: 0 };
        Self { queue: Mutex::new(queue), filled: Condvar::new(), most }
    }

    /// Adds an item of this size, if there is room: an empty queue has room for any.
    pub fn push(&self, item: T, size: usize) -> bool {
        let mut queue = self.lock();
        if !queue.items.is_empty() && queue.bytes + size > self.most {
            return false;
        }
        queue.bytes += size;
        queue.items.push_back((item, size));
        drop(queue);
        self.filled.notify_one();
        true
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

    /// Whether nothing is there.
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
        let inbox = Inbox::new(10);
        assert!(inbox.push("large", 100));
        assert!(!inbox.push("small", 1));
        assert_eq!(inbox.pop(Duration::ZERO), Some("large"));
        assert!(inbox.push("one", 5) && inbox.push("two", 5) && !inbox.push("three", 1));
        assert_eq!((inbox.pop(Duration::ZERO), inbox.pop(Duration::ZERO)), (Some("one"), Some("two")));
        assert_eq!((inbox.pop(Duration::ZERO), inbox.is_empty()), (None, true));
    }
}
