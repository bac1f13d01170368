//! A ring, the processes that survive on it, and one round: one is killed, and the survivors verify.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ringway::{
    AttachError, Config, Consumer, Full, Guard, Monitor, Outcome, Patience, Producer, PublishError, Ring,
    Start, Stats, Stride,
};

use super::fence;
use super::message::{Accepted, Account, Broken, Kind, LINE, MOST, ROUND, compose};
use super::operation::{Actor, Operation};
use super::reader::{Found, MidCopy, Reader};
use super::survivors::{Consuming, Lagging, Watching, publish};
use super::tracee::{Nursery, Stop, Task, Tracee};
use testkit::TestRing;

/// Messages of a lap: half a round.
const SLOTS: u64 = ROUND / 2;
/// A lock that a dead process holds for longer is stuck. Any other process that looks at the dead one through /proc
/// keeps its memory, and so its locks, for as long as it looks.
const LOCKED: Duration = Duration::from_secs(60);

/// A ring and its survivors.
pub struct Scene {
    ring: TestRing,
    nursery: Nursery,
    operation: Operation,
    /// With readers in the middle of reading: an observer's position in its copy, once it is known.
    readers: Option<Option<MidCopy>>,
    monitor: Monitor,
    producer: Option<Producer>,
    consuming: Consuming,
    watching: Watching,
    /// A best-effort reader that is a lap behind when the operation begins, if it is to be passed over.
    lagging: Option<Lagging>,
    accepted: Accepted,
    /// The first message of this round.
    start: u64,
}

impl Scene {
    /// A ring on which `operation` will be killed, with or without `readers` that are reading meanwhile.
    pub fn new(kind: testkit::Kind, operation: Operation, stride: Stride, readers: bool) -> Self {
        let capacity = if stride.is_fixed_length() { LINE } else { MOST };
        let config = Config::new().slots(SLOTS).stride(stride).payload_capacity(capacity as u64);
        let config = config.max_consumers(operation.cells());
        let config = if operation.skips() { config.first_seq(0) } else { config };
        let ring = kind.ring(&config);
        let mut scene = Self {
            nursery: Nursery::new(&ring),
            operation,
            readers: readers.then_some(None),
            monitor: ring.monitor().unwrap(),
            producer: Some(ring.producer().unwrap()),
            consuming: Consuming::new(&ring).unwrap(),
            watching: Watching::new(&ring, 0).unwrap(),
            lagging: operation.passes_over().then(|| Lagging::new(&ring).unwrap()),
            accepted: Accepted::default(),
            start: 0,
            ring,
        };
        scene.finish_round().unwrap();
        scene
    }

    /// Runs the operation in a child, which `halt` takes to where it is killed; then verifies.
    pub fn round(&mut self, halt: impl FnOnce(&Tracee)) -> Result<(), Broken> {
        match self.operation.actor {
            Actor::Producer => self.kill_a_producer(None, 0, halt)?,
            Actor::Successor(before, uncounted) => self.kill_a_producer(Some(before), uncounted, halt)?,
            Actor::Consumer => self.kill_a_consumer(false, halt)?,
            Actor::Lapped => self.kill_a_consumer(true, halt)?,
        }
        self.finish_round()
    }

