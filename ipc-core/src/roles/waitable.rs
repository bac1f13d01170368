//! How a handle is waited for elsewhere than in its own calls: beside other handles, in a task, in another language.
//!
//! A wait of that kind is the sleep of a blocking call in two halves. The first tells the other side and looks once
//! more; the second comes after the sleep. The blocking calls sleep by the same two.

use crate::memory::cancel_word::Cancelling;
use crate::memory::sleep_ticket::SleepTicket;
use crate::ordering::membarrier;
use crate::protocol::doorbell::Prepared;

/// What a handle says before a thread sleeps for it: see [`Waitable::prepare_sleep`].
#[derive(Clone, Copy, Debug)]
#[must_use = "the handle may be ready, and no wake is to come"]
pub enum Readiness {
    /// The handle's next call that doesn't wait has something to tell: a message, an event, room, or an error.
    Ready,
    /// It hasn't; the other side wakes the sleepers of this ticket.
    Sleep(SleepTicket),
}

impl Readiness {
    /// Whether the handle is ready.
    pub fn is_ready(&self) -> bool {
        matches!(self, Readiness::Ready)
    }
}

/// A handle that a thread can sleep for together with others: [`Consumer`](crate::Consumer),
/// [`BestEffortReader`](crate::BestEffortReader), [`Observer`](crate::Observer), [`Producer`](crate::Producer), and the
/// typed ones.
///
/// What it waits for is what the handle's calls wait for, one message each: a reader's next message or event, a
/// producer's room. A consumer that holds messages that it [peeked](crate::Consumer::peek) at waits for the next one to
/// peek at; while it holds as many as the ring has slots, it is never ready. An observer can't ask to be woken: its
/// sleeps are a millisecond long.
///
/// A handle's [canceller](crate::Canceller) makes it no readier: its calls that don't wait don't report a cancel.
///
/// [`WaitSet`](crate::WaitSet) is made of this, and so is waiting in tasks. Implemented here alone.
///
/// # Examples
/// ```
/// use ringway::{Config, Readiness, Ring, Start, Waitable};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new())?;
/// let mut producer = ring.producer()?;
/// let mut consumer = ring.consumer(Start::Oldest)?;
///
/// let Readiness::Sleep(ticket) = consumer.prepare_sleep(false) else { panic!("nothing was published") };
/// producer.publish(b"here")?; // it wakes the sleepers of the ticket's word
/// consumer.slept(&ticket, false);
/// assert!(consumer.prepare_sleep(false).is_ready());
/// assert!(consumer.try_recv()?.is_message());
///
/// // What a call that doesn't wait can't know, since it doesn't ask the kernel:
/// drop(producer);
/// assert!(consumer.prepare_sleep(true).is_ready());
/// assert!(matches!(consumer.try_recv()?, ringway::Outcome::ProducerLost));
/// # Ok(())
/// # }
/// ```
pub trait Waitable: Phases {
    /// Tells the other side that a thread is about to sleep for this handle, and looks once more. The other side wakes
    /// the ticket's sleepers when it does something after that look.
    ///
    /// It never fails: if the next call would return an error, the handle is ready. `asks` has it ask the kernel, too,
    /// whether the other side lives, as a blocking call does at the end of each slice
    /// ([`SleepTicket::longest`]). The answer is kept for the next call, which returns it.
    ///
    /// Each call is one sleep's: after the sleep comes [`slept`](Self::slept), and then a call to see what has come. A
    /// preparation that no sleep follows does no harm. The other side makes one wake that no thread hears;
    /// a consumer that the producer waited for looks at one word more with each release, until the
    /// producer next prepares or waits.
    fn prepare_sleep(&mut self, asks: bool) -> Readiness {
        let Some(prepared) = self.prepare() else { return Readiness::Ready };
        let sure = !prepared.needs_barrier || self.barrier();
        self.last_look(&prepared, sure, asks)
    }

    /// Says that the sleep on `ticket` has ended, be it by its time. A producer takes back that it waits. A handle that
    /// wasn't woken, though its word has changed, makes its next thousand sleeps short.
    ///
    /// That the time was up is to be said as soon as the sleep has ended: a ring that comes between the two
    /// counts as one that woke nobody. A caller that comes later says `false`, unless it knows that the
    /// word had changed by the end.
    fn slept(&mut self, ticket: &SleepTicket, timed_out: bool) {
        self.end_sleep(ticket, timed_out);
    }
}

impl<H: Phases + ?Sized> Waitable for H {}

/// The steps of a sleep. Between the first two lies the kernel's barrier, one for all handles of a wait.
pub trait Phases {
    /// Whether the next call that doesn't wait has something to tell. Asks nobody, and tells nobody.
    fn is_ready(&mut self) -> bool;

    /// Tells the other side, unless the handle is known to be ready without a look.
    fn prepare(&mut self) -> Option<Prepared>;

    /// The barrier that the other side relies on. Whether the kernel executed it.
    fn barrier(&self) -> bool {
        membarrier::barrier()
    }

    /// Looks once more; `sure` if there was a barrier, or none is needed.
    fn last_look(&mut self, prepared: &Prepared, sure: bool, asks: bool) -> Readiness;

    /// Asks the kernel whether the other side lives, and keeps the answer for the next call. Whether there is something
    /// to tell that a look doesn't show.
    fn ask_kernel(&mut self) -> bool;

    /// The sleep has ended.
    fn end_sleep(&mut self, ticket: &SleepTicket, timed_out: bool);

    /// What ends the handle's waits.
    fn cancelling(&self) -> &Cancelling;
}

/// What stands for a handle passes everything on to it.
macro_rules! pass_on {
    ($self:ident => $handle:expr) => {
        fn is_ready(&mut $self) -> bool {
            $handle.is_ready()
        }

        fn prepare(&mut $self) -> Option<Prepared> {
            $handle.prepare()
        }

        fn barrier(&$self) -> bool {
            $handle.barrier()
        }

        fn last_look(&mut $self, prepared: &Prepared, sure: bool, asks: bool) -> Readiness {
            $handle.last_look(prepared, sure, asks)
        }

        fn ask_kernel(&mut $self) -> bool {
            $handle.ask_kernel()
        }

        fn end_sleep(&mut $self, ticket: &SleepTicket, timed_out: bool) {
            $handle.end_sleep(ticket, timed_out);
        }

        fn cancelling(&$self) -> &Cancelling {
            $handle.cancelling()
        }
    };
}

pub(crate) use pass_on;

impl<H: Phases + ?Sized> Phases for &mut H {
    pass_on!(self => (**self));
}

impl<H: Phases + ?Sized> Phases for Box<H> {
    pass_on!(self => (**self));
}
