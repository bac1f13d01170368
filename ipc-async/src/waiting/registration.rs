//! One handle's place with the sleeper.

use core::task::{Context, Poll};
use core::time::Duration;
use std::time::Instant;

use ringway_core::{Readiness, SleepTicket, Waitable};

use crate::sleeping::queue::{Armed, Cause, Queue, Standing};
use crate::sleeping::worker::Worker;
use crate::waiting::process::{self, Process};

/// How long after its last question a handle asks again whether its peer lives, once a slice has ended without a ring.
const ASK_AFTER_SLICE: Duration = Duration::from_millis(5);
/// The same, once its bell was rung, or after a nap. A peer that rings without end can't keep a handle from asking, and
/// an observer doesn't ask at each of its short sleeps.
const ASK_OTHERWISE: Duration = Duration::from_millis(100);
/// A sleep that is shorter than this is a nap: it ends to look, rather than to ask.
const NAP: Duration = Duration::from_millis(10);

/// A handle's place with the thread that sleeps for this process's tasks.
///
/// [`AsyncConsumer`](crate::AsyncConsumer) and its like have one each. It is for those that wait for a handle by other
/// means: another runtime, another language, an `eventfd` that a [`Wake`](std::task::Wake) writes to.
///
/// A handle is always asked first. Only one that had nothing is waited for: see
/// [`poll_ready`](Self::poll_ready). Dropping the registration ends the wait.
///
/// # Examples
/// ```
/// use core::future::poll_fn;
/// use ringway::aio::Registration;
/// use ringway::{Config, Consumer, Outcome, RecvError, Ring, Start};
///
/// async fn next(consumer: &mut Consumer, registration: &mut Registration) -> Result<Option<Vec<u8>>, RecvError> {
///     loop {
///         match consumer.try_recv()? {
///             Outcome::Message(message) => return Ok(Some(message.to_vec())),
///             Outcome::Empty => {}
///             _ => return Ok(None),
///         }
///         poll_fn(|cx| registration.poll_ready(consumer, cx)).await;
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
/// ring.producer()?.publish(b"hello")?;
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let mut registration = Registration::new();
/// assert_eq!(next(&mut consumer, &mut registration).await?.as_deref(), Some(&b"hello"[..]));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Registration {
    seat: Option<Seat>,
    /// What was slept on last, until the handle is told how it ended.
    ticket: Option<SleepTicket>,
    /// When the handle last asked whether its peer lives; at first, when it began to wait.
    asked: Option<Instant>,
    /// What ended the last wait, until the next begins.
    cause: Option<Cause>,
    /// How long the last wait could be at most.
    longest: Duration,
}

