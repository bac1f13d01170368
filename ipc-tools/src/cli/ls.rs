//! `ringway ls`: the rings of a directory.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use ringway::file::Shown;
use serde::Serialize;

use super::inspect::probe::{Found, Life, probe};
use super::inspect::process::user;
use super::inspect::table::{self, Cut, Table};

/// List rings, and tell those in use from those left behind (read-only)
///
/// A ring is known by its header; other files are passed over. Files are read by system calls: nothing is mapped, and
/// no lock is taken. A ring at an offset of a larger file isn't found, unless it starts the file.
#[derive(clap::Args)]
#[command(after_help = "\
States:
  live        a process has the producer's role, by the kernel's lock
  idle        no producer has entered yet
  orphaned    open, and no process has the producer's role: it died, or left without closing
              the ring. Consumers may still wait for a successor
  closed      the last producer closed it
  other-boot  made before the machine last started
  unfinished  being made or removed, or left over from that
  damaged     it starts as a ring does, and isn't one (--json says why)

Exit status: 0 the directories were listed, even if there was no ring; 1 one
couldn't be; 2 wrong usage; 130 it was interrupted.

Examples:
  ringway ls
  ringway ls --recursive /run/user/1000
  ringway ls --json | jq -r '.rings[] | select(.state == \"orphaned\").ring'")]
pub(super) struct Args {
    /// Directories, or files [default: /dev/shm, $XDG_RUNTIME_DIR, and $TMPDIR or /tmp]
    #[arg(value_name = "DIR")]
    places: Vec<PathBuf>,
    /// Look into directories within them, too; symbolic links aren't followed
    #[arg(long, short)]
    recursive: bool,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

/// Fields of the JSON object.
#[derive(Serialize)]
struct Listing {
    rings: Vec<Entry>,
    /// Number of files and directories that couldn't be read.
    unreadable: u64,
}

#[derive(Serialize)]
struct Entry {
    ring: String,
    #[serde(skip)]
    shown: String,
    state: Life,
    /// What is wrong with a damaged one.
    why: Option<String>,
    slots: Option<u64>,
    slot_size_bytes: Option<u64>,
    head: Option<u64>,
    epoch: Option<u64>,
    /// Consumers that are alive.
    consumers: usize,
    max_consumers: Option<u64>,
    /// Whether any process has the ring open.
    in_use: bool,
    /// Bytes that the ring has, and that its file takes where it lies.
    total_length_bytes: Option<u64>,
    allocated_bytes: u64,
    message_type: Option<String>,
    uid: u32,
    user: Option<String>,
    mode: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let places = if args.places.is_empty() { usual() } else { args.places.clone() };
    let mut listing = Listing { rings: Vec::new(), unreadable: 0 };
    let mut failed = Vec::new();
    for place in &places {
        if let Err(error) = listing.add(place, args.recursive) {
            failed.push(anyhow!("{}: can't be listed: {error}: check the path", Shown(place)));
        }
    }
    crate::answer(&if args.json { serde_json::to_string(&listing)? + "\n" } else { listing.text() })?;
    if !args.json {
        if listing.rings.is_empty() {
            let places: Vec<_> = places.iter().map(|place| Shown(place).to_string()).collect();
            crate::say(format_args!("ringway ls: no ring in {}", places.join(", ")));
        }
        if listing.unreadable > 0 {
            let unreadable = crate::units::counted(listing.unreadable, "file");
            crate::say(format_args!("ringway ls: {unreadable} couldn't be read: ask as their owner"));
        }
    }
    super::info::fail_with(failed, super::wording::Task::Look)
}

/// Where rings usually lie, as far as it is there.
fn usual() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let temporary = variable("TMPDIR").or(Some("/tmp".into()));
    let places = [Some("/dev/shm".into()), variable("XDG_RUNTIME_DIR"), temporary];
    let mut seen = BTreeSet::new();
    let there = places.into_iter().flatten().filter(|place: &PathBuf| place.is_dir());
    there.filter(|place| place.canonicalize().is_ok_and(|place| seen.insert(place))).collect()
}

impl Listing {
    /// Adds what is at the place: a file, or what is in a directory.
    fn add(&mut self, place: &Path, recursive: bool) -> io::Result<()> {
        if !std::fs::metadata(place)?.is_dir() {
            self.add_file(place);
            return Ok(());
        }
        let mut directories = vec![place.to_path_buf()];
        let mut first = true;
        while let Some(directory) = directories.pop() {
            let entries = match std::fs::read_dir(&directory) {
                Err(error) if first => return Err(error),
                Err(_) => {
                    self.unreadable += 1;
                    continue;
                }
                Ok(entries) => entries,
            };
            first = false;
            let mut entries: Vec<_> = entries.flatten().collect();
            entries.sort_by_key(std::fs::DirEntry::file_name);
            for entry in entries {
                match entry.file_type() {
                    Ok(kind) if kind.is_file() => self.add_file(&entry.path()),
                    Ok(kind) if kind.is_dir() && recursive => directories.push(entry.path()),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) {
        match probe(path) {
            Ok(Some(found)) => self.rings.push(Entry::of(found)),
            // Gone meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => self.unreadable += 1,
            Ok(None) => {}
        }
    }

    fn text(&self) -> String {
        if self.rings.is_empty() {
            return String::new();
        }
        let mut table = Table::new(["STATE", ">SLOTS", ">HEAD", ">CONS", ">ON DISK", "RING"], Cut::Start);
        for ring in &self.rings {
            let known = |value: Option<String>| value.unwrap_or_else(|| "-".into());
            let slots = ring.slots.zip(ring.slot_size_bytes).map(|(slots, size)| format!("{slots}x{size}"));
            let consumers = ring.max_consumers.map(|max| format!("{}/{max}", ring.consumers));
            table.row([
                ring.state.name().into(),
                known(slots),
                known(ring.head.map(|head| head.to_string())),
                known(consumers),
                table::bytes(ring.allocated_bytes),
                ring.shown.clone(),
            ]);
        }
        table.text(table::columns())
    }
}

impl Entry {
    fn of(found: Found) -> Self {
        let Found { path, life, why, geometry, file, page, consumers, in_use } = found;
        let geometry = geometry.as_ref();
        Self {
            ring: path.display().to_string(),
            shown: Shown(&path).to_string(),
            state: life,
            why,
            slots: geometry.map(ringway::Geometry::slots),
            slot_size_bytes: geometry.map(ringway::Geometry::payload_capacity),
            head: page.as_ref().map(|page| page.head),
            epoch: page.as_ref().map(|page| page.epoch),
            consumers,
            max_consumers: geometry.map(ringway::Geometry::max_consumers),
            in_use,
            total_length_bytes: geometry.map(ringway::Geometry::total_length),
            allocated_bytes: file.allocated,
            message_type: geometry.and_then(|geometry| geometry.type_info()).map(ToString::to_string),
            uid: file.uid,
            user: user(file.uid),
            mode: format!("{:04o}", file.mode),
        }
    }
}
