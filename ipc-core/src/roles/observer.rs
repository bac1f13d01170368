//! The unreliable reader: it writes nothing, slows nobody, and knows exactly what it lost.

use core::time::Duration;
use std::time::Instant;

use crate::format::error::{AttachError, RecvError};
use crate::format::geometry::Geometry;
use crate::format::seq::Seq;
use crate::memory::access::AsObserver;
use crate::memory::cancel_word::Cancelling;
use crate::memory::region::Region;
use crate::memory::scratch::Scratch;
use crate::protocol::events;
use crate::protocol::message::{Copied, Outcome, Received, Resume, Start};
use crate::protocol::wait::{Limit, Wait, WaitPolicy};
use crate::protocol::why_empty::WhyEmpty;
use crate::roles::attempt::oldest;
use crate::roles::copier::{self, Copier};
use crate::roles::shown::ShownCell;
use crate::roles::stats::{Attached, attached};

/// An observer of a ring: read-only, any number of them at once.
///
/// It copies each message out, and accepts it only if the producer hadn't begun to overwrite it meanwhile.
/// At any quiet point `received() + lost() + skipped() == head - start()`, once head has reached the start and the
/// observer has read up to it. There is one exception: after a producer died in a batch or in a skip, head doesn't count
/// what it published or skipped last, and observers pass that. The equation holds again once a successor has entered.
///
/// # Examples
/// ```
/// use ringway::{Config, Outcome, Resume, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = ringway::anon::create(&Config::new().slots(2))?;
/// let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe)?;
/// let mut producer = ring.producer()?;
/// producer.publish_batch(&["one", "two", "three"])?; // the ring keeps two
/// assert!(matches!(observer.try_recv()?, Outcome::Lagged(1)));
/// assert!(matches!(observer.try_recv()?, Outcome::Message(message) if message[..] == *b"two"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an observer does nothing until it is read"]
pub struct Observer {
    pub(crate) region: Region<AsObserver>,
    start: Seq,
    /// The next message to read.
    pub(crate) next: Seq,
    pub(crate) lost: u64,
    /// By how many messages seeks have moved it: those forward less those back.
    pub(crate) skipped: i64,
    pub(crate) wait: WaitPolicy,
    pub(crate) resume: Resume,
    /// How far from the edge of the lap the next resume keeps: see [`Resume::OldestSafe`].
    pub(crate) margin: u64,
    pub(crate) why_empty: WhyEmpty,
    pub(crate) scratch: Scratch,
    pub(crate) cancelling: Cancelling,
    /// Where it shows itself, if it does.
    pub(crate) shown: Option<Box<ShownCell>>,
}

impl Observer {
    /// Takes an observer's role on a mapped ring.
    ///
    /// # Errors
    /// `Overwritten` if `start` names a message that is gone; `Damaged` if head is no sequence.
    pub fn attach(region: Region<AsObserver>, start: Start, resume: Resume) -> Result<Self, AttachError> {
        let why_empty = WhyEmpty::new(&region.producer_page, start);
        let found = region.producer_page.head().map(|head| (head, oldest(&region, head, 0)));
        region.fork.check_after()?;
        let (head, oldest) = found?;
        let start = match start {
            Start::Latest => head,
            Start::Oldest => oldest,
            Start::Newest(count) => head.back(count).max(oldest),
            Start::At(asked) if asked < oldest.get() => {
                return Err(AttachError::Overwritten { asked, oldest: oldest.get() });
            }
            Start::At(asked) => Seq::checked(asked).ok_or(AttachError::StartTooLarge { asked })?,
        };
        events::observer_attached(&region.geometry, start);
        let scratch = Scratch::default();
        let wait = WaitPolicy::default();
        Ok(Self {
            region,
            start,
            next: start,
            lost: 0,
            skipped: 0,
            wait,
            resume,
            margin: 0,
            why_empty,
            scratch,
            cancelling: Cancelling::default(),
            shown: None,
        })
    }

    /// Sets how calls wait that find nothing. At first: [`Wait::Park`].
    pub fn set_wait(&mut self, wait: Wait) {
        self.wait.set(wait);
    }

    /// How calls wait that find nothing.
    pub fn wait(&self) -> Wait {
        self.wait.wait()
    }

