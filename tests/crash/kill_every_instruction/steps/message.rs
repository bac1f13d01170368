//! Messages that tell their sequence and their writer's epoch, and what readers make of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::payload;

/// Bytes of the shortest and of the longest message.
const LEAST: usize = 48;
pub const MOST: usize = 200;

/// Bytes of each message, where all have one length.
pub const LINE: usize = 56;

/// After so many messages the ring looks as it did before: every lap the same slots, every round the same
/// lengths. So an operation runs through the same instructions in every round.
pub const ROUND: u64 = 16;

/// The length of each message; 0 if they have several.
static FIXED: AtomicUsize = AtomicUsize::new(0);

/// From now on each message in this process, and in its children, has this length.
pub fn fix(length: usize) {
    FIXED.store(length, Ordering::Relaxed);
}

/// The length of message `seq`, if not each has the same: long at the start and in the middle of a round, where it is
/// read while the other one is written.
pub fn length(seq: u64) -> usize {
    let fixed = FIXED.load(Ordering::Relaxed);
    if fixed > 0 {
        return fixed;
    }
    LEAST + ((seq % ROUND) as usize * 40 + 137) % (MOST - LEAST + 1)
}

/// Message `seq` of the producer of `epoch`. Sequence, epoch and length come first, and every other byte
/// follows from the first two.
pub fn compose(seq: u64, epoch: u64) -> Vec<u8> {
    let mut message = payload::message(seq ^ epoch << 32, length(seq));
    message[..8].copy_from_slice(&seq.to_ne_bytes());
    message[8..16].copy_from_slice(&(epoch << 32 | length(seq) as u64).to_ne_bytes());
    message
}

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A mixture of messages, or none at all.
    Torn,
    /// The bytes of a sequence changed after a reader had accepted them.
    Changed,
    Duplicated,
    Reordered,
    Lost,
    /// A survivor can't go on, or is told something that isn't so.
    Stuck,
}

impl Kind {
    pub const ALL: [Kind; 6] =
        [Kind::Torn, Kind::Changed, Kind::Duplicated, Kind::Reordered, Kind::Lost, Kind::Stuck];
}

/// One broken promise.
#[derive(Debug)]
pub struct Broken {
    pub kind: Kind,
    pub what: String,
}

impl Broken {
    pub fn new(kind: Kind, what: impl fmt::Display) -> Self {
        Self { kind, what: what.to_string() }
    }

    /// A survivor got an error.
    pub fn stuck<E: fmt::Display>(doing: &str) -> impl FnOnce(E) -> Self {
        move |error| Self::new(Kind::Stuck, format!("{doing}: {error}"))
    }
}

/// What any reader has accepted, and any surviving producer published, in the last rounds.
#[derive(Default)]
pub struct Accepted(BTreeMap<u64, Vec<u8>>);

impl Accepted {
    /// A reader accepts `bytes` as message `seq`. Returns the sequence that the message itself tells.
    pub fn accept(&mut self, seq: u64, bytes: &[u8]) -> Result<u64, Broken> {
        let word = |at: usize| bytes.get(at..at + 8).map(|word| u64::from_ne_bytes(word.try_into().unwrap()));
        let (Some(told), Some(epoch)) = (word(0), word(8).map(|word| word >> 32)) else {
            return Err(Broken::new(Kind::Torn, format!("{} bytes as message {seq}", bytes.len())));
        };
        if bytes != compose(told, epoch) {
            return Err(Broken::new(Kind::Torn, format!("message {seq}: {bytes:?}")));
        }
        self.agree(seq, bytes, epoch)?;
        Ok(told)
    }

    /// All readers get the same of `seq`.
    fn agree(&mut self, seq: u64, bytes: &[u8], epoch: u64) -> Result<(), Broken> {
        let before = self.0.entry(seq).or_insert_with(|| bytes.to_vec());
        if before != bytes {
            let what = format!("message {seq}: epoch {epoch} wrote what another reader didn't get");
            return Err(Broken::new(Kind::Changed, what));
        }
        if let Some((least, _)) = self.0.first_key_value()
            && least + 4 * ROUND < seq
        {
            self.0.pop_first();
        }
        Ok(())
    }
}

/// What is accepted of a sequence that was skipped.
const VOID: &[u8] = &[];

/// One reader's account of what it received.
pub struct Account {
    next: u64,
    epoch: u64,
    missing: BTreeSet<u64>,
}

impl Account {
    pub fn new(first: u64) -> Self {
        Self { next: first, epoch: 0, missing: BTreeSet::new() }
    }

    /// The next message.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The reader was told that the next `skipped` sequences hold no message.
    pub fn skip(&mut self, accepted: &mut Accepted, skipped: u64) -> Result<(), Broken> {
        let end = self.next + skipped;
        (self.next..end).try_for_each(|seq| accepted.agree(seq, VOID, self.epoch))?;
        self.next = end;
        Ok(())
    }

    /// The reader received `bytes`, from the ring's message `seq`.
    pub fn receive(&mut self, accepted: &mut Accepted, seq: u64, bytes: &[u8]) -> Result<(), Broken> {
        let expected = self.next;
        let told = accepted.accept(seq, bytes)?;
        if told < expected {
            let kind = if self.missing.remove(&told) { Kind::Reordered } else { Kind::Duplicated };
            return Err(Broken::new(kind, format!("message {told} where {expected} was expected")));
        }
        self.next = told + 1;
        if told > expected {
            self.missing.extend(expected..told);
            return Err(Broken::new(Kind::Lost, format!("message {told} where {expected} was expected")));
        }
        let epoch = u64::from_ne_bytes(bytes[8..16].try_into().unwrap()) >> 32;
        if epoch < self.epoch {
            let what = format!("message {told} of epoch {epoch}, after one of epoch {}", self.epoch);
            return Err(Broken::new(Kind::Reordered, what));
        }
        self.epoch = epoch;
        Ok(())
    }
}
