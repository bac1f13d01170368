//! The readers that survive: a consumer and an observer that were there before.

use ringway::{BestEffortReader, Consumer, Observer, Outcome, Producer, Resume, Ring, Start};

use super::message::{Accepted, Account, Broken, Kind, compose};
use testkit::TestRing;

/// A consumer, and its account of what it received.
pub struct Consuming {
    pub consumer: Consumer,
    pub account: Account,
}

impl Consuming {
    /// Joins at the oldest message.
    pub fn new(ring: &TestRing) -> Result<Self, Broken> {
        ring.consumer(Start::Oldest).map(Self::of).map_err(Broken::stuck("joining"))
    }

    /// One that has just joined.
    pub fn of(consumer: Consumer) -> Self {
        let account = Account::new(consumer.next_seq());
        Self { consumer, account }
    }

    /// Receives what is there, up to message `end`.
    pub fn drain(&mut self, accepted: &mut Accepted, end: u64) -> Result<(), Broken> {
        let skips = self.consumer.geometry().can_skip();
        while self.account.next() < end {
            match self.consumer.try_recv().map_err(Broken::stuck("receiving"))? {
                Outcome::Message(message) => self.account.receive(accepted, message.seq(), &message)?,
                Outcome::EpochChanged { .. } => {}
                Outcome::Lagged(skipped) if skips => {
                    self.account.skip(accepted, skipped)?;
                }
                Outcome::Empty | Outcome::Closed => break,
                other => return Err(Broken::new(Kind::Stuck, format!("a consumer is told {other:?}"))),
            }
        }
        Ok(())
    }
}

/// A best-effort reader that is passed over in each round, and keeps its account itself.
pub struct Lagging {
    reader: BestEffortReader,
}

impl Lagging {
    /// Joins at the oldest message.
    pub fn new(ring: &TestRing) -> Result<Self, Broken> {
        let reader = ring.best_effort_reader(Start::Oldest).map_err(Broken::stuck("joining"))?;
        Ok(Self { reader })
    }

    /// Looks for one message. Whether there was something.
    pub fn attempt(&mut self, accepted: &mut Accepted) -> Result<bool, Broken> {
        let before = self.reader.next_seq();
        let found = match self.reader.try_recv().map_err(Broken::stuck("reading as well as it can"))? {
            Outcome::Message(message) => Some(accepted.accept(message.seq(), &message)?),
            Outcome::EpochChanged { .. } => return Ok(true),
            Outcome::Lagged(_) => None,
            _ => return Ok(false),
        };
        let Self { reader } = self;
        if found.is_some_and(|seq| seq != before)
            || reader.received() + reader.lost() != reader.next_seq() - reader.start()
        {
            return Err(Broken::new(Kind::Lost, format!("{found:?} at {before}, to {reader:?}")));
        }
        Ok(true)
    }

    /// Reads up to head, which is `end`.
    pub fn drain(&mut self, accepted: &mut Accepted, end: u64) -> Result<(), Broken> {
        while self.attempt(accepted)? {}
        if self.reader.next_seq() == end {
            return Ok(());
        }
        Err(Broken::new(Kind::Lost, format!("{:?} doesn't get to {end}", self.reader)))
    }
}

/// An observer, and its account of what it received.
pub struct Watching {
    pub observer: Observer,
    pub account: Account,
}

impl Watching {
    /// Starts at message `first`.
    pub fn new(ring: &TestRing, first: u64) -> Result<Self, Broken> {
        let observer = ring.observer(Start::At(first), Resume::OldestSafe);
        let observer = observer.map_err(Broken::stuck("observing"))?;
        Ok(Self { observer, account: Account::new(first) })
    }

    /// Receives what is there.
    pub fn drain(&mut self, accepted: &mut Accepted) -> Result<(), Broken> {
        let skips = self.observer.geometry().can_skip();
        loop {
            match self.observer.try_recv().map_err(Broken::stuck("observing"))? {
                Outcome::Message(message) => self.account.receive(accepted, message.seq(), &message)?,
                Outcome::EpochChanged { .. } => {}
                Outcome::Empty | Outcome::Closed => return Ok(()),
                // It never falls a lap behind.
                Outcome::Lagged(skipped) if skips => {
                    self.account.skip(accepted, skipped)?;
                }
                Outcome::Lagged(lost) => {
                    let what = format!("an observer lost {lost} messages at {}", self.account.next());
                    return Err(Broken::new(Kind::Lost, what));
                }
                other => return Err(Broken::new(Kind::Stuck, format!("an observer is told {other:?}"))),
            }
        }
    }
}

/// Publishes the next message, for which there is room.
pub fn publish(producer: &mut Producer, accepted: &mut Accepted) -> Result<(), Broken> {
    let seq = producer.next_seq();
    let message = compose(seq, producer.epoch());
    producer.try_publish(&message).map_err(Broken::stuck("publishing"))?;
    accepted.accept(seq, &message).map(drop)
}
