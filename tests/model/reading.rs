//! The readers' side.

use std::time::Duration;

use ringway::{AttachError, Outcome, RecvError, Ring, Start};

use crate::operation::{From, READERS, resume};
use crate::reference::{Reader, Reference, Told, Watcher};
use crate::ringside::Ringside;

/// As short as a wait can be: long enough to ask whether there is a producer.
const AN_INSTANT: Duration = Duration::from_nanos(1);

impl Reference {
    fn resolve(&self, from: From) -> Start {
        match from {
            From::Latest => Start::Latest,
            From::Oldest => Start::Oldest,
            From::Near(distance) => Start::At(self.head().saturating_add_signed(distance)),
        }
    }

    /// Asserts that this is message `seq`.
    fn verify(&self, seq: u64, found: (u64, u32, &[u8])) {
        let (message, tag) = self.message(seq).expect("it was published");
        assert_eq!(found, (seq, *tag, &message[..]));
    }

    /// Whether message `seq` is too long for a buffer: the error then.
    fn too_small(&self, seq: u64, room: usize) -> Option<RecvError> {
        let needed = self.message(seq).expect("it was published").0.len();
        (needed > room).then_some(RecvError::TooSmall { needed, found: room })
    }
}

impl Ringside {
    pub fn join(&mut self, from: From) {
        let start = self.model.resolve(from);
        let free = self.consumers.iter().position(Option::is_none);
        match (self.ring.consumer(start), free, self.model.start(start, self.model.floor())) {
            (Ok(consumer), Some(cell), Ok(first)) => {
                assert_eq!((consumer.cell(), consumer.next_seq()), (cell, first));
                self.consumers[cell] = Some((consumer, Reader::new(&self.model, first)));
            }
            (Err(AttachError::NoFreeCell { max, .. }), None, _) => assert_eq!(max, READERS as u64),
            (Err(AttachError::Overwritten { asked, oldest }), Some(_), Err(expected)) => {
                assert_eq!((Start::At(asked), oldest), (start, expected));
            }
            (found, _, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    pub fn receive(&mut self, reader: usize, waits: bool) {
        let Some((consumer, reader)) = &mut self.consumers[reader] else { return };
        let told = reader.look(&self.model, waits);
        let outcome = if waits { consumer.recv_timeout(AN_INSTANT) } else { consumer.try_recv() };
        let outcome = outcome.unwrap();
        assert_eq!(Told::from(&outcome), told);
        reader.pass(&self.model, &outcome);
        if let Outcome::Message(guard) = outcome {
            self.model.verify(reader.next, (guard.seq(), guard.tag(), &guard));
            reader.next += 1;
        }
    }

    pub fn receive_into(&mut self, reader: usize, room: usize) {
        let Some((consumer, reader)) = &mut self.consumers[reader] else { return };
        let mut buffer = vec![0x55; room];
        let told = reader.look(&self.model, false);
        let too_small = (told == Told::Message).then(|| self.model.too_small(reader.next, room)).flatten();
        match (consumer.try_recv_into(&mut buffer), too_small) {
            (Err(error), Some(expected)) => assert_eq!(error, expected),
            (Ok(outcome), None) => {
                assert_eq!(Told::from(&outcome), told);
                reader.pass(&self.model, &outcome);
                if let Some(copied) = outcome.into_message() {
                    self.model.verify(reader.next, (copied.seq, copied.tag, &buffer[..copied.len]));
                    assert!(buffer[copied.len..].iter().all(|&byte| byte == 0x55));
                    reader.next += 1;
                }
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    pub fn receive_batch(&mut self, reader: usize, most: usize) {
        let Some((consumer, reader)) = &mut self.consumers[reader] else { return };
        if most == 0 {
            // Nothing was asked for, so nothing is told.
            assert!(matches!(consumer.try_recv_batch(0), Ok(Outcome::Empty)));
            return;
        }
        let told = reader.look(&self.model, false);
        let outcome = consumer.try_recv_batch(most).unwrap();
        assert_eq!(Told::from(&outcome), told);
        reader.pass(&self.model, &outcome);
        if let Outcome::Message(batch) = outcome {
            let there = self.model.run(reader.next, false) - reader.next;
            assert_eq!(batch.len() as u64, there.min(most as u64));
            for (seq, message) in (reader.next..).zip(&batch) {
                self.model.verify(seq, (message.seq(), message.tag(), &message));
            }
            assert_eq!(batch.iter().count(), batch.len());
            reader.next += batch.len() as u64;
        }
    }

    pub fn forget(&mut self, reader: usize, batch: bool) {
        let Some((consumer, reader)) = &mut self.consumers[reader] else { return };
        let told = reader.look(&self.model, false);
        if batch {
            let outcome = consumer.try_recv_batch(3).unwrap();
            assert_eq!(Told::from(&outcome), told);
            reader.pass(&self.model, &outcome);
            std::mem::forget(outcome);
        } else {
            let outcome = consumer.try_recv().unwrap();
            assert_eq!(Told::from(&outcome), told);
            reader.pass(&self.model, &outcome);
            std::mem::forget(outcome);
        }
    }

    pub fn attach(&mut self, from: From, latest: bool) {
        let start = self.model.resolve(from);
        let Some(free) = self.observers.iter().position(Option::is_none) else { return };
        match (self.ring.observer(start, resume(latest)), self.model.start(start, self.model.oldest())) {
            (Ok(observer), Ok(first)) => {
                assert_eq!(observer.start(), first);
                self.observers[free] = Some((observer, Watcher::new(&self.model, first), latest));
            }
            (Err(AttachError::Overwritten { asked, oldest }), Err(expected)) => {
                assert_eq!((Start::At(asked), oldest), (start, expected));
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    pub fn observe(&mut self, reader: usize, waits: bool) {
        let Some((observer, watcher, latest)) = &mut self.observers[reader] else { return };
        let told = watcher.look(&self.model, waits);
        let outcome = if waits { observer.recv_timeout(AN_INSTANT) } else { observer.try_recv() };
        let outcome = outcome.unwrap();
        assert_eq!(Told::from(&outcome), told);
        match outcome {
            Outcome::Message(message) => {
                self.model.verify(watcher.reader.next, (message.seq(), message.tag(), &message));
                watcher.read();
            }
            Outcome::Lagged(lost) => watcher.skip(&self.model, lost, *latest),
            _ => {}
        }
    }

    pub fn observe_into(&mut self, reader: usize, room: usize) {
        let Some((observer, watcher, latest)) = &mut self.observers[reader] else { return };
        let mut buffer = vec![0x55; room];
        let told = watcher.look(&self.model, false);
        let next = watcher.reader.next;
        let too_small = (told == Told::Message).then(|| self.model.too_small(next, room)).flatten();
        match (observer.try_recv_into(&mut buffer), too_small) {
            (Err(error), Some(expected)) => assert_eq!(error, expected),
            (Ok(outcome), None) => {
                assert_eq!(Told::from(&outcome), told);
                match outcome {
                    Outcome::Message(copied) => {
                        self.model.verify(next, (copied.seq, copied.tag, &buffer[..copied.len]));
                        watcher.read();
                    }
                    Outcome::Lagged(lost) => watcher.skip(&self.model, lost, *latest),
                    _ => {}
                }
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }
}

impl Reader {
    /// Passes what was skipped, if that is what a consumer was told: all of it at once.
    fn pass<M>(&mut self, ring: &Reference, outcome: &Outcome<M>) {
        if let Outcome::Lagged(skipped) = *outcome {
            assert_eq!(self.next + skipped, ring.run(self.next, true));
            self.next += skipped;
        }
    }
}

impl Watcher {
    fn read(&mut self) {
        self.reader.next += 1;
        self.hurried = false;
    }

    fn skip(&mut self, ring: &Reference, lost: u64, latest: bool) {
        let next = self.reader.next + lost;
        assert!(
            self.may_resume(ring, latest, next),
            "{lost} lost at {}, to go on at {next}",
            self.reader.next
        );
        self.reader.next += lost;
        self.lost += lost;
        self.hurried = true;
    }
}
