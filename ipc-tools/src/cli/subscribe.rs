//! `ringway sub`: messages, to standard output.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::bail;
use ringway::file::{FileError, FileRing, OpenOptions, Shown};
use ringway::{AttachError, Ring, Start, Wait};

use super::departure::{Departure, departure};
use super::framing::FrameChoice;
use super::meter::Meter;
use super::naming::Naming;
use super::output::{Gone, Output};
use super::patience::Patience;
use super::reader::{Reader, Role, Step, Writing};
use super::resume::ResumeChoice;
use super::ring_wait::{self, RingWait};
use super::shape::{self, Fit, Shape};
use super::stopped::Stopped;
use super::stream_start::Entry;
use super::sub_summary::{Ended, Span, Summary};
use super::summary::Show;
use super::template::Template;
use super::trust::Trust;
use crate::options::{WaitChoice, WaitParser};
use crate::signals::Signals;
use crate::units;

/// How often a closed ring is looked at for a new producer.
const NEXT_EPOCH: Duration = Duration::from_millis(10);

const AFTER: &str = "\
Examples:
  ringway sub /dev/shm/stream --raw > copy.tar
  ringway sub /dev/shm/stream --observe --format '{seq} {time} {text}'
  ringway sub /dev/shm/quotes --type example.Quote.v1 --format json --count 10

Fields of --format: {seq} number of the message, {tag} its tag in decimal, {time} when it was read (UTC), {len} its
bytes, {hex} the same in hexadecimal, {text} as text of one line, {payload} as they are. `{{` and `}}` are braces; \\t,
\\n, \\0 and \\\\ are characters. `json` is an object a line with seq, tag, time, len, hex and, if it is UTF-8, text.

Exit status:
  0    the ring is closed and drained; --count; the reader of stdout has left
  1    an error, which is named; the producer is gone without closing the ring; --timeout passed
  2    no such option, or no such value of it
  130  SIGINT, 143 SIGTERM: 128 and the signal's number";

/// Write a ring's messages to standard output, until it is closed
///
/// From where it starts it loses nothing, and holds the producer back when the ring is full; with --observe it
/// holds nobody back, and counts what it loses. --best-effort is between the two: it loses nothing while it keeps up,
/// and is passed over once it has stopped the producer for too long. Start it before `pub`, or use `pub --wait-for`, to
/// get all of a stream. A ring that is closed already is read if no consumer has read of its last stream; else the
/// next stream is waited for, so that a pipeline can be run again whichever side starts first. --follow goes on with
/// the streams after that. If the ring is removed or replaced under its path, it is read to its end, and then the command fails.
/// With --follow it turns to the next ring at that path.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub(super) struct Args {
    /// The ring's file
    ring: PathBuf,
    /// Read without holding the producer back: what is overwritten first is lost, and counted
    #[arg(long, group = "lossy")]
    observe: bool,
    /// Hold the producer back, but not for longer than its patience (`pub --patience`): after that, what is overwritten
    /// is lost, and counted
    #[arg(long, group = "lossy")]
    best_effort: bool,
    /// Where to start: `oldest` (of what the ring keeps for it: half of its slots, for an observer all),
    /// `latest` or a sequence number. A ring that is closed is then read to its end [default: the beginning of the
    /// stream, as far as it is kept; the next stream if this one is closed, and a consumer has read of it]
    #[arg(long, value_name = "WHERE")]
    from: Option<From>,
    /// Where an observer or a best-effort reader goes on after a loss [default: oldest]
    #[arg(long, requires = "lossy")]
    resume: Option<ResumeChoice>,
    /// Write no newline after any message
    #[arg(long)]
    raw: bool,
    /// Write messages that `pub --chunk SIZE` published, one after another; a ring that is created gets slots of SIZE
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    chunk: Option<u64>,
    /// How to tell messages apart in what is written, if not by newlines
    #[arg(long, value_name = "FRAMING", conflicts_with = "raw")]
    frame: Option<FrameChoice>,
    /// Write a line for each message: `json`, or a text such as '{seq} {tag} {time} {hex}' (see below)
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["raw", "frame", "chunk"])]
    format: Option<Template>,
    #[command(flatten)]
    naming: Naming,
    /// Leave after N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Wait until another program has made the ring, instead of making it (--timeout bounds that wait, too)
    #[arg(long)]
    wait_for_ring: bool,
    /// Give up when no message has come for this long [default: never]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    timeout: Option<Duration>,
    /// Go on when the ring is closed or its producer lost, and wait for the next producer; when the ring is removed,
    /// wait for the next ring
    #[arg(long)]
    follow: bool,
    /// How to wait for messages
    #[arg(long, default_value = "park", value_parser = WaitParser)]
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
    trust: Trust,
    #[command(flatten)]
    show: Show,
    #[command(flatten)]
    shape: Shape,
}

