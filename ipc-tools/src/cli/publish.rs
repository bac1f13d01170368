//! `ringway pub`: standard input, as messages.

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use ringway::Ring;
use ringway::file::OpenOptions;
use serde::Serialize;

use super::input::Input;
use super::publisher::{Ended, Publisher};
use super::shape::Shape;
use super::summary::{Show, Tally};
use crate::options::WaitChoice;
use crate::signals::Signals;
use crate::units;

/// Publish standard input, a message per line
///
/// `ringway sub` writes the same bytes again. The end of the input closes the ring; so do SIGINT and SIGTERM,
/// which end the stream after what was published by then. A ring that was closed can be opened again by
/// another `pub`, but a `sub` started in between sees it closed: to run a pipeline anew, remove the ring first
/// (`ringway rm`).
#[derive(clap::Args)]
pub(super) struct Args {
    /// The ring's file
    ring: PathBuf,
    /// Publish the input as it comes, whatever the bytes, instead of line by line
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
    /// Open the ring whoever owns its file
    #[arg(long)]
    any_owner: bool,
    #[command(flatten)]
    show: Show,
    #[command(flatten)]
    shape: Shape,
}

impl Args {
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
    /// What ended the publishing; nothing did but an error where the ring was left open.
    ended: Option<Ended>,
    /// Bytes that were read from the input, and not published.
    unpublished: u64,
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "published {}", self.tally)?;
        match self.ended {
            Some(Ended::Input) => write!(f, "; closed the ring"),
            Some(Ended::Signal) => write!(f, "; stopped by a signal, closed the ring"),
            None => write!(f, "; left the ring without closing it"),
        }?;
        match self.unpublished {
            0 => Ok(()),
            n => write!(f, "; {n} bytes of the input were read and not published"),
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    args.check_chunk()?;
    let ring =
        args.shape.open_or_create(&args.ring, &OpenOptions::new(), |options| options.open(&args.ring))?;
    let mut input = Input::new(&signals).context("can't use stdin")?;
    let mut publisher =
        Publisher::new(ring.producer()?, &signals, args.wait.into(), args.timeout, args.show.talks());
    let ended = publisher.wait_for(args.wait_for).and_then(|ended| match ended {
        Some(ended) => Ok(ended),
        None if args.raw => publisher.chunks(&mut input, args.chunk),
        None => publisher.lines(&mut input),
    });
    let (producer, tally) = publisher.finish();
    let summary = Summary {
        published: tally.messages,
        epoch: producer.epoch(),
        ended: ended.as_ref().ok().copied(),
        unpublished: input.taken() - tally.input,
        tally,
    };
    // After an error the ring stays open: readers shall learn that this wasn't all there was to say.
    let closed = if ended.is_ok() { producer.close() } else { Ok(()) };
    args.show.summary("pub", &summary)?;
    ended?;
    Ok(closed?)
}
