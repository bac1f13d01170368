//! `ringway sub`: messages, to standard output.

use std::fmt::{self, Display};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::bail;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ringway::file::{FileError, FileRing, OpenOptions, Shown};
use ringway::{AttachError, Resume, Ring, Start, Wait};
use serde::Serialize;

use super::output::{Gone, Output};
use super::patience::Patience;
use super::reader::{Reader, Role, Step};
use super::shape::{self, Shape};
use super::summary::{Show, Tally};
use crate::options::WaitChoice;
use crate::signals::Signals;
use crate::units::counted;

/// How often a closed ring is looked at for a new producer.
const NEXT_EPOCH: Duration = Duration::from_millis(10);

/// Write a ring's messages to standard output, until it is closed
///
/// From where it starts it loses nothing, and holds the producer back when the ring is full; with --observe it
/// holds nobody back, and counts what it loses. Start it before `pub`, or use `pub --wait-for`, to get all of a
/// stream. A ring that is closed already is drained; --follow waits for the next stream on it. If the
/// ring is removed or replaced under its path, it is read to its end, and then the command fails. With --follow it
/// turns to the next ring at that path.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The ring's file
    ring: PathBuf,
    /// Read without holding the producer back: what is overwritten first is lost, and counted
    #[arg(long)]
    observe: bool,
    /// Where to start: `oldest` (of what the ring keeps for it: half of its slots, for an observer all),
    /// `latest` or a sequence number
    #[arg(long, value_name = "WHERE", default_value = "oldest")]
    from: From,
    /// Where an observer goes on after a loss [default: oldest]
    #[arg(long, requires = "observe")]
    resume: Option<ResumeChoice>,
    /// Write no newline after any message
    #[arg(long)]
    raw: bool,
    /// Go on when the ring is closed or its producer lost, and wait for the next producer; when the ring is removed,
    /// wait for the next ring
    #[arg(long)]
    follow: bool,
    /// How to wait for messages
    #[arg(long, default_value = "park")]
    wait: WaitChoice,
    /// Open the ring even if another user owns its file
    #[arg(long)]
    any_owner: bool,
    /// Use a ring on a file system that copies pages on write, and may run full of them
    #[arg(long)]
    allow_copy_on_write: bool,
    /// Open a ring from before the machine last started, whose messages may be incomplete
    #[arg(long, requires = "observe")]
    allow_other_boot: bool,
    #[command(flatten)]
    show: Show,
    #[command(flatten)]
    shape: Shape,
}

impl Args {
    /// Whether it reads as an observer.
    pub(super) fn observes(&self) -> bool {
        self.observe
    }
}

#[derive(Clone, Copy)]
struct From(Start);

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "oldest" => Ok(Self(Start::Oldest)),
            "latest" => Ok(Self(Start::Latest)),
            seq => seq
                .parse()
                .map(|seq| Self(Start::At(seq)))
                .map_err(|_| "expected `oldest`, `latest` or a sequence number".into()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ResumeChoice {
    /// At the oldest message still kept, to lose as few as possible.
    Oldest,
    /// At the next message to be published.
    Latest,
}

#[derive(Serialize)]
struct Summary {
    role: &'static str,
    received: u64,
    #[serde(flatten)]
    tally: Tally,
    /// Number of rings read: more than one if a follower's was replaced.
    rings: u64,
    /// Sequences of the ring, which add up: `received + lost == next - start`. Those of several rings don't, and are
    /// left out.
    #[serde(flatten)]
    span: Option<Span>,
    lost: u64,
    /// What ended the reading; nothing did but an error where it is missing.
    ended: Option<Ended>,
    /// Bytes of received messages that could not be written any more.
    unwritten: u64,
}

/// What of a ring was to be read.
#[derive(Serialize)]
struct Span {
    /// First sequence that was this reader's to read.
    start: u64,
    /// Next sequence to read.
    next: u64,
    /// Next sequence to be published: the same as `next` once all is read, and before `start` where the reader
    /// waited for a message that is still to come.
    head: u64,
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "received {}", self.tally)?;
        if self.rings > 1 {
            write!(f, "; from {} rings, one after another", self.rings)?;
        }
        if self.role == "observer" {
            write!(f, "; lost {}", self.lost)?;
            if let Some(Span { start, head, .. }) = self.span {
                write!(f, " (start {start}, head {head})")?;
            }
        }
        match self.ended {
            Some(Ended::Closed) => write!(f, "; the ring is closed"),
            Some(Ended::ProducerLost) => write!(f, "; the producer is gone"),
            Some(Ended::Replaced) => write!(f, "; the ring is no longer at its path"),
            Some(Ended::Signal) => write!(f, "; stopped by a signal"),
            Some(Ended::StdoutClosed) => write!(f, "; stdout was closed"),
            None => Ok(()),
        }?;
        match self.unwritten {
            0 => Ok(()),
            n => write!(f, "; {} of them could not be written", counted(n, "byte")),
        }
    }
}

