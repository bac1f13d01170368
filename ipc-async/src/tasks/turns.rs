//! A handle's waits and turns: how a call of an async handle passes the time until it gets something.

use core::future::poll_fn;
use core::task::{Context, Poll};

use ringway_core::Waitable;

use crate::waiting::registration::Registration;

/// After so many results in a row that were there at once, a call lets other tasks run: a ring that always has a
/// message would keep them from it, since nothing else in such a task ever waits.
const IN_A_ROW: u32 = 128;

/// After so many waits in a row that were over at once, the task gives way. A peer that writes nonsense can have a
/// handle say again and again that it is ready, and have nothing.
const AT_ONCE: u32 = 16;

/// What the calls of one handle have in common.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    pub(crate) registration: Registration,
    /// How many results in a row were there at once.
    in_a_row: u32,
    /// How many waits in a row were over at once.
    at_once: u32,
}

impl Turns {
    /// A call begins. Whether it must let other tasks run first.
    #[inline(always)]
    pub(crate) fn is_over(&mut self) -> bool {
        self.in_a_row += 1;
        self.in_a_row > IN_A_ROW
    }

    /// Lets other tasks run.
    #[cold]
    pub(crate) fn poll_give_way(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.in_a_row == 0 {
            return Poll::Ready(());
        }
        self.in_a_row = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The handle had nothing: waits until it is worth another try.
    #[cold]
    #[inline(never)]
    pub(crate) fn poll_wait<H: Waitable>(&mut self, handle: &mut H, cx: &mut Context<'_>) -> Poll<()> {
        self.in_a_row = 0;
        if self.registration.poll_ready(handle, cx).is_pending() {
            self.at_once = 0;
            return Poll::Pending;
        }
        self.at_once += 1;
        if self.at_once <= AT_ONCE {
            return Poll::Ready(());
        }
        self.at_once = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// [`poll_give_way`](Self::poll_give_way) as a future.
    pub(crate) fn give_way(&mut self) -> impl Future<Output = ()> + '_ {
        poll_fn(|cx| self.poll_give_way(cx))
    }

    /// [`poll_wait`](Self::poll_wait) as a future.
    #[inline(always)]
    pub(crate) fn wait<'t, H: Waitable>(&'t mut self, handle: &'t mut H) -> impl Future<Output = ()> + 't {
        poll_fn(|cx| self.poll_wait(handle, cx))
    }
}

#[cfg(test)]
mod tests {
    use core::task::{Context, Poll, Waker};
    use std::sync::{Arc, Mutex};
    use std::task::Wake;

    use ringway::{Config, Ring, Start};

    use super::{AT_ONCE, Turns};

    #[derive(Default)]
    struct Wakes(Mutex<u32>);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() += 1;
        }
    }

    #[test]
    fn a_handle_that_is_ready_for_ever_and_has_nothing_does_not_hold_up_its_thread() {
        let ring = ringway::anon::create(&Config::new()).unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        // It is never received: to the task it is as if there were none.
        ring.producer().unwrap().publish(b"message").unwrap();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        let mut turns = Turns::default();
        for polls in 1..=3 {
            for _ in 0..AT_ONCE {
                assert_eq!(turns.poll_wait(&mut consumer, &mut cx), Poll::Ready(()));
            }
            assert_eq!(turns.poll_wait(&mut consumer, &mut cx), Poll::Pending);
            assert_eq!(*wakes.0.lock().unwrap(), polls, "the task is polled again");
        }
    }
}
