//! `ringway sub`: messages, to standard output.

use std::fmt::{self, Display};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ringway::file::{OpenOptions, Shown};
use ringway::{Resume, Ring, Start, Wait};
use serde::Serialize;

use super::output::{Gone, Output};
use super::patience::Patience;
use super::reader::{Reader, Role, Step};
use super::shape::Shape;
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
/// stream. A ring that is closed already is drained; --follow waits for the next stream on it.
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
    /// Go on when the ring is closed or its producer lost, and wait for the next producer
    #[arg(long)]
    follow: bool,
    /// How to wait for messages
    #[arg(long, default_value = "park")]
    wait: WaitChoice,
    /// Open the ring whoever owns its file
    #[arg(long)]
    any_owner: bool,
    /// Open a ring from before the machine last started, whose messages may be incomplete
    #[arg(long, requires = "observe")]
    allow_other_boot: bool,
    #[command(flatten)]
    show: Show,
    #[command(flatten)]
    shape: Shape,
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
    /// First sequence that was this reader's to read.
    start: u64,
    /// Next sequence to read: `received + lost == next - start`.
    next: u64,
    /// Next sequence to be published: the same as `next` once all is read.
    head: u64,
    lost: u64,
    /// What ended the reading; nothing did but an error where it is missing.
    ended: Option<Ended>,
    /// Bytes of received messages that could not be written any more.
    unwritten: u64,
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "received {}", self.tally)?;
        if self.role == "observer" {
            write!(f, "; lost {} (start {}, head {})", self.lost, self.start, self.head)?;
        }
        match self.ended {
            Some(Ended::Closed) => write!(f, "; the ring is closed"),
            Some(Ended::ProducerLost) => write!(f, "; the producer is gone"),
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
    Signal,
    StdoutClosed,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    let output = Output::new(&signals).context("can't use stdout")?;
    let mut reader = Reader::new(attach(args)?, args.raw, output);
    let ended = pump(args, &signals, &mut reader);
    let flushed = reader.output.flush();
    let role = reader.role();
    let summary = Summary {
        role: role.name(),
        received: reader.tally.messages,
        start: role.start(),
        next: role.next_seq(),
        // If head can't be read, reading has failed too, and says so below.
        head: role.head().unwrap_or(role.next_seq()),
        lost: role.lost(),
        ended: ended.as_ref().ok().copied(),
        unwritten: reader.output.dropped(),
        tally: std::mem::take(&mut reader.tally),
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
            summary.next
        ),
        _ => Ok(()),
    }
}

/// Takes the role asked for.
fn attach(args: &Args) -> anyhow::Result<Role> {
    let options = OpenOptions::new().any_owner(args.any_owner).allow_other_boot(args.allow_other_boot);
    let From(start) = args.from;
    if args.observe {
        let resume = match args.resume {
            Some(ResumeChoice::Latest) => Resume::Latest,
            _ => Resume::OldestSafe,
        };
        let ring =
            args.shape.open_or_create(&args.ring, &options, |options| options.open_read_only(&args.ring))?;
        return Ok(Role::Observer(ring.observer(start, resume)?));
    }
    let ring = args.shape.open_or_create(&args.ring, &options, |options| options.open(&args.ring))?;
    let consumer = ring.consumer(start)?;
    Ok(Role::Consumer { start: consumer.next_seq(), consumer, batch: 1 })
}

/// Reads and writes until something ends it.
fn pump(args: &Args, signals: &Signals, reader: &mut Reader<'_>) -> anyhow::Result<Ended> {
    let progress = progress();
    let mut patience = Patience::new(args.wait.into());
    let mut idle = false;
    loop {
        match reader.output.gone() {
            Some(Gone::Closed) => return Ok(Ended::StdoutClosed),
            Some(Gone::Interrupted) => return Ok(Ended::Signal),
            None if signals.stopped() => return Ok(Ended::Signal),
            None => {}
        }
        // Before the first wait comes a look that doesn't wait: what was read before goes out in between.
        let (wait, slice) = if idle { patience.slice() } else { (Wait::Yield, Duration::ZERO) };
        match reader.step(wait, slice)? {
            Step::Moved => {
                idle = false;
                patience.reset();
                if let Some(progress) = &progress {
                    progress.set_position(reader.tally.bytes);
                }
            }
            Step::Nothing => {
                if !idle {
                    reader.output.flush()?;
                    idle = true;
                }
                let (_, nap) = patience.nothing_for(slice);
                reader.output.idle(nap)?;
            }
            Step::ProducerLost if !args.follow => return Ok(Ended::ProducerLost),
            Step::ProducerLost => {}
            Step::Closed if !args.follow => return Ok(Ended::Closed),
            Step::Closed => {
                reader.output.flush()?;
                reader.output.idle(NEXT_EPOCH)?;
            }
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
