//! The gateway's side of its keeper, of which it is a child.
//!
//! It tells the keeper on its standard output what to hold and to release, a line each: `hold NAME` and
//! `release NAME SEQUENCE`. It ends when its standard input does. What the keeper holds is a consumer with its process id,
//! which the gateway finds in the ring.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use ringway::Monitor;

use crate::stop::Stop;

/// Tells the gateway the process id of its keeper.
pub const VARIABLE: &str = "RINGWAY_GATEWAY_KEEPER";
/// Longest wait for the keeper to hold a ring.
const HELD_WITHIN: Duration = Duration::from_secs(5);
const SLICE: Duration = Duration::from_millis(20);

/// The keeper's process id, if this process has one.
pub fn keeper() -> Option<u32> {
    std::env::var(VARIABLE).ok()?.parse().ok()
}

/// Ends this process when its keeper ends, or tells it to.
pub fn end_with_keeper(stop: &Stop) {
    let stop = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.set();
    });
}

/// A ring that the keeper holds, as its gateway sees it.
#[derive(Debug)]
pub struct Kept {
    name: String,
    held: u64,
    outbox: &'static Outbox,
}

impl Kept {
    /// Asks the keeper to hold the ring of this name, and waits until it does.
    ///
    /// # Errors
    /// If the keeper doesn't hold the ring in time.
    pub fn hold(name: &str, keeper: u32, ring: &Monitor) -> Result<Self> {
        static OUTBOX: OnceLock<Outbox> = OnceLock::new();
        let outbox = OUTBOX.get_or_init(|| Outbox::new(std::io::stdout()));
        outbox.hold(name)?;
        let began = Instant::now();
        loop {
            let stats = ring.stats()?;
            if let Some(found) = stats.consumers.iter().find(|consumer| consumer.pid == u64::from(keeper)) {
                return Ok(Self { name: name.into(), held: found.next_seq, outbox });
            }
            if began.elapsed() > HELD_WITHIN {
                bail!("{name}: the keeper, process {keeper}, holds no cell of the ring: see what it says");
            }
            std::thread::sleep(SLICE);
        }
    }

    /// The first message that is held.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Asks the keeper to release the messages before `seq`, without waiting for it.
    ///
    /// # Errors
    /// If the keeper is gone.
    pub fn release(&mut self, seq: u64) -> Result<()> {
        if seq <= self.held {
            return Ok(());
        }
        self.held = seq;
        self.outbox.release(&self.name, seq)
    }
}

/// What the keeper has to be told, of each ring the last. A thread writes it: a keeper that is stopped reads nothing, and
/// the threads that carry messages must not wait for it.
#[derive(Clone, Debug, Default)]
struct Outbox(Arc<(Mutex<Waiting>, Condvar)>);

#[derive(Debug, Default)]
struct Waiting {
    lines: BTreeMap<String, Line>,
    /// The keeper's end of the pipe is gone.
    is_broken: bool,
}

#[derive(Debug, Default)]
struct Line {
    hold: bool,
    release: Option<u64>,
}

impl Outbox {
    fn new(output: impl Write + Send + 'static) -> Self {
        let outbox = Self::default();
        let of = outbox.clone();
        std::thread::spawn(move || {
            if of.write_to(output).is_err() {
                of.lock().is_broken = true;
            }
        });
        outbox
    }

    fn hold(&self, name: &str) -> Result<()> {
        // An earlier release concerns the ring that had the name before.
        self.put(|lines| lines.insert(name.into(), Line { hold: true, release: None }))
    }

    fn release(&self, name: &str, seq: u64) -> Result<()> {
        self.put(|lines| lines.entry(name.into()).or_default().release.replace(seq))
    }

    fn put<T>(&self, add: impl FnOnce(&mut BTreeMap<String, Line>) -> T) -> Result<()> {
        let mut waiting = self.lock();
        ensure!(!waiting.is_broken, "the keeper is gone: it reads no more of what to hold and to release");
        add(&mut waiting.lines);
        drop(waiting);
        self.0.1.notify_one();
        Ok(())
    }

    fn write_to(&self, mut output: impl Write) -> std::io::Result<()> {
        loop {
            let mut waiting = self.lock();
            while waiting.lines.is_empty() {
                waiting = self.0.1.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            let lines = std::mem::take(&mut waiting.lines);
            drop(waiting);
            for (name, Line { hold, release }) in lines {
                if hold {
                    writeln!(output, "hold {name}")?;
                }
                if let Some(seq) = release {
                    writeln!(output, "release {name} {seq}")?;
                }
            }
            output.flush()?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    #[test]
    fn a_keeper_that_reads_nothing_holds_up_nobody_and_is_told_the_last() {
        let (reader, writer) = std::io::pipe().unwrap();
        let outbox = Outbox::new(writer);
        outbox.hold("one").unwrap();
        // More than a pipe takes.
        for seq in 0..100_000 {
            outbox.release("one", seq).unwrap();
        }
        outbox.hold("two").unwrap();
        outbox.release("two", 5).unwrap();
        let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
        assert_eq!(lines.next().unwrap(), "hold one");
        let rest: Vec<_> = lines.by_ref().take_while(|line| line != "release two 5").collect();
        assert!(rest.contains(&"release one 99999".into()) && rest.contains(&"hold two".into()));
        let released = rest.iter().filter_map(|line| line.strip_prefix("release one ")?.parse::<u64>().ok());
        assert!(released.is_sorted());
        // Nothing of a re-created ring is released that was of the one before.
        outbox.release("one", 100_000).unwrap();
        outbox.hold("one").unwrap();
        outbox.release("one", 7).unwrap();
        let last: Vec<_> = lines.by_ref().take_while(|line| line != "release one 7").collect();
        assert_eq!(last.last().unwrap(), "hold one");
        drop(lines);
        let began = Instant::now();
        while outbox.release("one", 8).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(60), "a broken pipe is never told");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
