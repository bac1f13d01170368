//! `ringway pub`: standard input, as messages.

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use nix::sys::signal::Signal;
use ringway::file::{FileRing, OpenOptions};
use ringway::{Geometry, Producer, Resume, Ring, Start, State};
use serde::Serialize;

use super::input::Input;
use super::publisher::{Ended, Publisher};
use super::shape::Shape;
use super::summary::{Show, Tally};
use crate::options::WaitChoice;
use crate::signals::Signals;
use crate::units::{self, counted};

/// Publish standard input, a message per line
///
/// `ringway sub` writes the same bytes again (`sub --raw` does, if the input was raw and all messages of the ring have
/// one length: --stride line or split). The end of the input closes the ring; so do SIGINT and SIGTERM,
/// which end the stream after what was published by then. If input was read that is not published then, such as
/// a part of a line, it is discarded, and the exit status is 128 and the signal's number. After an error the
/// ring is left open, so that readers report a lost producer, unless nothing was published yet, and no producer
/// had died before and left the ring open. A ring that was closed can be opened again by another `pub`, but a
/// `sub` started in between sees it closed: to run a pipeline anew, remove the ring first (`ringway rm`).
#[derive(clap::Args)]
pub(super) struct Args {
    /// The ring's file
    ring: PathBuf,
    /// Publish the input as it comes, whatever the bytes, instead of line by line; with --stride line or split, in
    /// chunks of the slot size exactly
    #[arg(long)]
    raw: bool,
    /// Longest message in raw mode, in bytes or with a unit [default: 64KiB, or what the ring's slots hold]
    #[arg(long, value_name = "SIZE", value_parser = units::size, requires = "raw")]
    chunk: Option<u64>,
    /// Wait until so many consumers are attached before publishing
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    wait_for: usize,
    /// How to wait for room in the ring
    #[arg(long, default_value = "park")]
    wait: WaitChoice,
    /// Give up after waiting this long for room in the ring, or for the consumers [default: never]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    timeout: Option<Duration>,
    /// Open the ring even if another user owns its file
    #[arg(long)]
    any_owner: bool,
    /// Use a ring on a file system that copies pages on write, and may run full of them
    #[arg(long)]
    allow_copy_on_write: bool,
    #[command(flatten)]
    show: Show,
    #[command(flatten)]
    shape: Shape,
}

impl Args {
    /// Refuses what the ring can't hold, before its producer's role is taken.
    fn check_against(&self, geometry: &Geometry) -> anyhow::Result<()> {
        let (n, max, capacity) = (self.wait_for, geometry.max_consumers(), geometry.payload_capacity());
        if n as u64 > max {
            let room = counted(max, "consumer");
            bail!(
                "--wait-for {n}: this ring has room for {room}; ask for fewer, or make it with a larger --max-consumers"
            );
        }
        match self.chunk {
            Some(chunk) if chunk > capacity => bail!(
                "--chunk {chunk}: expected 1 to {capacity} bytes, which is what this ring's slots hold; change it, or \
                 make the ring with a larger --slot-size"
            ),
            None if self.raw && capacity == 0 => bail!(
                "this ring's slots hold no byte: make it with a larger --slot-size to publish with --raw"
            ),
            _ => Ok(()),
        }
    }

