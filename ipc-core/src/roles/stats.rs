//! How a ring stands, as any handle of it can tell.

use std::sync::{Mutex, PoisonError};

use crate::format::error::{AttachError, Damaged, Forked, PublishError, RecvError};
use crate::format::layout::{cell, cell_counts, cell_state, producer_page};
use crate::format::name::Name;
use crate::format::role_hint::RoleHint;
use crate::memory::access::{AsObserver, Role};
use crate::memory::liveness::HandleStatus;
use crate::memory::region::Region;
use crate::protocol::producer_page::{Moment, State};
use crate::protocol::role_words;
use crate::roles::best_effort::BestEffortReader;
use crate::roles::consumer::Consumer;
use crate::roles::observer::Observer;
use crate::roles::producer::Producer;
use crate::roles::shown::{ShownObserver, observers};

/// How a ring stands, as [`Monitor::stats`] found it.
///
/// Head, epoch, state and `first_seq` are of one epoch. Each other value was true while it was read, one after
/// the other; all may be out of date at once. What processes write of themselves (pids, uids, names, `times_full`,
/// `doorbell`) is for display.
///
/// With the feature `serde` it implements `Serialize`: its fields by their names, the state as
/// `no-producer-yet`, `open` or `closed`.
///
/// # Examples
/// ```
/// use ringway::{Config, Ring, Start};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// let consumer = ring.consumer(Start::Oldest)?;
/// ring.producer()?.publish(b"hello")?;
/// let stats = ring.stats()?;
/// assert_eq!((stats.head, stats.producer_alive, stats.consumers[0].lag), (1, false, 1));
/// assert_eq!(stats.room(), stats.slots - 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use = "reading how a ring stands changes nothing"]
#[non_exhaustive]
pub struct Stats {
    /// The sequence of the next message: the number of those published, where the ring begins at 0 and skips none.
    pub head: u64,
    /// Number of the producer's incarnation; 0 before the first.
    pub epoch: u64,
    /// First sequence of that incarnation: where its stream begins. 0 before the first.
    pub first_seq: u64,
    /// The ring's state.
    pub state: State,
    /// Whether some process holds the producer's lock, as the kernel says.
    pub producer_alive: bool,
    /// What the last producer wrote as its PID, 0 before the first: it may be of another namespace.
    pub producer_pid: u64,
    /// What the last producer wrote as its effective user, if it did.
    pub producer_uid: Option<u32>,
    /// The name that the last producer gave itself, if it did.
    pub producer_name: Option<Name>,
    /// How often a producer found the ring full.
    pub times_full: u64,
    /// How often a producer passed over a best-effort reader.
    pub times_passed_over: u64,
    /// The doorbell: producers add 1 to it each time they ring for readers that may sleep, when they enter, and when
    /// they leave. It wraps at 2^32. Most of what it grew by between two looks were wakes.
    pub doorbell: u32,
    /// The consumers and best-effort readers that are attached, and alive as the kernel says.
    pub consumers: Vec<Attached>,
    /// The next message of the consumer that got furthest, attached or gone; `None` before the first. The consumer that
    /// takes a cell over wipes the trace of the one before it. It may have joined there, and read nothing: the ring
    /// doesn't keep where a consumer joined.
    pub furthest_read: Option<u64>,
    /// The observers that show themselves ([`Observer::show`]), and live as the kernel says. There may be others.
    pub observers: Vec<ShownObserver>,
    /// Number of slots.
    pub slots: u64,
    /// Bytes that a message can have.
    pub payload_capacity: u64,
    /// Most consumers at once.
    pub max_consumers: u64,
}

