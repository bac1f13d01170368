//! `ringway pub`: standard input, as messages.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use ringway::file::{FileRing, OpenOptions, Shown};
use ringway::{AttachError, Geometry, Name, Patience, Producer, Resume, Ring, Standby, Start, State};
use serde::Serialize;

use super::framing::{FrameChoice, Framing};
use super::input::Input;
use super::pace;
use super::publisher::{Ended, Manner, Publisher};
use super::shape::{Fit, Shape};
use super::stopped::{Cut, Stopped};
use super::summary::{Show, Tally};
use super::trust::Trust;
use crate::options::{WaitChoice, WaitParser};
use crate::signals::Signals;
use crate::units::{self, counted};

/// How long a standby may leave a signal unseen.
const STANDBY_SLICE: Duration = Duration::from_millis(100);

const AFTER: &str = "\
Examples:
  tar -c folder | ringway pub /dev/shm/stream --raw --wait-for 1
  ringway pub /dev/shm/frames --chunk 1MiB < video.yuv
  ringway pub /dev/shm/quotes --type example.Quote.v1:16:8 --rate 1000 < quotes.bin

Exit status:
  0    the end of the input, or --count
  1    an error, which is named; --timeout passed
  2    no such option, or no such value of it
  130  SIGINT, 143 SIGTERM: 128 and the signal's number";

/// Publish standard input, a message per line
///
/// A line longer than a slot is published in parts, each a message, which `ringway sub` joins again; only a ring whose
/// messages have one length refuses it. Other readers tell a part by its tag, of which the highest bit is set: no
/// newline follows it.
/// `ringway sub` writes the same bytes again (`sub --raw` does, if the input was raw and all messages of the ring have
/// one length: --stride line or split). The end of the input closes the ring; so do SIGINT and SIGTERM,
/// which end the stream after what was published by then. If input was read that is not published then, such as
/// a part of a line, it is discarded. After an error the ring is left open, so that readers report a lost producer,
/// unless nothing was published yet, and no producer had died before and left the ring open. A `pub` on a closed
/// ring opens it again and begins a new stream, to which a new `sub` turns: a pipeline can be run again and again on
/// the same ring, whichever side starts first.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub(super) struct Args {
    /// The ring's file
    ring: PathBuf,
    /// Publish the input as it comes, whatever the bytes, instead of line by line; with --stride line or split, in
    /// chunks of the slot size exactly
    #[arg(long)]
    raw: bool,
    /// Publish the input in messages of exactly SIZE bytes, or with a unit as in 1MiB: short reads are put together,
    /// and only the last message may be shorter, which the summary says
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    chunk: Option<u64>,
    /// How the input tells messages apart, if not by newlines. What is published from it, `sub` writes with the same
    /// framing, byte for byte
    #[arg(long, value_name = "FRAMING", conflicts_with = "raw")]
    frame: Option<FrameChoice>,
    /// Publish N messages at most; then close the ring
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Publish R messages a second at most, evenly
    #[arg(long, value_name = "R", value_parser = pace::rate)]
    rate: Option<f64>,
    /// Wait until so many consumers are attached before publishing
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    wait_for: usize,
    /// Wait until the ring has no other producer, and go on after it; the input is read only then. --timeout doesn't
    /// bound this wait
    #[arg(long)]
    standby: bool,
    /// How to wait for room in the ring
    #[arg(long, default_value = "park", value_parser = WaitParser)]
    wait: WaitChoice,
    /// Pass over best-effort readers (`sub --best-effort`) that have left no room for this long in all: with `lap` (or
    /// `0s`) as soon as they do, with `endless` never
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = patience)]
    patience: Patience,
    /// Give the producer a name of up to 32 bytes, for people who look at the ring
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
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
    trust: Trust,
    #[command(flatten)]
    show: Show,
    #[command(flatten)]
    shape: Shape,
}

/// A time, or one of the words that the library has for the bounds.
fn patience(text: &str) -> Result<Patience, String> {
    match text {
        "lap" => Ok(Patience::Lap),
        "endless" => Ok(Patience::Endless),
        _ => units::duration(text).map(Patience::Time).map_err(|error| format!("{error}, lap, or endless")),
    }
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
            None if (self.raw || self.frame == Some(FrameChoice::Fixed)) && capacity == 0 => bail!(
                "this ring's slots hold no byte: make it with a larger --slot-size to publish with --raw"
            ),
            _ => Ok(()),
        }
    }

    /// How the input is cut into messages for a ring like this.
    fn framing(&self, geometry: &Geometry) -> Framing {
        let fixed = Framing::Fixed(self.chunk.unwrap_or(geometry.payload_capacity()));
        match self.frame {
            Some(FrameChoice::Length) => Framing::Length,
            Some(FrameChoice::Fixed) => fixed,
            None if self.chunk.is_some() || self.shape.is_typed() => fixed,
            None if self.raw => Framing::Raw,
            None => Framing::Lines,
        }
    }

    /// Refuses, before a ring is made, a chunk that it couldn't hold.
    fn check_chunk(&self, shape: &Shape) -> anyhow::Result<()> {
        let capacity = shape.slot_size();
        if self.chunk.is_some() && self.frame == Some(FrameChoice::Length) {
            bail!("--chunk is for messages of one size: leave it out with --frame length");
        }
        match self.chunk {
            Some(0) => bail!("--chunk 0: expected at least 1 byte"),
            Some(chunk) if (chunk > capacity && !self.ring.exists()) => bail!(
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
    unpublished_bytes: u64,
    /// Whether the ring wasn't at its path any more at the end, so that no new reader found it.
    orphaned: bool,
    /// How often a best-effort reader was passed over.
    times_passed_over: u64,
    /// Bytes of the last message, if it is shorter than the chunks before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    short: Option<u64>,
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "published {}", self.tally)?;
        if let Some(bytes) = self.short {
            write!(f, "; the last message has only {}", counted(bytes, "byte"))?;
        }
        match self.ended {
            Some(Ended::Input) => write!(f, "; closed the ring"),
            Some(Ended::Count) => write!(f, "; that is all that was asked for, closed the ring"),
            Some(Ended::Signal) => write!(f, "; stopped by a signal, closed the ring"),
            None if self.closed => write!(f, "; closed the ring"),
            None => write!(f, "; left the ring without closing it"),
        }?;
        if self.times_passed_over > 0 {
            write!(f, "; best-effort readers passed over {}", counted(self.times_passed_over, "time"))?;
        }
        if self.orphaned {
            write!(f, "; the ring is no longer at its path")?;
        }
        match self.unpublished_bytes {
            0 => Ok(()),
            n => write!(f, "; {} of the input read, but not published", counted(n, "byte")),
        }
    }
}