    /// Refuses, before a ring is made, a chunk that it couldn't hold.
    fn check_chunk(&self) -> anyhow::Result<()> {
        let capacity = self.shape.slot_size();
        match self.chunk {
            Some(chunk) if chunk == 0 || (chunk > capacity && !self.ring.exists()) => bail!(
                "--chunk {chunk}: expected 1 to {capacity} bytes, which is what the slots of a new ring would hold; \
                 change it or --slot-size"
            ),
            _ => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct Summary {
    published: u64,
    #[serde(flatten)]
    tally: Tally,
    epoch: u64,
    /// What ended the publishing; nothing if an error did.
    ended: Option<Ended>,
    /// Whether the ring was closed. It is left open after an error, if anything was published.
    closed: bool,
    /// Bytes that were read from the input, and not published.
    unpublished: u64,
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "published {}", self.tally)?;
        match self.ended {
            Some(Ended::Input) => write!(f, "; closed the ring"),
            Some(Ended::Signal) => write!(f, "; stopped by a signal, closed the ring"),
            None if self.closed => write!(f, "; closed the ring"),
            None => write!(f, "; left the ring without closing it"),
        }?;
        match self.unpublished {
            0 => Ok(()),
            n => write!(f, "; {} of the input read, but not published", counted(n, "byte")),
        }
    }
}

/// A signal came while there was input in hand.
#[derive(Debug)]
pub(super) struct Cut {
    signal: Signal,
    /// Number of bytes that are lost.
    discarded: u64,
    /// Number of the line that they are the beginning of, if they are.
    line: Option<u64>,
}

impl Cut {
    pub(super) fn exit_code(&self) -> u8 {
        128 + self.signal as u8
    }
}

impl Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (signal, bytes) = (self.signal, counted(self.discarded, "byte"));
        match self.line {
            Some(n) => {
                write!(
                    f,
                    "{signal} came within line {n} of the input: what was read of it, {bytes}, is discarded"
                )
            }
            None => write!(
                f,
                "{signal} came before all that was read of the input was published: the last {bytes} of it are discarded"
            ),
        }
    }
}

impl std::error::Error for Cut {}

/// Takes the producer's role. Returns it, and whether the stream of a producer that died goes on with it.
fn enter(ring: &FileRing) -> anyhow::Result<(Producer, bool)> {
    let look = || {
        let observer = ring.observer(Start::Latest, Resume::Latest)?;
        anyhow::Ok((observer.state()?, observer.epoch()?))
    };
    let (state, epoch) = look()?;
    let producer = ring.producer()?;
    // If another producer came between the look and the entry, it may have died.
    let at_once = producer.epoch() == epoch + 1;
    Ok((producer, !at_once || !matches!(state, State::NoProducerYet | State::Closed)))
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    args.check_chunk()?;
    let options = OpenOptions::new().any_owner(args.any_owner).allow_copy_on_write(args.allow_copy_on_write);
    let mut input = Input::new(&signals).map_err(crate::failing("can't use stdin"))?;
    let open = |options: &OpenOptions| options.open(&args.ring);
    let (ring, (producer, succeeds)) = args.shape.with_role(&args.ring, &options, open, |ring| {
        args.check_against(ring.geometry())?;
        enter(ring)
    })?;
    let mut publisher = Publisher::new(producer, &signals, args.wait.into(), args.timeout, args.show.talks());
    let ended = publisher.wait_for(args.wait_for, &ring).and_then(|ended| match ended {
        Some(ended) => Ok(ended),
        None if args.raw => publisher.chunks(&mut input, args.chunk),
        None => publisher.lines(&mut input),
    });
    let line = publisher.cut();
    let (mut producer, tally) = publisher.finish();
    // After an error the ring stays open: readers shall learn that this wasn't all there was to say. A stream
    // that never began has lost nothing; one that a dead producer left open has lost that producer.
    let closes = ended.is_ok() || (tally.messages == 0 && !succeeds);
    let summary = Summary {
        published: tally.messages,
        epoch: producer.epoch(),
        ended: ended.as_ref().ok().copied(),
        closed: closes,
        unpublished: input.taken() - tally.input,
        tally,
    };
    let closed = if closes { producer.close() } else { Ok(()) };
    args.show.summary("pub", &summary)?;
    let ended = ended?;
    closed?;
    match (ended, signals.which()) {
        (Ended::Signal, Some(signal)) if summary.unpublished > 0 => {
            Err(Cut { signal, discarded: summary.unpublished, line }.into())
        }
        _ => Ok(()),
    }
}
