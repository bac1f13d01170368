//! One thread that sleeps for many handles.

use core::time::Duration;
use std::time::Instant;

use crate::format::error::WaitSetError;
use crate::memory::futex_waitv::{MOST, Slept, sleep_any};
use crate::memory::sleep_slices::SHORT;
use crate::memory::sleep_ticket::SleepTicket;
use crate::ordering::membarrier;
use crate::protocol::doorbell::Prepared;
use crate::protocol::wait::{Wait, WaitPolicy};
use crate::roles::wait_set_waker::WaitSetWaker;
use crate::roles::waitable::{Readiness, Waitable};

/// How long a set waits between its questions to the kernel whether the handles' peers live.
const ASKS_EVERY: Duration = Duration::from_millis(100);
/// What a handle takes of a set's memory.
const BYTES_EACH: usize =
    size_of::<Option<Prepared>>() + 2 * size_of::<SleepTicket>() + 2 * size_of::<usize>();

/// Waits for many handles in one thread: readers, and producers of full rings, mixed as they come.
///
/// A wait polls for 5 microseconds, or as [`set_policy`](Self::set_policy) says. Then it sleeps until one of the rings
/// wakes it, its time is up, or its [waker](Self::waker) is used, and takes no processor time. The handles' own
/// policies play no part. All handles that are ready are named, so a ring that is always ready hides no other. One
/// sleep costs two system calls, whatever the number of handles.
///
/// The handles aren't moved into the set: they are lent to each wait. A set takes 127 of them at most. A death is
/// noticed within a tenth of a second, as by a blocking call. An observer among the handles has the thread look each
/// millisecond. So do handles of which more have a [canceller](crate::Canceller) than fit in a set. So does a kernel
/// that doesn't know `futex_waitv` (before Linux 5.16), or a sandbox that denies it.
///
/// # Examples
/// Fifty rings, each of which is drained before the next wait:
/// ```
/// use ringway::{Config, Consumer, Outcome, Ring, Start, WaitSet};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rings = (0..50).map(|_| ringway::anon::create(&Config::new().slots(8))).collect::<Result<Vec<_>, _>>()?;
/// let mut consumers: Vec<Consumer> = Vec::new();
/// for ring in &rings {
///     consumers.push(ring.consumer(Start::Oldest)?);
/// }
/// # let mut producers = rings.iter().map(|ring| ring.producer()).collect::<Result<Vec<_>, _>>()?;
/// # let thread = std::thread::spawn(move || {
/// #     for producer in &mut producers {
/// #         producer.publish(b"here").unwrap();
/// #     }
/// #     producers.into_iter().for_each(|mut producer| producer.close().unwrap());
/// # });
///
/// let (mut set, mut messages) = (WaitSet::new(), 0);
/// while !consumers.is_empty() {
///     let ready = set.wait(&mut consumers, None)?;
///     // From the last on, so that the indices of those before it stay as they are.
///     for &index in ready.indices().iter().rev() {
///         let closed = loop {
///             match consumers[index].try_recv()? {
///                 Outcome::Message(_message) => messages += 1,
///                 Outcome::Empty => break false,
///                 Outcome::Closed => break true,
///                 event => eprintln!("ring {index}: {event:?}"),
///             }
///         };
///         if closed {
///             drop(consumers.swap_remove(index));
///         }
///     }
/// }
/// assert_eq!(messages, 50);
/// # thread.join().unwrap();
/// # Ok(())
/// # }
/// ```
/// Handles of several kinds, lent as `dyn Waitable`:
/// ```
/// use ringway::{Config, Ring, Start, WaitSet, Waitable};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (requests, replies) = (ringway::anon::create(&Config::new())?, ringway::anon::create(&Config::new())?);
/// # requests.producer()?.publish(b"request")?;
/// let mut requests = requests.consumer(Start::Oldest)?;
/// let mut replies = replies.producer()?;
///
/// let mut set = WaitSet::new();
/// let mut handles: [&mut dyn Waitable; 2] = [&mut requests, &mut replies];
/// assert_eq!(set.wait(&mut handles, None)?.indices(), [0, 1]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct WaitSet {
    waker: WaitSetWaker,
    policy: WaitPolicy,
    /// Of each handle, if it isn't ready.
    prepared: Vec<Option<Prepared>>,
    /// Of those handles, in their order, and then the waker's.
    tickets: Vec<SleepTicket>,
    ready: Vec<usize>,
    /// The handles whose cancels ended the wait.
    cancelled: Vec<usize>,
    /// When the kernel was last asked whether the peers live.
    asked: Option<Instant>,
}

