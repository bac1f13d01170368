//! Sleeping on many words at once: `futex_waitv`, for which no library of ours has a safe function.
//!
//! # Safety
//!
//! The kernel gets the addresses of words as numbers, and reads 4 bytes at each. It checks the addresses as those of
//! any other system call: for one that isn't mapped the call fails. It writes nothing. The array and the time are
//! borrowed during the call.
//!
//! The words of rings are shared futexes, as in `futex.rs`. Only a word of this process's own is a private one.

#![allow(unsafe_code)]

use core::ptr;
use core::time::Duration;

use crate::memory::futex::{BLIND, deadline};
use crate::memory::sleep_ticket::SleepTicket;

/// The most tickets that one sleep takes.
pub(crate) const MOST: usize = 128;

/// `FUTEX_32`: the word is 4 bytes long.
const FUTEX_32: u32 = 2;

/// The kernel's `struct futex_waitv`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Waiter {
    val: u64,
    uaddr: u64,
    flags: u32,
    reserved: u32,
}

impl Waiter {
    fn new(ticket: &SleepTicket) -> Self {
        let private = if ticket.is_shared() { 0 } else { libc::FUTEX_PRIVATE_FLAG as u32 };
        Self {
            val: u64::from(ticket.value()),
            uaddr: ticket.address() as u64,
            flags: FUTEX_32 | private,
            reserved: 0,
        }
    }
}

/// How a sleep on several words ended: see [`sleep_any`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Slept {
    /// The sleepers of this ticket's word were woken; perhaps those of others, too.
    Woken(usize),
    /// The time was up.
    TimedOut,
    /// A word had another value than its ticket, or a signal came. The thread may not have slept at all. Where the
    /// kernel is short of memory, or fails in another way that passes, the thread has slept for a millisecond at most.
    Changed,
    /// The kernel doesn't know the call (before Linux 5.16) or denies it, as some containers and valgrind do; or there
    /// are more than 128 tickets. The thread hasn't slept. One ticket alone takes no such call.
    Denied,
    /// A ticket's memory isn't mapped any more. The thread hasn't slept.
    BadAddress,
}

/// Sleeps until one of the tickets' words changes and its sleepers are woken, or `limit` has passed ([`Duration::MAX`]:
/// without end). It may end sooner. Takes 128 tickets at most, and goes by `limit` alone: the caller sees to it that no
/// ticket's sleep is longer than [`SleepTicket::longest`].
///
/// [`WaitSet`](crate::WaitSet) does all this for handles of one thread.
///
/// # Examples
/// ```
/// use ringway::{Config, Readiness, Ring, Slept, Start, Waitable, sleep_any};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut producer = ring.producer()?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
///
/// let mut asks = false;
/// loop {
///     let Readiness::Sleep(ticket) = consumer.prepare_sleep(asks) else { break };
///     # let thread = std::thread::spawn(move || producer.publish(b"it comes").map(|_| producer));
///     let slept = sleep_any(&[ticket], ticket.longest());
///     # producer = thread.join().unwrap()?;
///     if slept == Slept::Denied {
///         std::thread::sleep(std::time::Duration::from_millis(1));
///     }
///     asks = slept == Slept::TimedOut;
///     consumer.slept(&ticket, asks);
/// }
/// assert!(consumer.try_recv()?.is_message());
/// # Ok(())
/// # }
/// ```
#[cold]
#[inline(never)]
pub fn sleep_any(tickets: &[SleepTicket], limit: Duration) -> Slept {
    if tickets.is_empty() {
        std::thread::sleep(limit);
        return Slept::TimedOut;
    }
    if let [ticket] = tickets {
        return sleep_alone(ticket, limit);
    }
    if tickets.len() > MOST {
        return Slept::Denied;
    }
    let mut waiters = [Waiter { val: 0, uaddr: 0, flags: 0, reserved: 0 }; MOST];
    for (waiter, ticket) in waiters.iter_mut().zip(tickets) {
        *waiter = Waiter::new(ticket);
    }
    sleep_on(&waiters[..tickets.len()], limit)
}

/// The same for two tickets, as a call that can be cancelled sleeps.
#[cold]
#[inline(never)]
pub(crate) fn sleep_two(tickets: [&SleepTicket; 2], limit: Duration) -> Slept {
    sleep_on(&tickets.map(Waiter::new), limit)
}

/// Sleeps on as many words as a call takes.
fn sleep_on(waiters: &[Waiter], limit: Duration) -> Slept {
    let deadline = deadline(limit);
    // SAFETY: see the module's documentation; `waiters` has as many elements as the call is told.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            waiters.as_ptr(),
            waiters.len(),
            0_u32,
            &raw const deadline,
            libc::CLOCK_MONOTONIC,
        )
    };
    if let Ok(index) = usize::try_from(outcome) { Slept::Woken(index) } else { failed(limit) }
}

/// The same for one ticket, by the older call (`FUTEX_WAIT_BITSET`), which is there where `futex_waitv` isn't.
fn sleep_alone(ticket: &SleepTicket, limit: Duration) -> Slept {
    let deadline = deadline(limit);
    let private = if ticket.is_shared() { 0 } else { libc::FUTEX_PRIVATE_FLAG };
    // SAFETY: see the module's documentation; `deadline` outlives the call.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_futex,
            ticket.address(),
            libc::FUTEX_WAIT_BITSET | private,
            ticket.value(),
            &raw const deadline,
            ptr::null::<u32>(),
            u32::MAX,
        )
    };
    if outcome == 0 { Slept::Woken(0) } else { failed(limit) }
}

/// Why the last call, which was to sleep for `limit`, didn't end by a wake.
fn failed(limit: Duration) -> Slept {
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::ETIMEDOUT) => Slept::TimedOut,
        Some(libc::EAGAIN | libc::EINTR) => Slept::Changed,
        Some(libc::EFAULT) => Slept::BadAddress,
        Some(libc::ENOSYS | libc::EPERM | libc::EACCES | libc::EINVAL) => Slept::Denied,
        // Short of memory, say. The caller looks again, and would do so without end and without a pause.
        _ => {
            std::thread::sleep(limit.min(BLIND));
            Slept::Changed
        }
    }
}
