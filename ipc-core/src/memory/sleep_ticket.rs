//! What a thread sleeps on: the address of a word, and the value that it had before the last look.
//!
//! A ticket holds no borrow. Nothing here reads the word: the kernel does, and it checks the address.

use core::time::Duration;

use crate::memory::access::Access;
use crate::memory::futex_word::FutexWord;
#[cfg(not(loom))]
use crate::ordering::sync::PrivateU32;

/// What to sleep on until a ring's other side does something: see
/// [`Waitable::prepare_sleep`](crate::Waitable::prepare_sleep).
///
/// A ticket says where a word lies and what it held before the handle's last look. A sleep on it ends at once if the
/// word has changed since. The handle may be dropped before its ticket: then the sleep ends at once or by its time.
///
/// # Examples
/// ```
/// use ringway::{Config, Readiness, Ring, Start, Waitable, sleep_any};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let _producer = ring.producer()?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// if let Readiness::Sleep(ticket) = consumer.prepare_sleep(false) {
///     assert_ne!(ticket.address(), 0);
///     assert!(ticket.longest() <= std::time::Duration::from_millis(100));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SleepTicket {
    address: usize,
    value: u32,
    longest: Duration,
    /// Whether other processes may wake its sleepers.
    #[cfg(not(loom))]
    shared: bool,
    /// The cell whose bell it is, if it is a space bell.
    cell: usize,
}

impl SleepTicket {
    /// Sleeps on `bell` while it is `value`, for `longest` at most.
    pub(crate) fn new<A: Access>(bell: &FutexWord<'_, A>, value: u32, longest: Duration) -> Self {
        Self {
            address: bell.address(),
            value,
            longest,
            #[cfg(not(loom))]
            shared: true,
            cell: 0,
        }
    }

    /// The same, of the space bell of `cell`.
    pub(crate) fn of_cell(self, cell: usize) -> Self {
        Self { cell, ..self }
    }

    /// The cell that [`of_cell`](Self::of_cell) named.
    pub(crate) fn cell(&self) -> usize {
        self.cell
    }

    /// A ticket for a word of this process's own, such as one by which other threads end the sleep: they change the
    /// word and wake its sleepers (`FUTEX_WAKE` with `FUTEX_PRIVATE_FLAG`). Its sleep is as long as the caller likes.
    ///
    /// # Examples
    /// ```
    /// use ringway::{SleepTicket, Slept, sleep_any};
    /// use std::sync::atomic::AtomicU32;
    /// use std::time::Duration;
    ///
    /// let word = AtomicU32::new(1);
    /// // It was 0 when this thread looked: it has changed.
    /// let slept = sleep_any(&[SleepTicket::private(&word, 0)], Duration::MAX);
    /// assert!(matches!(slept, Slept::Changed | Slept::Denied));
    /// ```
    #[cfg(not(loom))]
    #[must_use]
    pub fn private(word: &PrivateU32, value: u32) -> Self {
        Self::of_own(core::ptr::from_ref(word).addr(), value)
    }

    /// The same by the word's address.
    #[cfg(not(loom))]
    pub(crate) fn of_own(address: usize, value: u32) -> Self {
        Self { address, value, longest: Duration::MAX, shared: false, cell: 0 }
    }

    /// The word's address in this process: 4 bytes long, and aligned to 4 bytes.
    #[must_use]
    pub fn address(&self) -> usize {
        self.address
    }

    /// The word's value before the handle's last look.
    #[must_use]
    pub fn value(&self) -> u32 {
        self.value
    }

    /// How long to sleep at most. Then the handle is to be asked again, with `asks`: its peer may be dead, or the
    /// wake may have been lost.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The same word at another value, for a thread that goes on watching it after a ring: each adds 1 to a bell.
    ///
    /// # Examples
    /// ```
    /// use ringway::SleepTicket;
    /// use std::sync::atomic::AtomicU32;
    ///
    /// let word = AtomicU32::new(1);
    /// let ticket = SleepTicket::private(&word, 1);
    /// assert_eq!(ticket.with_value(2).value(), 2);
    /// assert_eq!(ticket.with_value(2).address(), ticket.address());
    /// ```
    #[must_use]
    pub fn with_value(self, value: u32) -> Self {
        Self { value, ..self }
    }

    /// Whether other processes may wake its sleepers.
    #[cfg(not(loom))]
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }
}
