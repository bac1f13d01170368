//! The thread that sleeps for up to 127 tasks.
//!
//! It never looks at a ring's memory: the kernel compares the words, and checks their addresses. Where the kernel says
//! only that some word has changed, or that some address is bad, the thread asks it about one half of the list and then
//! the other, down to the word.

use core::mem::forget;
use core::ops::Range;
use core::task::Waker;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sleeping::queue::{Cause, List, Queue, Turn};
use crate::system::kernel::{Kernel, Slept, Ticket};

/// After a sleep that was to be shorter than this, the thread doesn't ask whether it missed a ring: the
/// next sleep shows it as soon.
const WORTH_ASKING: Duration = Duration::from_millis(2);

/// Sleeps and wakes tasks until the kernel denies it to sleep on several words. Returns the wakers of those that still
/// waited then.
pub(crate) fn run<K: Kernel>(queue: &Queue<K::Ticket>, kernel: &K) -> Vec<Waker> {
    let (mut list, mut wakers) = (List::new(), Vec::new());
    loop {
        let slept = match queue.list(&mut list) {
            Turn::Sleep(limit) => kernel.sleep(&list.tickets, limit),
            Turn::Due => Slept::TimedOut,
        };
        match slept {
            Slept::Woken(ticket) => fire(queue, &list, ticket, Cause::Woken),
            Slept::TimedOut => {
                find_missed(queue, kernel, &list);
                queue.fire_due(&mut wakers);
                wakers.drain(..).for_each(wake);
            }
            // Else a new list shows whether another word has changed, too.
            Slept::Changed | Slept::BadAddress if !queue.is_called(&list) => {
                search(queue, kernel, &list, 1..list.tickets.len(), Cause::Woken);
            }
            Slept::Changed | Slept::BadAddress => {}
            // Denied, or an answer of a later version.
            _ => return queue.end(),
        }
    }
}

/// A sleep's time was up: fires each entry whose word has changed, since its ring should have ended the sleep. The
/// kernel is asked at once. A task that runs later couldn't tell such a ring from one that came after the sleep.
fn find_missed<K: Kernel>(queue: &Queue<K::Ticket>, kernel: &K, list: &List<K::Ticket>) {
    let words = 1..list.tickets.len();
    if list.limit() >= WORTH_ASKING
        && matches!(kernel.sleep(&list.tickets[words.clone()], Duration::ZERO), Slept::Changed)
    {
        search(queue, kernel, list, words, Cause::Missed);
    }
}

/// Fires each entry of these tickets whose word has changed or can't be watched: it is known that there is one.
fn search<K: Kernel>(
    queue: &Queue<K::Ticket>,
    kernel: &K,
    list: &List<K::Ticket>,
    tickets: Range<usize>,
    cause: Cause,
) {
    if tickets.len() < 2 {
        return tickets.for_each(|ticket| fire(queue, list, ticket, cause));
    }
    let middle = tickets.start + tickets.len() / 2;
    for half in [tickets.start..middle, middle..tickets.end] {
        match kernel.sleep(&list.tickets[half.clone()], Duration::ZERO) {
            Slept::Changed | Slept::BadAddress => search(queue, kernel, list, half, cause),
            Slept::Woken(at) => fire(queue, list, half.start + at, Cause::Woken),
            _ => {}
        }
    }
}

fn fire<T: Ticket>(queue: &Queue<T>, list: &List<T>, ticket: usize, cause: Cause) {
    if let Some(waker) = queue.fire(list, ticket, cause) {
        wake(waker);
    }
}

/// Wakes a task. A waker that panics doesn't end the thread.
pub(crate) fn wake(waker: Waker) {
    // Nothing is kept that the panic may have left half done.
    if let Err(value) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        // Dropping it may panic once more.
        forget(value);
    }
}