/// What a wait has found: see [`WaitSet::wait`].
#[derive(Clone, Copy, Debug)]
#[must_use = "the handles that are ready are to be called"]
pub struct ReadyHandles<'a> {
    indices: &'a [usize],
    cancelled: &'a [usize],
    woken: bool,
}

impl<'a> ReadyHandles<'a> {
    /// The places of the handles that are ready, in the slice that was waited for; in ascending order.
    pub fn indices(&self) -> &'a [usize] {
        self.indices
    }

    /// The places of the handles whose [cancellers](crate::Canceller) ended the wait; in ascending order. No handle is
    /// ready then, and the cancels are used up.
    pub fn cancelled(&self) -> &'a [usize] {
        self.cancelled
    }

    /// Whether a [waker](WaitSet::waker) was used.
    pub fn is_woken(&self) -> bool {
        self.woken
    }

    /// Whether the time was up: no handle is ready or cancelled, and no waker was used.
    pub fn is_timed_out(&self) -> bool {
        self.indices.is_empty() && self.cancelled.is_empty() && !self.woken
    }
}

impl WaitSet {
    /// The most handles that one wait takes.
    pub const MOST: usize = MOST - 1;

    /// A set, which can wait for any handles. It allocates nothing before its first wait.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how this set's waits pass the time. At first: [`Wait::Park`].
    ///
    /// # Examples
    /// ```
    /// use ringway::{Wait, WaitSet};
    ///
    /// let mut set = WaitSet::new();
    /// assert_eq!(set.policy(), Wait::Park);
    /// set.set_policy(Wait::Adaptive); // polls for as long as pays, at the pace of all handles together
    /// ```
    pub fn set_policy(&mut self, wait: Wait) {
        self.policy.set(wait);
    }

    /// How this set's waits pass the time.
    pub fn policy(&self) -> Wait {
        self.policy.wait()
    }

