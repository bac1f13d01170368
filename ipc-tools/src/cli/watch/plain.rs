//! The view for pipes and files: one line a ring and look.

use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use ringway::file::Shown;
use ringway::{Name, ShownObserver};
use ringway_core::placement::RoleHint;
use serde::Serialize;

use super::amounts;
use super::places::Places;
use super::sight::{self, Sight};
use super::track::{Track, fill};
use super::{Args, Ended};
use crate::cli::inspect::kind::{Kind, loss};
use crate::signals::Signals;

/// A ring at one look, for programs. `README.md` of this package says what each field is.
#[derive(Serialize)]
struct Line<'t> {
    ring: String,
    unix_ms: u64,
    #[serde(flatten)]
    seen: Option<Seen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'t str>,
}

#[derive(Serialize)]
struct Seen {
    state: &'static str,
    epoch: u64,
    producer_alive: bool,
    producer_pid: u64,
    producer_uid: Option<u32>,
    producer_name: Option<Name>,
    head: u64,
    slots: u64,
    max_consumers: u64,
    times_full: u64,
    times_passed_over: u64,
    doorbell: u32,
    messages_per_s: Option<f64>,
    times_full_per_s: Option<f64>,
    doorbell_per_s: Option<f64>,
    consumers: Vec<Consumer>,
    /// Those that show themselves, as they wrote.
    observers: Vec<ShownObserver>,
}

#[derive(Serialize)]
struct Consumer {
    cell: usize,
    kind: Kind,
    pid: u64,
    uid: Option<u32>,
    name: Option<Name>,
    next: u64,
    lag: u64,
    /// Whether it is a best-effort reader that is more than a lap behind.
    passed_over: bool,
    lost: u64,
    times_lagged: u64,
    stopped_s: Option<f64>,
}

/// Writes a line a ring and look until a signal or the output's reader ends it, or there were so many looks.
pub(super) fn run(args: &Args, places: &Places) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    let mut tracks = Vec::new();
    let mut looks = 0;
    let mut next = Instant::now();
    loop {
        places.look(&mut tracks);
        looks += 1;
        if !write(&lines(&tracks, args.json)?)? {
            return Ok(());
        }
        if args.count.is_some_and(|count| looks >= count) {
            return failure(&tracks);
        }
        next = (next + args.interval).max(Instant::now());
        while let wait = next.saturating_duration_since(Instant::now())
            && !wait.is_zero()
        {
            if let Some(signal) = signals.which() {
                return Err(Ended(signal).into());
            }
            signals.nap(wait)?;
        }
        if let Some(signal) = signals.which() {
            return Err(Ended(signal).into());
        }
    }
}

/// Writes text. Returns whether it is still read.
fn write(text: &str) -> anyhow::Result<bool> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).context("can't write to stdout"),
    }
}

/// A last look that found no ring, or nothing but errors, is a failure.
pub(super) fn failure(tracks: &[Track]) -> anyhow::Result<()> {
    match tracks {
        [] => anyhow::bail!("no ring was found: check the directories"),
        [first, ..] if tracks.iter().all(|track| track.sight.is_err()) => {
            let why = first.sight.as_ref().err().map_or("", String::as_str);
            anyhow::bail!("{}: {why}", Shown(&first.path))
        }
        _ => Ok(()),
    }
}

fn lines(tracks: &[Track], json: bool) -> anyhow::Result<String> {
    let now = SystemTime::now();
    let mut text = String::new();
    for track in tracks {
        text += &if json { serde_json::to_string(&line(track, now))? } else { words(track, now) };
        text.push('\n');
    }
    if tracks.is_empty() && !json {
        text = format!("{} no ring yet\n", humantime::format_rfc3339_seconds(now));
    }
    Ok(text)
}

fn line(track: &Track, now: SystemTime) -> Line<'_> {
    Line {
        ring: track.path.display().to_string(),
        unix_ms: now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64,
        seen: track.sight.as_ref().ok().map(|sight| seen(track, sight)),
        error: track.sight.as_ref().err().map(String::as_str),
    }
}

fn seen(track: &Track, sight: &Sight) -> Seen {
    let &Sight {
        epoch,
        head,
        producer_pid,
        producer_alive,
        slots,
        max_consumers,
        times_full,
        times_passed_over,
        doorbell,
        ..
    } = sight;
    let consumers = track.paces.iter().map(|pace| Consumer {
        cell: pace.reader.cell,
        kind: pace.reader.kind,
        pid: pace.reader.pid,
        uid: pace.reader.uid,
        name: pace.reader.name,
        next: pace.reader.next,
        lag: pace.reader.lag,
        passed_over: pace.reader.is_passed_over(slots),
        lost: pace.reader.lost,
        times_lagged: pace.reader.times_lagged,
        stopped_s: pace.stopped.map(|stopped| thousandths(stopped.as_secs_f64())),
    });
    Seen {
        state: sight.standing.name(),
        epoch,
        producer_alive,
        producer_pid,
        producer_uid: sight.producer_uid,
        producer_name: sight.producer_name,
        head,
        slots,
        max_consumers,
        times_full,
        times_passed_over,
        doorbell,
        messages_per_s: track.rates.map(|rates| thousandths(rates.messages)),
        times_full_per_s: track.rates.map(|rates| thousandths(rates.full)),
        doorbell_per_s: track.rates.map(|rates| thousandths(rates.wakes)),
        consumers: consumers.collect(),
        observers: sight.observers.clone(),
    }
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A ring in one line for people.
fn words(track: &Track, now: SystemTime) -> String {
    let time = humantime::format_rfc3339_seconds(now);
    let start = format!("{time} {}", Shown(&track.path));
    let sight = match &track.sight {
        Ok(sight) => sight,
        Err(why) => return format!("{start}: {why}"),
    };
    let rate = track.rates.map_or("-".into(), |rates| amounts::rate(rates.messages));
    let Sight { epoch, head, times_full, doorbell, slots, .. } = sight;
    let standing = sight::words(sight.standing);
    let producer = sight.producer_name.map_or(String::new(), |name| format!(", producer {name:?}"));
    let mut text = format!(
        "{start}: {standing}, epoch {epoch}{producer}, head {head}, {rate}, full {times_full}, wakes {doorbell}"
    );
    if sight.times_passed_over > 0 {
        text += &format!(", passed over {}", sight.times_passed_over);
    }
    for pace in &track.paces {
        let reader = &pace.reader;
        let best_effort = reader.kind == Kind::BestEffort;
        let part = match reader.is_passed_over(*slots) {
            true => "passed over".into(),
            false => amounts::percent(fill(reader, *slots)),
        };
        let kind = if best_effort { " best-effort" } else { "" };
        let name = reader.name.map_or(String::new(), |name| format!(" {name:?}"));
        text += &format!("; cell {} pid {}{name}{kind} lag {} ({part})", reader.cell, reader.pid, reader.lag);
        if best_effort {
            text += &format!(" lost {}", loss(reader.lost, reader.times_lagged));
        }
        if let Some(stopped) = pace.stopped {
            let stopped = humantime::format_duration(Duration::from_secs(stopped.as_secs()));
            text += &format!(" stopped for {stopped}?");
        }
    }
    for &ShownObserver { pid, uid, name, .. } in &sight.observers {
        text += &format!("; observer {}", RoleHint { pid, uid, name });
    }
    text
}