/// An attached consumer or best-effort reader, as an observer sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Attached {
    /// Number of its cell.
    pub cell: usize,
    /// What it wrote as its PID: it may be of another namespace.
    pub pid: u64,
    /// The next message that it will read.
    pub next_seq: u64,
    /// Number of published messages that it hasn't released, and of skipped ones: more than the slots after a long skip.
    pub lag: u64,
    /// What it wrote as its effective user, if it did.
    pub uid: Option<u32>,
    /// The name that it gave itself, if it did.
    pub name: Option<Name>,
    /// Whether it is a best-effort reader, which producers pass over if it holds them back for too long.
    pub is_best_effort: bool,
    /// How many messages a best-effort reader has lost since it joined, by its own word: a hint. 0 of a consumer.
    pub lost: u64,
    /// How often it was lapped, in the same way.
    pub times_lagged: u64,
}

impl Attached {
    /// Whether it holds a producer back on a ring of so many slots: a guess of a best-effort reader. One that is further
    /// back than a lap was passed over, or is behind a skip, which the producer waits for. One that is nearer may have
    /// been passed over, too.
    fn gates(&self, slots: u64) -> bool {
        !self.is_best_effort || self.lag <= slots
    }
}

impl Stats {
    /// How many messages can be published until the ring is full: the slots, less the largest lag of
    /// [`consumers`](Self::consumers). A consumer that died isn't among these, though the producer itself
    /// counts it until the ring is full: see [`Producer::count_room`]. Nor does a best-effort reader count that is more
    /// than a lap behind. Whether such readers hold the producer back is a guess: it alone knows which it has passed
    /// over, and it waits for one that is behind a long skip. All slots with no reader that counts, even if the
    /// producer requires one.
    pub fn room(&self) -> u64 {
        let gating = self.consumers.iter().filter(|reader| reader.gates(self.slots));
        room(self.slots, gating.map(|reader| reader.lag))
    }
}

/// A view of a ring that any thread may look through: it reads how the ring stands, and stores nothing.
///
/// It is mapped read-only, as an observer is, and keeps the ring in use like a role. Threads that look at the same time
/// take turns.
///
/// # Examples
/// ```
/// use ringway::{Config, Ring};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = ringway::anon::create(&Config::new())?;
/// let monitor = ring.monitor()?;
/// ring.producer()?.publish(b"hello")?;
/// assert_eq!(monitor.stats()?.head, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a monitor shows nothing until it is asked, and dropping it gives up the ring"]
pub struct Monitor {
    /// Beside the lock, which a thread may have held when the process was forked.
    status: HandleStatus,
    region: Mutex<Region<AsObserver>>,
}

impl Monitor {
    /// Looks through this observer's mapping from now on.
    pub fn new(observer: Observer) -> Self {
        let region = observer.into_region();
        Self { status: region.fork, region: Mutex::new(region) }
    }

    /// How the ring stands. Asks the kernel about the producer and about each consumer; the list of
    /// consumers is the one allocation.
    ///
    /// # Errors
    /// `NoMemory`, `Damaged`, `Forked`, `Truncated`.
    ///
    /// # Examples
    /// ```no_run
    /// # use ringway_core::{AttachError, Ring};
    /// # fn watch(ring: &impl Ring) -> Result<(), AttachError> {
    /// let monitor = ring.monitor()?;
    /// std::thread::scope(|scope| {
    ///     for _ in 0..2 {
    ///         scope.spawn(|| println!("{:?}", monitor.stats()));
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn stats(&self) -> Result<Stats, AttachError> {
        self.status.check()?;
        // A look changes nothing that a panic could leave half done.
        self.region.lock().unwrap_or_else(PoisonError::into_inner).read(|region| {
            let Moment { epoch_state, first_seq, end: head } = region.producer_page.moment(|head| head)?;
            let head = head.get();
            let producer = role_words::of_producer(&region.producer_page);
            let consumers = attached(region, head).map_err(|needed| AttachError::NoMemory { needed })?;
            let observers = observers(region).map_err(|needed| AttachError::NoMemory { needed })?;
            Ok(Stats {
                head,
                epoch: epoch_state.epoch(),
                first_seq,
                state: epoch_state.state()?,
                producer_alive: region.keeper.producer_alive(),
                producer_pid: producer.pid,
                producer_uid: producer.uid,
                producer_name: producer.name,
                times_full: times_full(region),
                times_passed_over: region.producer_page.word::<{ producer_page::TIMES_PASSED_OVER }>().load(),
                doorbell: region.producer_page.doorbell().load(),
                consumers,
                furthest_read: furthest_read(region, head),
                observers,
                slots: region.geometry.slots,
                payload_capacity: region.geometry.payload_capacity,
                max_consumers: region.geometry.max_consumers,
            })
        })
    }
}