/// Where a registration waits.
#[derive(Clone, Copy)]
struct Seat {
    process: &'static Process,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    /// An entry of a thread that sleeps for many.
    Entry(&'static Queue<SleepTicket>, usize),
    /// A thread of its own.
    Worker(&'static Worker),
}

impl Registration {
    /// A registration that waits for nothing. It takes up nothing before it does.
    #[must_use]
    pub const fn new() -> Self {
        Self { seat: None, ticket: None, asked: None, cause: None, longest: Duration::ZERO }
    }

    /// Waits until `handle` is worth another try: `Ready` says that the next call that doesn't wait (`try_recv`,
    /// `try_publish`) may find something, be it an event or an error; `Pending` that the task will be woken.
    ///
    /// It is called once the handle has had nothing (or, for a producer, no room), and always with the same handle. The
    /// task is woken once for a `Pending`, by a thread of this process's, and at the latest when the handle has to ask
    /// whether its peer lives. It may be woken for nothing. That thread sleeps for other handles, too: a waker
    /// that blocks holds them up.
    ///
    /// Where no thread can be started, or there is no memory, the task is woken at once, and polls. So it does where
    /// the kernel denies `futex_waitv`, while 64 threads sleep for tasks that have given up.
    pub fn poll_ready<H: Waitable + ?Sized>(&mut self, handle: &mut H, cx: &mut Context<'_>) -> Poll<()> {
        let (process, now) = (Process::current(), Instant::now());
        // A forked child leaves its parent's place alone.
        self.seat =
            self.seat.filter(|seat| process.is_some_and(|process| core::ptr::eq(seat.process, process)));
        match self.standing(cx) {
            // The wait that is under way began before the caller's look, and goes on.
            Standing::Armed => return Poll::Pending,
            Standing::Fired(cause) => {
                self.cause = Some(cause);
                if let Some(ticket) = self.ticket.take() {
                    handle.slept(&ticket, cause == Cause::Missed);
                }
                return Poll::Ready(());
            }
            Standing::Idle => {}
        }
        match handle.prepare_sleep(self.asks(now)) {
            Readiness::Sleep(ticket) => {
                self.ticket = Some(ticket);
                self.longest = ticket.longest();
                self.arm(process, ticket, cx);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// Ends a wait, if one is under way, and tells the handle so. For a handle that got what it waited for by another
    /// way, and won't wait soon: a producer stops asking its consumer for a wake.
    #[inline]
    pub fn settle<H: Waitable + ?Sized>(&mut self, handle: &mut H) {
        if let Some(ticket) = self.ticket.take() {
            self.end_wait();
            handle.slept(&ticket, false);
        }
    }

    #[cold]
    fn end_wait(&mut self) {
        match self.seat() {
            Some(Seat { place: Place::Entry(queue, slot), .. }) => queue.disarm(slot),
            Some(_) => self.leave(),
            None => {}
        }
    }

    /// How the wait stands.
    fn standing(&self, cx: &Context<'_>) -> Standing {
        match self.seat.map(|seat| seat.place) {
            None => Standing::Idle,
            Some(Place::Entry(queue, slot)) => queue.renew(slot, cx.waker()),
            Some(Place::Worker(worker)) => worker.renew(cx.waker()),
        }
    }

    /// Whether the handle is to ask the kernel whether its peer lives.
    fn asks(&mut self, now: Instant) -> bool {
        let cause = self.cause.take();
        let asked = *self.asked.get_or_insert(now);
        let after_slice = cause == Some(Cause::TimedOut) && self.longest >= NAP;
        let pause = if after_slice { ASK_AFTER_SLICE } else { ASK_OTHERWISE };
        let asks = cause.is_some() && now.saturating_duration_since(asked) >= pause;
        if asks {
            self.asked = Some(now);
        }
        asks
    }

    /// Has the task woken.
    fn arm(&mut self, process: Option<&'static Process>, ticket: SleepTicket, cx: &Context<'_>) {
        // The second time where the first thread has ended, since the kernel denies what it needs.
        for _ in 0..2 {
            match self.take_place(process) {
                Some(Place::Worker(worker)) => return worker.arm(ticket, cx.waker()),
                Some(Place::Entry(queue, slot)) => match queue.arm(slot, ticket, cx.waker()) {
                    Armed::Quietly => return,
                    Armed::Call(control) => return process::call(control),
                    Armed::Ended => self.leave(),
                },
                None => break,
            }
        }
        cx.waker().wake_by_ref();
    }

    /// The seat, if it is one in this process: a forked child leaves its parent's alone.
    fn seat(&mut self) -> Option<Seat> {
        self.seat = self.seat.filter(|seat| seat.process.is_current());
        self.seat
    }

    /// The place, or a new one.
    fn take_place(&mut self, process: Option<&'static Process>) -> Option<Place> {
        if self.seat.is_none() {
            let process = process?;
            let place = if process.is_denied() {
                Place::Worker(process.workers.take()?)
            } else {
                process.take_entry().map(|(queue, slot)| Place::Entry(queue, slot))?
            };
            self.seat = Some(Seat { process, place });
        }
        self.seat.map(|seat| seat.place)
    }

    /// Gives the place back.
    fn leave(&mut self) {
        let Some(Seat { process, place }) = self.seat() else { return };
        self.seat = None;
        match place {
            Place::Entry(queue, slot) => queue.give_back(slot),
            Place::Worker(worker) => process.workers.give_back(worker),
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.leave();
    }
}

impl core::fmt::Debug for Seat {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.place {
            Place::Entry(_, slot) => f.debug_tuple("Entry").field(&slot).finish(),
            Place::Worker(_) => f.write_str("Worker"),
        }
    }
}
