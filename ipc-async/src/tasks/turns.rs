//! A handle's waits and turns: how a call of an async handle passes the time until it gets something.

use core::future::poll_fn;
use core::task::{Context, Poll};

use ringway_core::Waitable;

use crate::waiting::registration::Registration;

/// After so many results in a row that were there at once, a call lets other tasks run: a ring that always has a message
/// would keep them from it, since nothing else in such a task ever waits.
const IN_A_ROW: u32 = 128;

/// What the calls of one handle have in common.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    pub(crate) registration: Registration,
    /// How many results in a row were there at once.
    in_a_row: u32,
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
        self.registration.poll_ready(handle, cx)
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