/// The cells whose readers are attached and alive, and may hold a producer back.
fn alive<R: Role>(region: &Region<R>) -> impl Iterator<Item = usize> {
    (0..region.cells.count()).filter(|&cell| {
        let word = region.cells.word::<{ cell::WORD }>(cell).load();
        cell_counts(word) && region.keeper.cell_alive(cell)
    })
}

/// What the reader in `cell` shows of itself.
fn shown<R: Role>(region: &Region<R>, cell: usize, head: u64) -> Attached {
    let cells = &region.cells;
    let next_seq = cells.word::<{ cell::CURSOR }>(cell).load();
    let RoleHint { pid, uid, name } = role_words::of_cell(cells, cell);
    let is_best_effort =
        cells.word::<{ cell::WORD }>(cell).load() & cell_state::MASK == cell_state::BEST_EFFORT;
    let hint = |found| if is_best_effort { found } else { 0 };
    let lost = hint(cells.word::<{ cell::LOST }>(cell).load());
    let times_lagged = hint(cells.word::<{ cell::TIMES_LAGGED }>(cell).load());
    let lag = head.saturating_sub(next_seq);
    Attached { cell, pid, next_seq, lag, uid, name, is_best_effort, lost, times_lagged }
}

/// The consumers and best-effort readers that are attached and alive. After an error: how many bytes there is no memory for.
pub(super) fn attached<R: Role>(region: &Region<R>, head: u64) -> Result<Vec<Attached>, usize> {
    let mut found = Vec::new();
    for cell in alive(region) {
        found.try_reserve(1).map_err(|_| (found.len() + 1) * size_of::<Attached>())?;
        found.push(shown(region, cell, head));
    }
    Ok(found)
}

/// The furthest cursor of the cells that a consumer has used, which it leaves behind there.
fn furthest_read<R: Role>(region: &Region<R>, head: u64) -> Option<u64> {
    // Beyond them there was no reader, though an observer may have shown itself.
    let used = region.hints.cells_used().load().min(region.cells.count() as u64) as usize;
    (0..used)
        .filter(|&cell| region.cells.word::<{ cell::PID }>(cell).load() != 0)
        .map(|cell| region.cells.word::<{ cell::CURSOR }>(cell).load().min(head))
        .max()
}

/// What is left of `slots` by consumers that lag so far.
fn room(slots: u64, lags: impl Iterator<Item = u64>) -> u64 {
    slots.saturating_sub(lags.max().unwrap_or(0))
}

fn count_room<R: Role>(region: &Region<R>) -> Result<u64, Damaged> {
    let head = region.producer_page.head()?.get();
    let slots = region.geometry.slots;
    let readers = alive(region).map(|cell| shown(region, cell, head));
    Ok(room(slots, readers.filter(|reader| reader.gates(slots)).map(|reader| reader.lag)))
}

fn times_full<R: Role>(region: &Region<R>) -> u64 {
    region.producer_page.word::<{ producer_page::TIMES_FULL }>().load()
}

/// What each role can tell of its ring.
macro_rules! told_by {
    ($role:ident, $error:ident, $($region:ident).+) => {
        impl $role {
            /// Number of messages that the ring holds: its slots.
            pub fn capacity(&self) -> u64 {
                self.$($region).+.geometry.slots
            }

            /// How often a producer of this ring found it full, as the producers have counted; for display.
            ///
            /// # Errors
            /// `Forked`, `Truncated`.
            pub fn times_full(&self) -> Result<u64, $error> {
                self.$($region).+.read(|region| Ok(times_full(region)))
            }
        }
    };
}
told_by!(Producer, PublishError, region);
told_by!(Consumer, RecvError, cursor.region);
told_by!(BestEffortReader, RecvError, cursor.region);
told_by!(Observer, RecvError, region);