    /// The next message, if it is there, copied into this handle's buffer.
    ///
    /// It looks at the message's slot alone and never asks the kernel. So it never reports `ProducerLost`, and where
    /// another process wrote over the slot's stamp it may say `Empty` for ever. Calls that wait find out: a loop
    /// that polls calls [`recv_timeout`](Self::recv_timeout) with a short time-out now and then.
    ///
    /// # Errors
    /// `NoMemory` if there is none for the message, which can then be read again; `Damaged`, `Forked`, `Truncated`.
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Observer, Outcome, RecvError};
    /// fn glance(observer: &mut Observer) -> Result<Option<u64>, RecvError> {
    ///     Ok(match observer.try_recv()? {
    ///         Outcome::Message(message) => Some(message.seq()),
    ///         _ => None,
    ///     })
    /// }
    /// ```
    pub fn try_recv(&mut self) -> Result<Outcome<Received<'_>>, RecvError> {
        self.recv_within(None)
    }

    /// The next message, waiting for it without end, copied into this handle's buffer.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{Observer, Outcome, RecvError};
    /// fn watch(observer: &mut Observer) -> Result<(), RecvError> {
    ///     loop {
    ///         match observer.recv()? {
    ///             Outcome::Message(message) => println!("{}: {:?}", message.seq(), &message[..]),
    ///             Outcome::Lagged(lost) => eprintln!("{lost} messages were lost"),
    ///             Outcome::Closed => return Ok(()),
    ///             event => eprintln!("{event:?}"),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn recv(&mut self) -> Result<Outcome<Received<'_>>, RecvError> {
        self.recv_within(Some(Limit::Never))
    }

    /// The next message, waiting for it until `timeout` has passed ([`Duration::MAX`]: without end): then
    /// [`TimedOut`](Outcome::TimedOut).
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{RecvError, Observer};
    /// # use core::time::Duration;
    /// fn comes(observer: &mut Observer) -> Result<bool, RecvError> {
    ///     Ok(observer.recv_timeout(Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Outcome<Received<'_>>, RecvError> {
        self.recv_within(Some(Limit::After(timeout)))
    }

    /// The next message, waiting for it until `deadline`: then [`TimedOut`](Outcome::TimedOut). One in the past looks
    /// once, as a time-out of zero does: neither asks the kernel whether the producer lives.
    ///
    /// # Errors
    /// As for [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{RecvError, Observer};
    /// # use std::time::{Duration, Instant};
    /// fn comes(observer: &mut Observer) -> Result<bool, RecvError> {
    ///     Ok(observer.recv_deadline(Instant::now() + Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Outcome<Received<'_>>, RecvError> {
        self.recv_within(Some(Limit::At(deadline)))
    }

    fn recv_within(&mut self, limit: Option<Limit>) -> Result<Outcome<Received<'_>>, RecvError> {
        copier::receive(self, limit)
    }

    /// Copies the next message into `buffer`, if it is there.
    ///
    /// # Errors
    /// `TooSmall` if the buffer is shorter than the message, which can then be read again; `Damaged`,
    /// `Forked`, `Truncated`.
    pub fn try_recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        self.attempt(buffer)
    }

    /// Copies the next message into `buffer`, waiting for it without end.
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    pub fn recv_into(&mut self, buffer: &mut [u8]) -> Result<Outcome<Copied>, RecvError> {
        self.recv_into_within(buffer, Some(Limit::Never))
    }

    /// Copies the next message into `buffer`, waiting for it until `timeout` has passed: see
    /// [`recv_timeout`](Self::recv_timeout).
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Examples
    /// ```
    /// # use ringway_core::{RecvError, Observer};
    /// # use core::time::Duration;
    /// fn comes(observer: &mut Observer, buffer: &mut [u8]) -> Result<bool, RecvError> {
    ///     Ok(observer.recv_into_timeout(buffer, Duration::from_millis(10))?.is_message())
    /// }
    /// ```
    pub fn recv_into_timeout(
        &mut self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<Outcome<Copied>, RecvError> {
        self.recv_into_within(buffer, Some(Limit::After(timeout)))
    }

    /// Copies the next message into `buffer`, waiting for it until `deadline`: see
    /// [`recv_deadline`](Self::recv_deadline).
    ///
    /// # Errors
    /// As for [`try_recv_into`](Self::try_recv_into).
    pub fn recv_into_deadline(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
    ) -> Result<Outcome<Copied>, RecvError> {
        self.recv_into_within(buffer, Some(Limit::At(deadline)))
    }

    fn recv_into_within(
        &mut self,
        buffer: &mut [u8],
        limit: Option<Limit>,
    ) -> Result<Outcome<Copied>, RecvError> {
        copier::receive_into(self, buffer, limit)
    }

    /// What it was mapped by.
    pub(crate) fn into_region(self) -> Region<AsObserver> {
        self.region
    }

    /// The sequence at which this observer started.
    pub fn start(&self) -> u64 {
        self.start.get()
    }

    /// The sequence of the next message to read.
    pub fn next_seq(&self) -> u64 {
        self.next.get()
    }

    /// Number of messages received since the start; one that is read again after a [`seek`](Self::seek) counts again.
    pub fn received(&self) -> u64 {
        let moved = self.next.get() as i64 - self.start.get() as i64;
        (moved.wrapping_sub(self.skipped) as u64).wrapping_sub(self.lost)
    }

    /// Number of messages lost since the start, those that the producer skipped among them: exact, computed from
    /// sequences. What this observer has passed over by itself is in [`skipped`](Self::skipped).
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The sequence of the next message to be published, by the ring's head. Head may be newer by the time the caller
    /// looks, and within a batch of the producer's it lags behind what can be read.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn head(&self) -> Result<u64, RecvError> {
        self.region.read(|region| Ok(region.producer_page.head()?.get()))
    }

    /// Number of published messages that this observer has neither received nor lost; the same holds for it
    /// as for [`head`](Self::head).
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn lag(&self) -> Result<u64, RecvError> {
        Ok(self.head()?.saturating_sub(self.next.get()))
    }

    /// The consumers attached now: one that is gone isn't counted, however it went. Asks the kernel about each.
    /// What a consumer writes about itself is for display.
    ///
    /// # Errors
    /// `NoMemory`, `Damaged`, `Forked`, `Truncated`.
    pub fn consumers(&self) -> Result<Vec<Attached>, RecvError> {
        self.region.read(|region| {
            let head = region.producer_page.head()?.get();
            attached(region, head).map_err(|needed| RecvError::NoMemory { needed })
        })
    }

    /// The ring's shape.
    pub fn geometry(&self) -> &Geometry {
        &self.region.geometry
    }
}
