//! The one place that names an atomic library and locks: the standard library's in production, loom's under
//! `cfg(loom)`. So the queue that loom explores is the queue that ships.

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering},
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, Ordering},
};

use std::sync::PoisonError;

/// Locks. Nothing panics while it holds one of these locks: wakers are cloned, called and dropped outside.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
