//! How often a sender wakes a receiver that sleeps whenever it has nothing to do.
//!
//! Each ring of the doorbell changes its word by one and makes one system call; nothing else changes it while
//! messages are sent. So the word, read in the ring's file before and after, counts the calls.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use super::as_many_as_fit;
use crate::control::{Control, Side, Word};
use crate::crew::{Job, Measured};
use crate::message::Tally;
use crate::peer::{Peer, Receive, Send, Shape};
use crate::peers::ringway_asleep::{Waiting, Way};

/// Messages that aren't counted, and tell how many will be, if they aren't paced.
const WARM_UP: u64 = 4_096;
/// The same, if they are.
const WARM_UP_PACED: u64 = 32;
/// Where the geometry says where the producer's page is.
const PRODUCER_OFFSET: u64 = 11 * 8;
/// Where the doorbell is in that page.
const DOORBELL: u64 = 384;
/// Name of the ring's file.
const NAME: &str = "stream";

/// Calls per message of `W` words, one message each `every`, or as fast as can be if that is nothing.
pub fn run<K: Way, const W: usize>(job: &Job, slots: usize, every: Duration) -> anyhow::Result<Measured> {
    let channel = Waiting::<K>::channel::<W>(&Shape::new(slots, &job.dir, NAME))?;
    let there = |control: &Control| {
        control.meet(Side::There, 1);
        let mut receiver = Waiting::<K>::receiver::<W>(&channel)?;
        let mut tally = Tally::default();
        for phase in [2, 3] {
            control.meet(Side::There, phase);
            let (end, before) = (control.get(Word::End), sleeps()?);
            while tally.next < end {
                receiver.receive(&mut tally);
            }
            control.set(Word::Found, sleeps()? - before);
            control.set(Word::Reached, tally.next);
        }
        control.meet(Side::There, 4);
        tally.check(W)
    };
    job.two(Waiting::<K>::ACROSS, there, |control| {
        let mut sender = Waiting::<K>::sender::<W>(&channel)?;
        let bell = Doorbell::of(&job.dir.join(NAME))?;
        control.meet(Side::Here, 1);
        let mut stream = |phase, from: u64, end: u64| -> anyhow::Result<_> {
            control.set(Word::End, end);
            control.meet(Side::Here, phase);
            let rung = bell.value()?;
            let began = Instant::now();
            for number in from..end {
                while began.elapsed() < every * (number - from) as u32 {
                    std::hint::spin_loop();
                }
                sender.send(number);
            }
            let took = began.elapsed();
            control.await_at_least(Word::Reached, end);
            Ok((took, bell.value()?.wrapping_sub(rung)))
        };
        let warm_up = if every.is_zero() { WARM_UP } else { WARM_UP_PACED };
        let (took, _) = stream(2, 0, warm_up)?;
        let count = as_many_as_fit(job.time, took, warm_up, warm_up, 1 << 31);
        let (took, rung) = stream(3, warm_up, warm_up + count)?;
        control.meet(Side::Here, 4);
        let each = |number: f64| number / count as f64;
        Ok(Measured::new([
            ("wakes/msg", each(f64::from(rung))),
            ("sleeps/msg", each(control.get(Word::Found) as f64)),
            ("µs/msg", each(took.as_secs_f64() * 1e6)),
            ("messages", count as f64),
        ]))
    })
}

/// How often this process has slept.
fn sleeps() -> anyhow::Result<u64> {
    Ok(getrusage(UsageWho::RUSAGE_SELF)?.voluntary_context_switches() as u64)
}

/// The doorbell of a ring in a file, seen from outside.
struct Doorbell {
    file: File,
    offset: u64,
}

impl Doorbell {
    fn of(path: &Path) -> anyhow::Result<Self> {
        let (file, mut word) = (File::open(path)?, [0; 8]);
        file.read_exact_at(&mut word, PRODUCER_OFFSET)?;
        Ok(Self { file, offset: u64::from_ne_bytes(word) + DOORBELL })
    }

    fn value(&self) -> anyhow::Result<u32> {
        let mut word = [0; 4];
        self.file.read_exact_at(&mut word, self.offset)?;
        Ok(u32::from_ne_bytes(word))
    }
}

#[cfg(test)]
mod tests {
    use ringway::{Config, Ring, file};

    use super::*;

    #[test]
    fn each_ring_of_the_bell_counts_once_and_nothing_else_does() {
        let dir = tempfile::tempdir_in("/dev/shm").expect("a directory");
        let path = dir.path().join(NAME);
        let ring = file::create(&path, &Config::new()).expect("a new ring");
        let mut producer = ring.producer().expect("no other producer");
        let bell = Doorbell::of(&path).expect("a ring's file");
        let before = bell.value().expect("a ring's file");
        producer.publish(b"nobody sleeps").expect("room");
        assert_eq!(bell.value().expect("a ring's file"), before);
        // A choice of the mode rings, even if it is the same.
        let mode = producer.wake_mode().expect("this process's own ring");
        producer.set_wake_mode(mode).expect("this process's own ring");
        assert_eq!(bell.value().expect("a ring's file"), before.wrapping_add(1));
    }
}