/// Takes the producer's role, and says if it `talks` how a standby fares. Returns the role, and whether the stream of a
/// producer that died goes on with it.
fn enter(ring: &FileRing, standby: Option<&Signals>, talks: bool) -> anyhow::Result<(Producer, bool)> {
    let look = || {
        let observer = ring.observer(Start::Latest, Resume::Latest)?;
        anyhow::Ok((observer.state()?, observer.epoch()?))
    };
    let mut waiting = Standby::new(ring);
    let mut said = false;
    let (producer, state, epoch) = loop {
        let (state, epoch) = look()?;
        match (waiting.producer_of_any_type(), standby) {
            (
                Err(AttachError::ProducerTaken { .. } | AttachError::LockHeldByReader { .. }),
                Some(signals),
            ) => {
                if talks && !said {
                    crate::say(format_args!("ringway pub: standing by: the ring has another producer"));
                    said = true;
                }
                while !waiting.wait(STANDBY_SLICE) {
                    if let Some(signal) = signals.which() {
                        return Err(Stopped { signal, cut: None }.into());
                    }
                }
            }
            (producer, _) => break (producer?, state, epoch),
        }
    };
    if said {
        crate::say(format_args!("ringway pub: took over as the producer, epoch {}", producer.epoch()));
    }
    // If another producer came between the look and the entry, it may have died.
    let at_once = producer.epoch() == epoch + 1;
    Ok((producer, !at_once || !matches!(state, State::NoProducerYet | State::Closed)))
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    let shape = args.shape.fitting(match args.chunk {
        Some(chunk) => Fit::of(chunk),
        None if args.raw => Fit::BYTES,
        None if args.frame.is_some() => Fit::FRAMES,
        None => Fit::LINES,
    });
    args.check_chunk(&shape)?;
    let options = OpenOptions::new().any_owner(args.any_owner).allow_copy_on_write(args.allow_copy_on_write);
    let mut input = Input::new(&signals).map_err(crate::failing("can't use stdin"))?;
    let open = |options: &OpenOptions| args.trust.apply(options.open(&args.ring));
    let (ring, (producer, succeeds)) = shape.with_role(&args.ring, &options, open, |ring| {
        args.check_against(ring.geometry())?;
        check_type_named(&args.ring, ring.geometry(), args.shape.is_typed())?;
        enter(&ring.clone().with_name(args.name), args.standby.then_some(&signals), args.show.talks())
    })?;
    let manner = Manner {
        wait: args.wait.into(),
        patience: args.patience,
        timeout: args.timeout,
        most: args.count,
        rate: args.rate,
        length: ring.geometry().type_info().map(|info| usize::try_from(info.size())).transpose()?,
        talks: args.show.talks(),
        warns: args.show.warns(),
    };
    let mut publisher = Publisher::new(producer, &signals, &manner);
    let ended = publisher.wait_for(args.wait_for, &ring).and_then(|ended| match ended {
        Some(ended) => Ok(ended),
        None => publisher.take_in(&mut input, args.framing(ring.geometry())),
    });
    let (within, short) = (publisher.cut, publisher.short);
    let times_passed_over = publisher.times_passed_over();
    let (mut producer, tally) = publisher.finish();
    // After an error the ring stays open: readers shall learn that this wasn't all there was to say. A stream
    // that never began has lost nothing; one that a dead producer left open has lost that producer.
    let closes = ended.is_ok() || (tally.messages == 0 && !succeeds);
    let summary = Summary {
        published: tally.messages,
        epoch: producer.epoch(),
        ended: ended.as_ref().ok().copied(),
        closed: closes,
        unpublished_bytes: input.taken() - tally.input,
        orphaned: matches!(producer.is_current(), Ok(false)),
        times_passed_over,
        short,
        tally,
    };
    let closed = if closes { producer.close() } else { Ok(()) };
    args.show.summary("pub", &summary)?;
    let ended = ended?;
    closed?;
    match (ended, signals.which()) {
        (Ended::Signal, Some(signal)) => {
            let cut = (summary.unpublished_bytes > 0)
                .then_some(Cut { discarded: summary.unpublished_bytes, within });
            Err(Stopped { signal, cut }.into())
        }
        _ => Ok(()),
    }
}

/// Refuses to publish plain bytes as messages of a type.
fn check_type_named(path: &Path, geometry: &Geometry, named: bool) -> anyhow::Result<()> {
    match geometry.type_info() {
        Some(found) if !named => bail!(
            "{} carries messages of type {found}: publish values of it with --type {}",
            Shown(path),
            found.name()
        ),
        _ => Ok(()),
    }
}