    fn kill_a_producer(
        &mut self,
        predecessor: Option<Task>,
        uncounted: u64,
        halt: impl FnOnce(&Tracee),
    ) -> Result<(), Broken> {
        let Self { ring, nursery, operation, readers, monitor, .. } = self;
        let Self { consuming, watching, lagging, accepted, start, .. } = self;
        // As if it had died.
        self.producer = None;
        let cell = consuming.consumer.cell();
        let held = readers.is_some().then(|| hold(&mut consuming.consumer));
        let mut overtaken = None;
        let mut undisturbed = None;
        if uncounted == 0 {
            overtaken = stop_in_copy(readers, nursery, *start - SLOTS);
        }
        if let Some(predecessor) = predecessor {
            let died = nursery.start(predecessor, 0).finish();
            assert_eq!(died, Stop::Killed(Signal::SIGKILL), "a predecessor that dies");
            until(monitor, "the predecessor's lock", |stats| !stats.producer_alive)?;
            watching.drain(accepted)?;
            assert_eq!(watching.account.next(), *start + uncounted, "its last words");
        }
        if uncounted > 0 {
            undisturbed = stop_in_copy(readers, nursery, *start);
        }

        let child = at_the_start(nursery, operation.task);
        halt(&child);
        // What readers accept now can't be taken back.
        watching.drain(accepted)?;
        let epoch = watching.observer.epoch().map_err(Broken::stuck("observing"))?;
        child.kill();

        if let Some(reader) = overtaken {
            reader.go_on(nursery, accepted)?;
        }
        let mut successor = ring.next_producer(LOCKED).map_err(Broken::stuck("taking over"))?;
        if let Some(lagging) = lagging {
            // Between the two producers it reads on, or finds out that it was passed over.
            lagging.attempt(accepted)?;
            successor.set_patience(Patience::Lap);
        }
        if successor.epoch() != epoch + 1 {
            let what = format!("epoch {} after epoch {epoch}", successor.epoch());
            return Err(Broken::new(Kind::Stuck, what));
        }
        // A skip of more than a lap fills the ring: the consumer is told of it first, when the round is finished.
        if operation.goes_beside_readers() {
            publish(&mut successor, accepted)?;
        }
        if let Some(reader) = undisturbed
            && reader.go_on(nursery, accepted)? != Found::Message
        {
            return Err(Broken::new(Kind::Lost, "a reader's message was overwritten within a lap"));
        }
        // A reader that comes now gets what the others got before.
        let mut late = Watching::new(ring, (*start).max(successor.next_seq().saturating_sub(SLOTS)))?;
        late.drain(accepted)?;
        complete("a late observer", &late.account, successor.next_seq())?;
        if let Some(held) = held {
            block(&mut successor, cell, &held, accepted)?;
            release(held, &mut consuming.account, accepted)?;
        }
        self.producer = Some(successor);
        Ok(())
    }

    fn kill_a_consumer(&mut self, lapped: bool, halt: impl FnOnce(&Tracee)) -> Result<(), Broken> {
        let Self { ring, nursery, operation, readers, monitor, consuming, watching, accepted, start, .. } =
            self;
        let producer = self.producer.as_mut().expect("a producer that survives");
        let cell = consuming.consumer.cell();
        let overtaken = stop_in_copy(readers, nursery, *start - SLOTS);
        {
            let held = readers.is_some().then(|| hold(&mut consuming.consumer));
            let child = at_the_start(nursery, operation.task);
            if lapped {
                // It starts half a lap back.
                producer.set_patience(Patience::Lap);
                for _ in 0..=SLOTS / 2 {
                    publish(producer, accepted)?;
                }
                watching.drain(accepted)?;
            }
            // From here on only the kernel tells the producer that it waits for nobody.
            producer.set_patience(Patience::Endless);
            halt(&child);
            child.kill();
            until(monitor, "the dead consumer's locks", |stats| {
                stats.consumers.iter().all(|consumer| consumer.cell == cell)
            })?;
            // The dead consumer doesn't hold the producer back, the other one does.
            if let Some(held) = held {
                block(producer, cell, &held, accepted)?;
                watching.drain(accepted)?;
                release(held, &mut consuming.account, accepted)?;
            }
        }
        // More than a lap in all.
        while producer.next_seq() < *start + SLOTS + 1 {
            consuming.drain(accepted, u64::MAX)?;
            watching.drain(accepted)?;
            publish(producer, accepted)?;
        }
        if let Some(reader) = overtaken
            && reader.go_on(nursery, accepted)? != Found::Lagged
        {
            return Err(Broken::new(Kind::Torn, "a reader accepted a message that was overwritten"));
        }
        // Its cell can be taken, and serves.
        let mut late = in_a_free_cell(ring)?;
        publish(producer, accepted)?;
        late.drain(accepted, u64::MAX)?;
        complete("a late consumer", &late.account, producer.next_seq())
    }