/// What ended the reading, errors apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Ended {
    Closed,
    ProducerLost,
    Replaced,
    Signal,
    StdoutClosed,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    let output = Output::new(&signals).map_err(crate::failing("can't use stdout"))?;
    let mut reader = Reader::new(attach(args)?, args.raw, output);
    let ended = pump(args, &signals, &mut reader);
    let flushed = reader.output.flush();
    let role = reader.role();
    let next = role.next_seq();
    let span = Span {
        start: role.start(),
        next,
        // If head can't be read, reading has failed too, and says so below.
        head: reader.head().unwrap_or(next),
    };
    let summary = Summary {
        role: role.name(),
        rings: reader.rings(),
        received: reader.tally.messages,
        span: (reader.rings() == 1).then_some(span),
        lost: reader.lost(),
        ended: ended.as_ref().ok().copied(),
        unwritten: reader.output.dropped(),
        tally: reader.summed_up(),
    };
    // Leaves the ring before anything else can take time.
    drop(reader);
    args.show.summary("sub", &summary)?;
    flushed?;
    match ended? {
        Ended::ProducerLost => bail!(
            "the producer of {} is gone without closing the ring: message {} and whatever was to follow it never \
             came (--follow waits for another producer)",
            Shown(&args.ring),
            next
        ),
        Ended::Replaced => bail!(
            "{} was removed or replaced: the ring was read to the end of what it had, and what is published under \
             that path now isn't read (--follow turns to the ring that comes there)",
            Shown(&args.ring)
        ),
        _ => Ok(()),
    }
}

/// Opens the ring, or makes it, and takes the role asked for.
fn attach(args: &Args) -> anyhow::Result<(FileRing, Role)> {
    let From(start) = args.from;
    let take = |ring: &FileRing| Ok(take_role(args, ring, start)?);
    args.shape.with_role(&args.ring, &options(args), |_| open(args), take)
}

fn options(args: &Args) -> OpenOptions {
    OpenOptions::new()
        .any_owner(args.any_owner)
        .allow_other_boot(args.allow_other_boot)
        .allow_copy_on_write(args.allow_copy_on_write)
}

fn open(args: &Args) -> Result<FileRing, FileError> {
    let options = options(args);
    if args.observe { options.open_read_only(&args.ring) } else { options.open(&args.ring) }
}

fn take_role(args: &Args, ring: &FileRing, start: Start) -> Result<Role, AttachError> {
    if args.observe {
        let resume = match args.resume {
            Some(ResumeChoice::Latest) => Resume::Latest,
            _ => Resume::OldestSafe,
        };
        return Ok(Role::Observer(Box::new(ring.observer(start, resume)?)));
    }
    let consumer = ring.consumer(start)?;
    Ok(Role::Consumer { start: consumer.next_seq(), consumer: Box::new(consumer), batch: 1 })
}

/// What follows for a reader whose ring is no longer at its path, once it has read what the ring has.
enum Departure {
    /// The command fails.
    Failing,
    /// It turns to the ring that is there now.
    To(Box<FileRing>),
}

/// Decides what follows, if it can be decided yet: a follower stays with its ring until there is another one, which
/// it doesn't make, since the next producer knows what that is to be like.
fn departure(args: &Args) -> anyhow::Result<Option<Departure>> {
    if !args.follow {
        return Ok(Some(Departure::Failing));
    }
    match open(args) {
        Ok(ring) => {
            args.shape.check(&args.ring, &ring)?;
            Ok(Some(Departure::To(Box::new(ring))))
        }
        Err(FileError::NotFound { .. } | FileError::Replaced { .. } | FileError::BeingRemoved { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What ends the command from outside the ring, if it has come.
fn stopped(signals: &Signals, reader: &Reader<'_>) -> Option<Ended> {
    match reader.output.gone() {
        Some(Gone::Closed) => Some(Ended::StdoutClosed),
        Some(Gone::Interrupted) => Some(Ended::Signal),
        None => signals.stopped().then_some(Ended::Signal),
    }
}

/// Reads and writes until something ends it.
fn pump(args: &Args, signals: &Signals, reader: &mut Reader<'_>) -> anyhow::Result<Ended> {
    let progress = progress();
    let mut patience = Patience::new(args.wait.into());
    let mut idle = false;
    let mut leaving = None;
    loop {
        if let Some(ended) = stopped(signals, reader) {
            return Ok(ended);
        }
        // Before the first wait comes a look that doesn't wait: what was read before goes out in between.
        let (wait, slice) = if idle { patience.slice() } else { (Wait::Yield, Duration::ZERO) };
        let step = reader.step(wait, slice)?;
        match step {
            Step::Moved => {
                idle = false;
                patience.reset();
                if let Some(progress) = &progress {
                    progress.set_position(reader.tally.bytes);
                }
                continue;
            }
            Step::ProducerLost if !args.follow => return Ok(Ended::ProducerLost),
            Step::Closed if !args.follow => return Ok(Ended::Closed),
            _ => {}
        }
        // This look came after the one at the path: the ring has nothing more.
        match leaving.take() {
            Some(Departure::Failing) => return Ok(Ended::Replaced),
            Some(Departure::To(ring)) => {
                match take_role(args, &ring, Start::Oldest) {
                    // It has gone as well.
                    Err(AttachError::Replaced { .. }) => {}
                    role => {
                        let role = role.map_err(|error| shape::named(&args.ring, error.into()))?;
                        reader.turn_to((*ring, role));
                    }
                }
                idle = false;
                patience.reset();
                continue;
            }
            None => {}
        }
        let waited = idle || !matches!(step, Step::Nothing);
        if waited && !reader.ring().has_its_name()? {
            leaving = departure(args)?;
            if leaving.is_some() {
                idle = false;
                continue;
            }
        }
        reader.output.flush()?;
        match step {
            Step::Closed => reader.output.idle(NEXT_EPOCH)?,
            Step::Nothing => {
                idle = true;
                let (_, nap) = patience.nothing_for(slice);
                reader.output.idle(nap)?;
            }
            _ => {}
        }
    }
}

/// How fast it goes, where that doesn't get mixed up with the messages.
fn progress() -> Option<ProgressBar> {
    let wanted = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
    wanted.then(|| {
        let style = ProgressStyle::with_template("{spinner} {bytes} received, {bytes_per_sec}");
        ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
            .with_finish(indicatif::ProgressFinish::AndClear)
    })
}