/// What each reader can tell of the ring's consumers, and of its producer.
macro_rules! told_by_reader {
    ($role:ident, $($region:ident).+) => {
        impl $role {
            /// Number of consumers and best-effort readers that are attached and alive. Asks the kernel about each. It
            /// may be out of date at once. Best-effort readers count even while they are passed over, which they aren't
            /// in the producer's own count.
            ///
            /// # Errors
            /// `Forked`, `Truncated`.
            pub fn consumer_count(&self) -> Result<usize, RecvError> {
                self.$($region).+.read(|region| Ok(alive(region).count()))
            }

            /// How many messages can be published until the ring is full: reads head and the cursors of the consumers,
            /// and asks the kernel about each. There may be more or less by now.
            ///
            /// It is a guess where there are best-effort readers: one counts if it is no more than a lap behind. The
            /// producer may have passed it over, and it waits for one that is behind a long skip.
            ///
            /// A consumer that died doesn't count. [`Producer::count_room`] does count it until the ring is full, since
            /// the producer doesn't ask the kernel before, and says less until then. With no consumer attached the
            /// answer is all slots, even if the producer requires readers and so publishes nothing.
            ///
            /// # Errors
            /// `Damaged`, `Forked`, `Truncated`.
            pub fn count_room(&self) -> Result<u64, RecvError> {
                self.$($region).+.read(|region| Ok(count_room(region)?))
            }

            /// Whether [`len`](Self::len) is 0: there may be a message by the time the caller looks.
            ///
            /// # Errors
            /// `Damaged`, `Forked`, `Truncated`.
            pub fn is_empty(&self) -> Result<bool, RecvError> {
                Ok(self.len()? == 0)
            }

            /// The ring's state, as the producer page has it now.
            ///
            /// # Errors
            /// `Damaged`, `Forked`, `Truncated`.
            pub fn state(&self) -> Result<State, RecvError> {
                self.$($region).+.read(|region| Ok(region.producer_page.epoch_state().state()?))
            }

            /// The producer's incarnation, as the producer page has it now; 0 before the first.
            ///
            /// # Errors
            /// `Forked` in a forked child, `Truncated`.
            pub fn epoch(&self) -> Result<u64, RecvError> {
                self.$($region).+.read(|region| Ok(region.producer_page.epoch_state_now().epoch()))
            }

            /// Whether some process holds the ring's producer lock now: asks the kernel.
            ///
            /// # Errors
            /// `Forked` in a forked child.
            pub fn producer_alive(&self) -> Result<bool, Forked> {
                // The locks aren't in the ring's memory.
                self.$($region).+.fork.check_fork()?;
                Ok(self.$($region).+.keeper.producer_alive())
            }
        }
    };
}
told_by_reader!(Consumer, cursor.region);
told_by_reader!(BestEffortReader, cursor.region);
told_by_reader!(Observer, region);

impl Consumer {
    /// Number of published messages that this consumer hasn't released, and of skipped ones, be they more than a lap. Head
    /// may be newer by the time the caller looks, and within a batch of the producer's it lags behind what can be read.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn len(&self) -> Result<u64, RecvError> {
        self.cursor.region.read(|region| Ok(region.producer_page.head()?.since(self.cursor.next())))
    }
}

impl Observer {
    /// Number of published messages that this observer can still read, as far as can be told without looking at them (some
    /// may have been skipped):
    /// [`lag`](Self::lag), or the ring's capacity if that is less. The oldest may be overwritten before they are read.
    ///
    /// # Errors
    /// `Damaged`, `Forked`, `Truncated`.
    pub fn len(&self) -> Result<u64, RecvError> {
        Ok(self.lag()?.min(self.capacity()))
    }
}