    /// Publishes up to the next round, and sees that all of it arrives.
    fn finish_round(&mut self) -> Result<(), Broken> {
        let Self { readers, consuming, watching, lagging, accepted, start, .. } = self;
        let producer = self.producer.as_mut().expect("a producer that survives");
        let end = *start + ROUND;
        // One is left to be held during the next round.
        let last = end - u64::from(readers.is_some());
        loop {
            consuming.drain(accepted, last)?;
            watching.drain(accepted)?;
            if producer.next_seq() == end {
                break;
            }
            // It counts again from here on, and is a lap behind at the end.
            if let Some(lagging) = lagging
                && producer.next_seq() == end - SLOTS
            {
                lagging.drain(accepted, end - SLOTS)?;
            }
            publish(producer, accepted)?;
        }
        complete("the consumer", &consuming.account, last)?;
        complete("the observer", &watching.account, end)?;
        *start = end;
        Ok(())
    }
}

/// Waits until the kernel has let go of what a dead process held.
fn until(monitor: &Monitor, what: &str, free: impl Fn(&Stats) -> bool) -> Result<(), Broken> {
    let began = Instant::now();
    while !free(&monitor.stats().map_err(Broken::stuck("asking how the ring stands"))?) {
        if began.elapsed() > LOCKED {
            return Err(Broken::new(Kind::Stuck, format!("{what} outlived it")));
        }
        thread::yield_now();
    }
    Ok(())
}

/// A consumer that joins as soon as there is a cell: one that died while it joined has a lock, and isn't attached.
fn in_a_free_cell(ring: &TestRing) -> Result<Consuming, Broken> {
    let began = Instant::now();
    loop {
        match ring.consumer(Start::Oldest) {
            Err(AttachError::NoFreeCell { .. }) if began.elapsed() < LOCKED => thread::yield_now(),
            joined => return joined.map(Consuming::of).map_err(Broken::stuck("joining")),
        }
    }
}

/// A child that is about to do an operation.
fn at_the_start(nursery: &Nursery, task: Task) -> Tracee {
    let child = nursery.start(task, 0);
    assert!(fence::reach(&child), "a child that gets to its operation");
    child
}

/// A reader in the middle of its copy of message `seq`, if there are readers.
fn stop_in_copy(readers: &mut Option<Option<MidCopy>>, nursery: &Nursery, seq: u64) -> Option<Reader> {
    let middle = readers.as_mut()?.get_or_insert_with(|| MidCopy::find(nursery, seq));
    Some(middle.start(nursery, seq))
}

/// The next message, which is there.
fn hold(consumer: &mut Consumer) -> Guard<'_> {
    match consumer.try_recv() {
        Ok(Outcome::Message(message)) => message,
        other => panic!("a consumer that has a message left: {other:?}"),
    }
}

/// Publishes until the consumer in `cell`, which holds a message, stops the producer, as it must.
fn block(
    producer: &mut Producer,
    cell: usize,
    held: &Guard<'_>,
    accepted: &mut Accepted,
) -> Result<(), Broken> {
    while producer.next_seq() < held.seq() + SLOTS {
        publish(producer, accepted)?;
    }
    match producer.try_publish(&compose(producer.next_seq(), producer.epoch())) {
        Err(PublishError::Full(Full { cell: slowest, .. })) if slowest == cell => Ok(()),
        other => Err(Broken::new(Kind::Lost, format!("a held message doesn't hold: {other:?}"))),
    }
}

/// Releases a message that was held, and that must be what it was.
fn release(held: Guard<'_>, account: &mut Account, accepted: &mut Accepted) -> Result<(), Broken> {
    account.receive(accepted, held.seq(), &held)
}

/// A reader must have got as far as `end`.
fn complete(reader: &str, account: &Account, end: u64) -> Result<(), Broken> {
    if account.next() == end {
        return Ok(());
    }
    let what = format!("{reader} stands at message {}, not at {end}", account.next());
    Err(Broken::new(Kind::Lost, what))
}
