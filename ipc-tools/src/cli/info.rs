//! `ringway info`: what a ring is like and how it stands.

use std::fmt::{self, Display};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ringway::file::{FileError, OpenOptions, Shown};
use ringway::memfd::MemfdOptions;
use ringway::{Attached, Placement, Resume, Ring, Start, State};
use serde::Serialize;

use super::shape::named;
use crate::options::StrideChoice;
use crate::units::counted;

/// Show a ring's shape and state (read-only)
#[derive(clap::Args)]
pub(super) struct Args {
    /// The ring's file; for a ring in a memfd, `/proc/PID/fd/N` of a process that has it open
    ring: PathBuf,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// Open the ring even if another user owns its file
    #[arg(long)]
    any_owner: bool,
}

#[derive(Serialize)]
struct Info {
    ring: String,
    /// The same for people.
    #[serde(skip)]
    shown: String,
    state: &'static str,
    epoch: u64,
    head: u64,
    producer_alive: bool,
    slots: u64,
    slot_size: u64,
    stride: &'static str,
    stride_bytes: u64,
    max_consumers: u64,
    consumers: Vec<Consumer>,
    section_align: u64,
    total_length: u64,
    placement: &'static str,
    message_type: Option<String>,
    ring_id: String,
    boot_id: String,
}

/// An attached consumer: what holds the producer back if the ring is full.
#[derive(Serialize)]
struct Consumer {
    cell: usize,
    pid: u64,
    next: u64,
    lag: u64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    // To look at a ring of another boot does no harm: nothing of it is believed.
    let options = OpenOptions::new().any_owner(args.any_owner).allow_other_boot(true);
    match options.open_read_only(&args.ring) {
        Err(FileError::Symlink { .. }) if leads_to_memfd(&args.ring) => {
            let file = File::open(&args.ring);
            let file = file.with_context(|| format!("can't open {}", Shown(&args.ring)))?;
            let ring = MemfdOptions::new().any_owner(args.any_owner).open(file.into())?;
            show(args, &ring, &format!("{} ({ring})", Shown(&args.ring)))
        }
        ring => show(args, &ring?, &Shown(&args.ring).to_string()),
    }
}

/// Whether the path is one of those under `/proc` that stand for a descriptor of a memfd. A link that only reads
/// like one leads to no memfd, and opening that says so.
pub(super) fn leads_to_memfd(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target.as_os_str().as_bytes().starts_with(b"/memfd:"))
}

/// Looks at the ring, which `shown` stands for.
fn show(args: &Args, ring: &dyn Ring, shown: &str) -> anyhow::Result<()> {
    let observer = ring.observer(Start::Latest, Resume::Latest);
    let observer = observer.map_err(|error| named(&args.ring, error.into()))?;
    let geometry = ring.geometry();
    let info = Info {
        ring: args.ring.display().to_string(),
        shown: shown.into(),
        state: match observer.state()? {
            State::NoProducerYet => "no-producer-yet",
            State::Open => "open",
            State::Closed => "closed",
            _ => "unknown",
        },
        epoch: observer.epoch()?,
        head: observer.head()?,
        producer_alive: observer.producer_alive()?,
        slots: geometry.slots(),
        slot_size: geometry.payload_capacity(),
        stride: StrideChoice::name(geometry.stride_kind()),
        stride_bytes: geometry.stride(),
        max_consumers: geometry.max_consumers(),
        consumers: (observer.consumers()?.into_iter())
            .map(|Attached { cell, pid, next_seq, lag, .. }| Consumer { cell, pid, next: next_seq, lag })
            .collect(),
        section_align: geometry.section_align(),
        total_length: geometry.total_length(),
        placement: match geometry.placement() {
            Placement::Anonymous => "anonymous",
            Placement::WholeFile => "whole-file",
            Placement::Embedded => "embedded",
            _ => "unknown",
        },
        message_type: geometry.type_info().map(ToString::to_string),
        ring_id: hex(geometry.ring_id()),
        boot_id: hex(geometry.boot_id()),
    };
    let text = if args.json { serde_json::to_string(&info)? + "\n" } else { info.to_string() };
    crate::answer(&text)
}

impl Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Info { shown, state, epoch, head, .. } = self;
        let producer = if self.producer_alive { "alive" } else { "none" };
        let Info { slots, slot_size, stride, stride_bytes, max_consumers, .. } = self;
        let Info { total_length, placement, section_align, .. } = self;
        let message_type = self.message_type.as_deref().unwrap_or("plain bytes");
        writeln!(f, "ring       {shown}")?;
        writeln!(f, "state      {state}, epoch {epoch}, producer {producer}")?;
        writeln!(f, "head       {head}")?;
        writeln!(
            f,
            "slots      {slots} for up to {} each, {stride}: {stride_bytes} bytes apart",
            counted(*slot_size, "byte")
        )?;
        writeln!(f, "consumers  {} of up to {max_consumers}", self.consumers.len())?;
        for Consumer { cell, pid, next, lag } in &self.consumers {
            writeln!(f, "           cell {cell}, pid {pid}: next is {next}, {lag} behind")?;
        }
        writeln!(f, "length     {total_length} bytes, {placement}, sections aligned to {section_align}")?;
        writeln!(f, "type       {message_type}")?;
        writeln!(f, "ring id    {}", self.ring_id)?;
        writeln!(f, "boot id    {}", self.boot_id)
    }
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
