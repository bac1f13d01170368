//! `ringway dump`: what a ring's file holds, down to the slots, after its processes have died.

mod contents;
mod header;
mod image;
mod slots;
mod text;

use std::fs::File;
use std::io::{ErrorKind, Write, stdout};
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, bail};
use ringway::file::{FileError, PrivateMapping, Shown};

use super::inspect::subject::leads_to_memfd;
use crate::units;
use contents::Contents;
use image::Image;
use slots::State;

/// How often a file that is cut short while it is read is read anew.
const ATTEMPTS: usize = 3;

/// Show what a ring's file holds, slot by slot (post-mortem)
///
/// The file is mapped privately (copy-on-write) and is never altered: no lock is taken, and the ring may be damaged,
/// cut short, unfinished or of another boot. The ring's processes should be dead. Beside live ones it works, too, with
/// a warning: what it shows moves.
///
/// Exit status: 0 if all that was found is as it should be; 1 if not, after everything that can be shown.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  ringway dump /dev/shm/quotes                the header, and the newest slots
  ringway dump /dev/shm/quotes --last 100     the newest 100 slots
  ringway dump /dev/shm/quotes --slots 0..64  slots 0 to 63
  ringway dump /dev/shm/quotes --raw 41 > m   the payload of message 41
  ringway dump /dev/shm/quotes --json | jq .slot_states

States of a slot:
  published        its message is whole
  published ahead  the same, but head doesn't count it yet
  in flight        claimed or being written, not published
  abandoned        claimed, and the ring was closed without publishing it
  skipped          its sequence was left out
  torn             head counts it, but its stamp says that it is being written
  earlier lap      head counts a later message in this slot
  never written, damaged, cut off (behind the end of the file)")]
pub(super) struct Args {
    /// The ring's file; for a ring in a memfd, `/proc/PID/fd/N` of a process that has it open
    ring: PathBuf,
    /// Where the ring starts in the file, in bytes or with a unit
    #[arg(long, value_name = "SIZE", default_value = "0", value_parser = units::size)]
    offset: u64,
    /// Show the slots of these numbers, from 0 on, the last one excluded
    #[arg(long, value_name = "FROM..TO", value_parser = range, conflicts_with = "last")]
    slots: Option<Range<u64>>,
    /// Show the newest slots, so many
    #[arg(long, value_name = "N", default_value_t = 16)]
    last: u64,
    /// Write the payload of this message to stdout, and nothing else
    #[arg(long, value_name = "SEQ", conflicts_with_all = ["json", "slots", "last"])]
    raw: Option<u64>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

/// The words of a range: `3..10`, `3..` or `..10`.
fn range(text: &str) -> Result<Range<u64>, String> {
    let expected = || format!("{text:?}: expected FROM..TO, as 0..64 for the slots 0 to 63");
    let (from, to) = text.split_once("..").ok_or_else(expected)?;
    let number = |text: &str, otherwise| match text {
        "" => Ok(otherwise),
        text => text.parse::<u64>().map_err(|_| expected()),
    };
    let range = number(from, 0)?..number(to, u64::MAX)?;
    if range.is_empty() { Err(expected()) } else { Ok(range) }
}

/// Maps the file, of a memfd by the descriptor that the path stands for.
fn map(args: &Args) -> anyhow::Result<PrivateMapping> {
    match PrivateMapping::open(&args.ring) {
        Err(FileError::Symlink { .. }) if leads_to_memfd(&args.ring) => {
            let file = File::open(&args.ring);
            let file = file.with_context(|| format!("can't open {}", Shown(&args.ring)))?;
            Ok(PrivateMapping::of_file(&args.ring, file)?)
        }
        copy => Ok(copy?),
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut cut_short = 0;
    loop {
        let image = Image::new(map(args)?, args.offset);
        let contents = Contents::read(args, &image);
        match image.check() {
            Ok(()) => return show(args, &image, contents, cut_short),
            Err(error) if cut_short + 1 == ATTEMPTS => {
                return Err(error).context(format!("{} never rests", Shown(&args.ring)));
            }
            Err(_) => cut_short += 1,
        }
    }
}

fn show(args: &Args, image: &Image, mut contents: Contents, cut_short: usize) -> anyhow::Result<()> {
    if cut_short > 0 {
        contents.problem("the file was cut short while it was read: this is what was left of it".into());
    }
    if contents.file.in_use {
        crate::say(format_args!(
            "ringway dump: warning: processes use this ring: what is shown moves (`ringway info` shows a live ring)"
        ));
    }
    if let Some(seq) = args.raw {
        return raw(args, image, &contents, seq);
    }
    let text = if args.json { serde_json::to_string(&contents)? + "\n" } else { contents.to_string() };
    crate::answer(&text)?;
    match contents.problem_count {
        0 => Ok(()),
        1 => bail!("{}: a problem was found: see the report", Shown(&args.ring)),
        n => bail!("{}: {n} problems were found: see the report", Shown(&args.ring)),
    }
}

/// Writes the payload of a message to stdout.
fn raw(args: &Args, image: &Image, contents: &Contents, seq: u64) -> anyhow::Result<()> {
    let path = Shown(&args.ring);
    let Some(geometry) = &contents.geometry else {
        bail!("{path}: no message can be found in it: {}", contents.problems.join("; "));
    };
    let slot = contents.slot(image, geometry, seq % geometry.slots());
    if slot.seq != Some(seq) || slot.state != State::Published {
        let found = match slot.seq {
            Some(other) => format!("message {other}, {}", slot.state),
            None => slot.state.to_string(),
        };
        bail!(
            "{path}: message {seq} isn't there: slot {} holds this: {found}; `ringway dump --last N` lists what is there",
            slot.slot
        );
    }
    let Some(length) = slot.length_bytes.filter(|&length| length <= geometry.payload_capacity()) else {
        bail!("{path}: message {seq} has no length that its slot could hold: it is damaged");
    };
    let payload = slots::offsets(geometry, slot.slot).payload;
    let mut out = stdout().lock();
    let mut chunk = vec![0; 1 << 16];
    let mut done = 0;
    while done < length {
        let wanted = (length - done).min(chunk.len() as u64) as usize;
        let read = image.bytes(payload + done, &mut chunk[..wanted]);
        image.check()?;
        if read < wanted {
            bail!("{path}: message {seq} is cut off after {} bytes, of {length}", done + read as u64);
        }
        match out.write_all(&chunk[..wanted]) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written.context("can't write to stdout")?,
        }
        done += wanted as u64;
    }
    match out.flush() {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("can't write to stdout"),
    }
}
