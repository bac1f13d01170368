//! The gateway's side of its keeper, of which it is a child.
//!
//! It tells the keeper on its standard output what to hold and to release, a line each: `hold NAME` and
//! `release NAME SEQUENCE`. It ends when its standard input does. What the keeper holds is a consumer with its process id,
//! which the gateway finds in the ring.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ringway::Monitor;

use crate::stop::Stop;

/// Tells the gateway the process id of its keeper.
pub const VARIABLE: &str = "RINGWAY_GATEWAY_KEEPER";
/// How long a gateway waits for its keeper to hold a ring.
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
}

impl Kept {
    /// Has the keeper of this process hold the ring of this name.
    ///
    /// # Errors
    /// If it doesn't.
    pub fn hold(name: &str, keeper: u32, ring: &Monitor) -> Result<Self> {
        say(&format!("hold {name}"))?;
        let began = Instant::now();
        loop {
            let stats = ring.stats()?;
            if let Some(found) = stats.consumers.iter().find(|consumer| consumer.pid == u64::from(keeper)) {
                return Ok(Self { name: name.into(), held: found.next_seq });
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

    /// Has the keeper release the messages before `seq`.
    ///
    /// # Errors
    /// If it is gone.
    pub fn release(&mut self, seq: u64) -> Result<()> {
        if seq <= self.held {
            return Ok(());
        }
        self.held = seq;
        say(&format!("release {} {seq}", self.name))
    }
}

fn say(line: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).context("telling the keeper")
}
