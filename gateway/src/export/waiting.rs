//! How the threads of an export wait for each other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest wait for an event that wakes nobody.
pub(super) const SLICE: Duration = Duration::from_millis(20);
/// Longest wait of a thread that is woken when there is work.
pub(super) const LONG_SLICE: Duration = Duration::from_millis(200);

/// Waits for the lock. A thread that panicked with it ends the export anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
