//! `ringway info`: what rings are like and how they stand.

mod prometheus;
mod report;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::inspect::snapshot::Snapshot;
use super::inspect::subject::Subject;
use super::wording::{Task, in_words_of};
use crate::units;
use report::Info;

/// Between two looks, unless `--interval` says otherwise.
const INTERVAL: Duration = Duration::from_millis(200);

/// Show rings' shapes and states (read-only)
///
/// It maps each ring read-only, stores nothing, and takes no lock that a producer or a consumer meets. While it runs,
/// `ringway rm` finds the ring in use.
#[derive(clap::Args)]
#[command(after_help = "\
What is known, and from where:
  alive          from the locks that the kernel keeps, never from a PID
  pid, by lock   this process holds the role's lock, as its /proc/PID/fdinfo says
  pid, as it wrote
                 a hint: no process that may be looked at holds the lock. The number may be
                 of another PID namespace, of another process by now, or forged
  producer-lost  the ring is open, and no process has the producer's role: the producer
                 died, or left without closing the ring
  last message   a message carries no time. So it is told whether head moved between two
                 looks, and else for how long it didn't. No message is older than its file

Exit status: 0 all rings were shown; 1 one couldn't be (the others are); 2 wrong
usage; 130 it was interrupted.

Examples:
  ringway info /dev/shm/quotes
  ringway info --interval 1s /dev/shm/quotes /dev/shm/trades
  ringway info --json /dev/shm/quotes | jq '.consumers[] | {cell, kind, lag}'
  ringway info --prometheus /dev/shm/quotes > /var/lib/node_exporter/ringway.prom
  ringway info /proc/4242/fd/5      # a ring in a memfd")]
pub(super) struct Args {
    /// The rings' files; for a ring in a memfd, `/proc/PID/fd/N` of a process that has it open
    #[arg(required = true, value_name = "RING")]
    rings: Vec<PathBuf>,
    /// Write a JSON object for each ring, on a line of its own
    #[arg(long)]
    json: bool,
    /// Write all rings' figures as Prometheus reads them (text exposition format)
    #[arg(long, conflicts_with = "json")]
    prometheus: bool,
    /// Time between two looks, which tell the rate; 0s looks once [default: 200ms; 0s with --prometheus]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    interval: Option<Duration>,
    /// Open rings even if another user owns their files
    #[arg(long)]
    any_owner: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let interval = args.interval.unwrap_or(if args.prometheus { Duration::ZERO } else { INTERVAL });
    let mut errors = Vec::new();
    let mut subjects = Vec::new();
    let mut seen = BTreeSet::new();
    for path in &args.rings {
        // Two samples of the same labels make Prometheus refuse all of them.
        if args.prometheus && !seen.insert(path.display().to_string()) {
            continue;
        }
        let subject = Subject::open(path, args.any_owner);
        match subject.and_then(|subject| subject.look().map(|first| (subject, first))) {
            Ok(opened) => subjects.push(opened),
            Err(error) => errors.push((path, error)),
        }
    }
    if !interval.is_zero() && !subjects.is_empty() {
        std::thread::sleep(interval);
    }
    let mut infos = Vec::new();
    for (subject, first) in &subjects {
        match second_look(subject, first, interval) {
            Ok((snapshot, before)) => infos.push(Info::of(subject, &snapshot, before)),
            Err(error) => errors.push((&subject.path, error)),
        }
    }
    let failed: Vec<&PathBuf> = errors.iter().map(|(path, _)| *path).collect();
    crate::answer(&if args.prometheus {
        prometheus::text(&infos, &failed)
    } else if args.json {
        let lines: Result<String, _> = infos.iter().map(|info| Ok(info.json()? + "\n")).collect();
        lines.map_err(|error: serde_json::Error| anyhow::anyhow!(error))?
    } else {
        infos.iter().map(Info::to_string).collect::<Vec<_>>().join("\n")
    })?;
    fail_with(errors.into_iter().map(|(_, error)| error).collect(), Task::Look)
}

fn second_look<'s>(
    subject: &Subject,
    first: &'s Snapshot,
    interval: Duration,
) -> anyhow::Result<(Snapshot, Option<&'s Snapshot>)> {
    if interval.is_zero() { Ok((first.clone(), None)) } else { Ok((subject.look()?, Some(first))) }
}

/// Fails if there are errors: the last is the command's, and those before it are said here.
pub(super) fn fail_with(mut errors: Vec<anyhow::Error>, task: Task) -> anyhow::Result<()> {
    let last = errors.pop();
    for error in errors {
        crate::fail("ringway", &in_words_of(task, error));
    }
    last.map_or(Ok(()), Err)
}