impl Args {
    /// How messages are written.
    fn writing(&self) -> Writing {
        match (&self.format, self.frame) {
            (Some(template), _) => Writing::Formatted(template.clone()),
            (None, Some(FrameChoice::Length)) => Writing::Length,
            (None, None) if !self.raw && self.chunk.is_none() && !self.shape.is_typed() => Writing::Lines,
            _ => Writing::Raw,
        }
    }

    /// How the ring is waited for.
    fn wait(&self) -> RingWait {
        RingWait {
            path: self.ring.clone(),
            options: options(self),
            read_only: self.observe,
            timeout: self.timeout.unwrap_or(Duration::MAX),
            talks: self.show.talks(),
        }
    }

    /// Whether it goes on with other producers and rings.
    pub(super) fn follows(&self) -> bool {
        self.follow
    }

    /// Compares what was asked for with the ring that came.
    pub(super) fn check(&self, ring: &FileRing) -> anyhow::Result<()> {
        self.shape.check(&self.ring, ring)
    }

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

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    let output = Output::new(&signals).map_err(crate::failing("can't use stdout"))?;
    // Kept until the role is taken: a ring that is in use isn't removed.
    let _there = args.wait_for_ring.then(|| ring_wait::until_there(args.wait(), &signals)).transpose()?;
    let (ring, (role, awaits_after)) = attach(args)?;
    let most = args.count.unwrap_or(u64::MAX);
    let mut reader = Reader::new((ring, role), args.writing(), most, output);
    if awaits_after.is_some() && args.show.talks() {
        crate::say(format_args!(
            "ringway sub: the ring is closed and its stream was read: waiting for the next (--from oldest reads what is \
             left of this one)"
        ));
    }
    let ended = pump(args, &signals, &mut reader, awaits_after);
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
        unwritten_bytes: reader.output.dropped(),
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
        Ended::TimedOut => bail!(
            "{}: no message has come for {}: start `ringway pub`, or wait longer with --timeout",
            Shown(&args.ring),
            humantime::format_duration(args.timeout.unwrap_or_default())
        ),
        Ended::Signal => match signals.which() {
            Some(signal) => Err(Stopped { signal, cut: None }.into()),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Opens the ring, or makes it, and takes the role asked for. The epoch after which it is to read, if that is so.
fn attach(args: &Args) -> anyhow::Result<(FileRing, (Role, Option<u64>))> {
    let take = |ring: &FileRing| {
        let entry = match args.from {
            Some(From(start)) => Entry::at(start),
            None => Entry::of_stream(ring)?,
        };
        let role = match take_role(args, ring, entry.start) {
            // The ring doesn't keep the beginning any more.
            Err(AttachError::Overwritten { .. }) if args.from.is_none() => {
                take_role(args, ring, Start::Oldest)
            }
            role => role,
        };
        Ok((role?, entry.awaits_after))
    };
    let shape = args.shape.fitting(match (args.chunk, args.writing()) {
        (Some(chunk), _) => Fit::of(chunk),
        (None, Writing::Length) => Fit::FRAMES,
        (None, _) if args.frame.is_some() => Fit::FRAMES,
        (None, Writing::Raw) => Fit::BYTES,
        (None, Writing::Lines) => Fit::LINES,
        (None, Writing::Formatted(_)) => Fit::default(),
    });
    shape.with_role(&args.ring, &options(args), |_| open(args), take)
}

fn options(args: &Args) -> OpenOptions {
    OpenOptions::new()
        .any_owner(args.any_owner)
        .allow_other_boot(args.allow_other_boot)
        .allow_copy_on_write(args.allow_copy_on_write)
}

pub(super) fn open(args: &Args) -> Result<FileRing, FileError> {
    let options = options(args);
    if args.observe {
        args.naming.open(&options, &args.ring)
    } else {
        args.trust.apply(options.open(&args.ring))
    }
}

fn take_role(args: &Args, ring: &FileRing, start: Start) -> Result<Role, AttachError> {
    let resume = args.resume.unwrap_or_default().into();
    let ring = args.naming.of(ring);
    if args.observe {
        let observer = args.naming.observe(&ring, start, resume, args.show.talks())?;
        return Ok(Role::Observer(Box::new(observer)));
    }
    if args.best_effort {
        let mut reader = ring.best_effort_reader(start)?;
        reader.set_resume(resume);
        return Ok(Role::BestEffort(Box::new(reader)));
    }
    let consumer = ring.consumer(start)?;
    Ok(Role::Consumer { start: consumer.next_seq(), skipped: 0, consumer: Box::new(consumer), batch: 1 })
}

/// What ends the command from outside the ring, if it has come.
fn stopped(signals: &Signals, reader: &Reader<'_>) -> Option<Ended> {
    match reader.output.gone() {
        Some(Gone::Closed) => Some(Ended::StdoutClosed),
        Some(Gone::Interrupted) => Some(Ended::Signal),
        None => signals.stopped().then_some(Ended::Signal),
    }
}

/// Reads and writes until something ends it. `awaits_after` is the epoch that is closed, and isn't to be read.
fn pump(
    args: &Args,
    signals: &Signals,
    reader: &mut Reader<'_>,
    mut awaits_after: Option<u64>,
) -> anyhow::Result<Ended> {
    // Where it doesn't get mixed up with the messages.
    let mut meter = Meter::new(args.show.talks() && !std::io::stdout().is_terminal());
    let mut silent_since = None;
    let most = args.timeout.unwrap_or(Duration::MAX);
    let mut patience = Patience::new(args.wait.into());
    let mut idle = false;
    let mut leaving = None;
    loop {
        if let Some(ended) = stopped(signals, reader) {
            return Ok(ended);
        }
        if reader.has_all() {
            return Ok(Ended::Count);
        }
        if let Some(meter) = &mut meter {
            meter.tick(&reader.tally);
        }
        // Before the first wait comes a look that hardly waits: what was read before goes out in between.
        let (wait, slice) = if idle { patience.slice() } else { (Wait::Yield, reader.linger()) };
        let slice = slice.min(most);
        let step = reader.step(wait, slice)?;
        match step {
            Step::Moved => {
                (idle, silent_since) = (false, None);
                patience.reset();
                continue;
            }
            Step::Closed
                if awaits_after.is_some_and(|epoch| reader.epoch().is_ok_and(|now| now != epoch)) =>
            {
                // The stream that it waited for. The next look tells how that one stands.
                awaits_after = None;
                continue;
            }
            Step::ProducerLost if !args.follow => return Ok(Ended::ProducerLost),
            Step::Closed if !args.follow && awaits_after.is_none() => return Ok(Ended::Closed),
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
        if silent_since.get_or_insert_with(Instant::now).elapsed() >= most {
            return Ok(Ended::TimedOut);
        }
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
