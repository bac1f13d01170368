//! How the threads of an export wait for each other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a thread waits for what can't wake it.
pub(super) const SLICE: Duration = Duration::from_millis(20);
/// How long a thread waits that somebody else wakes.
pub(super) const LONG_SLICE: Duration = Duration::from_millis(200);

/// Waits for the lock. A thread that panicked with it ends the export anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