    /// What ends this set's waits from other threads. It takes a lock: a signal handler uses the
    /// [`Canceller`](crate::Canceller) of one of the handles.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Consumer, WaitSet};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut consumers: Vec<Consumer> = Vec::new();
    /// let mut set = WaitSet::new();
    /// let waker = set.waker();
    /// let thread = std::thread::spawn(move || waker.wake());
    /// assert!(set.wait(&mut consumers, None)?.is_woken());
    /// # thread.join().unwrap();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn waker(&self) -> WaitSetWaker {
        self.waker.clone()
    }

    /// Waits until one of the handles is ready, the waker is used, or `limit` has passed (`None`: without end). A
    /// limit of zero looks once.
    ///
    /// A handle that is ready has something to tell: a message, an event, room, or an error. Its next call that doesn't
    /// wait tells it. A handle that is called once may still be ready, so no message is lost by not
    /// calling it until it is `Empty`.
    ///
    /// A wait that finds no handle ready is ended by their [cancellers](crate::Canceller), too, as a blocking call is:
    /// [`cancelled`](ReadyHandles::cancelled) says by whose.
    ///
    /// # Errors
    /// `TooMany` for more than [127](Self::MOST) handles; `NoMemory`.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Config, Ring, Start, WaitSet};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (one, other) = (ringway::anon::create(&Config::new())?, ringway::anon::create(&Config::new())?);
    /// let mut consumers = [one.consumer(Start::Oldest)?, other.consumer(Start::Oldest)?];
    /// let mut producer = other.producer()?;
    ///
    /// let mut set = WaitSet::new();
    /// assert!(set.wait(&mut consumers, Some(Duration::from_millis(1)))?.is_timed_out());
    /// producer.publish(b"here")?;
    /// for &index in set.wait(&mut consumers, None)?.indices() {
    ///     assert!(index == 1 && consumers[index].try_recv()?.is_message());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait<W: Waitable>(
        &mut self,
        handles: &mut [W],
        limit: Option<Duration>,
    ) -> Result<ReadyHandles<'_>, WaitSetError> {
        self.make_room(handles.len())?;
        let woken = self.wait_for(handles, limit);
        Ok(ReadyHandles { indices: &self.ready, cancelled: &self.cancelled, woken })
    }

    /// Makes room for so many handles, so that nothing is allocated from here on.
    fn make_room(&mut self, handles: usize) -> Result<(), WaitSetError> {
        if handles > Self::MOST {
            return Err(WaitSetError::TooMany { found: handles, most: Self::MOST });
        }
        self.prepared.clear();
        self.tickets.clear();
        self.ready.clear();
        self.cancelled.clear();
        self.prepared
            .try_reserve(handles)
            .and_then(|()| self.tickets.try_reserve(2 * handles + 1))
            .and_then(|()| self.ready.try_reserve(handles))
            .and_then(|()| self.cancelled.try_reserve(handles))
            .map_err(|_| WaitSetError::NoMemory { needed: (handles + 1) * BYTES_EACH })
    }

    /// Waits, and leaves in `ready` which handles are. Whether it was woken.
    fn wait_for<W: Waitable>(&mut self, handles: &mut [W], limit: Option<Duration>) -> bool {
        let (began, mut policy) = (Instant::now(), self.policy);
        let (polls_for, mut slept) = (policy.polls_for(), false);
        let end = limit.and_then(|limit| began.checked_add(limit));
        let mut now = began;
        loop {
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(now));
            // Like a blocking call, once more when the time is up; and a wait that has none doesn't ask.
            if limit != Some(Duration::ZERO) && (left.is_zero() || self.is_due(now)) {
                self.asked = Some(now);
                for handle in &mut *handles {
                    handle.ask_kernel();
                }
            }
            self.look(handles);
            let woken = self.waker.take();
            let waited = now.duration_since(began);
            let came = woken || !self.ready.is_empty();
            if !came && limit != Some(Duration::ZERO) {
                self.take_cancels(handles);
            }
            if came || !self.cancelled.is_empty() || left.is_zero() {
                // What is there at the first look tells nothing of the pace.
                if !waited.is_zero() {
                    policy.ended(waited, slept, came);
                }
                self.policy = policy;
                return woken;
            }
            if polls_for.is_some_and(|time| waited >= time) && left > policy.shortest_sleep() {
                slept = true;
                policy.sleep(|| self.sleep(handles, left));
            } else if policy.wait() == Wait::Yield {
                std::thread::yield_now();
            } else {
                core::hint::spin_loop();
            }
            now = Instant::now();
        }
    }

    /// Whether it is time to ask the kernel. The question is the set's, and not the wait's: where some ring is always
    /// ready, no wait is long.
    fn is_due(&mut self, now: Instant) -> bool {
        now.duration_since(*self.asked.get_or_insert(now)) >= ASKS_EVERY
    }

    /// Finds out which handles are ready.
    fn look<W: Waitable>(&mut self, handles: &mut [W]) {
        self.ready.clear();
        self.ready.extend(
            handles.iter_mut().enumerate().filter_map(|(index, handle)| handle.is_ready().then_some(index)),
        );
    }

    /// Uses up the handles' cancels.
    fn take_cancels<W: Waitable>(&mut self, handles: &[W]) {
        self.cancelled.extend(
            handles
                .iter()
                .enumerate()
                .filter_map(|(index, handle)| handle.cancelling().take().then_some(index)),
        );
    }

    /// Sleeps for `left` at most, unless a handle is ready or the waker was used.
    fn sleep<W: Waitable>(&mut self, handles: &mut [W], left: Duration) {
        let Some(wakers) = self.waker.ticket() else { return };
        self.prepared.clear();
        self.prepared.extend(handles.iter_mut().map(|handle| handle.prepare()));
        // One for all handles.
        let needs_barrier = self.prepared.iter().flatten().any(|prepared| prepared.needs_barrier);
        let barrier = needs_barrier && membarrier::barrier();
        self.tickets.clear();
        for (handle, slot) in handles.iter_mut().zip(&mut self.prepared) {
            let Some(prepared) = slot else { continue };
            match handle.last_look(prepared, barrier || !prepared.needs_barrier, false) {
                Readiness::Sleep(ticket) => self.tickets.push(ticket),
                Readiness::Ready => *slot = None,
            }
        }
        let mut timed_out = false;
        if self.tickets.len() == handles.len() {
            let time = self.tickets.iter().map(SleepTicket::longest).fold(left, Duration::min);
            self.tickets.push(wakers);
            // Where they are too many for the kernel, the next look finds the cancels of some.
            let cancels = handles.iter().filter_map(|handle| handle.cancelling().ticket());
            self.tickets.extend(cancels);
            let time = if self.tickets.len() > MOST { time.min(SHORT) } else { time };
            self.tickets.truncate(MOST);
            timed_out = match sleep_any(&self.tickets, time) {
                Slept::TimedOut => true,
                Slept::Woken(_) | Slept::Changed => false,
                Slept::Denied | Slept::BadAddress => {
                    std::thread::sleep(time.min(SHORT));
                    false
                }
            };
        }
        let slept = handles.iter_mut().zip(&self.prepared).filter(|(_, prepared)| prepared.is_some());
        for ((handle, _), ticket) in slept.zip(&self.tickets) {
            handle.slept(ticket, timed_out);
        }
    }
}
