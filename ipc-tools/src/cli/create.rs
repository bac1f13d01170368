//! `ringway create`: a ring made before anybody uses it.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use ringway::file::{FileError, FileRing, OpenOptions, Shown};
use ringway::{Config, GeometryError, Ring};
use serde::Serialize;

use super::shape::{Fit, Shape, differ};
use crate::options::StrideChoice;
use crate::units::{self, counted};

/// Make a ring in a new file
///
/// `pub` and `sub` make the ring that they need themselves. Make it first to fix its shape, its type and its
/// permissions, whichever of them starts first. Nothing that exists is replaced.
#[derive(clap::Args)]
#[command(after_help = "\
Exit status: 0 the ring is there; 1 it couldn't be made, or exists without
--if-missing, or has another shape; 2 wrong usage; 130 it was interrupted.

Examples:
  ringway create /dev/shm/quotes
  ringway create --slots 1024 --slot-size 4KiB --mode 0640 /dev/shm/quotes
  ringway create --if-missing --stride line --slot-size 56 /dev/shm/ticks
  ringway create --type example.Quote.v1:16:8 /dev/shm/quotes
  ringway create --first-seq 1000000 /dev/shm/mirror
  ringway create --section-align 2MiB --slots 65536 /dev/shm/large   # fit for huge pages")]
pub(super) struct Args {
    /// The ring's file
    ring: PathBuf,
    /// Succeed if the ring exists and is as asked for
    #[arg(long)]
    if_missing: bool,
    /// Alignment of the ring's sections, a power of two; 2MiB lets the kernel use huge pages [default: the page size]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    section_align: Option<u64>,
    /// Sequence of the first message, after which the producer may skip some [default: 0, and none can be skipped]
    #[arg(long, value_name = "SEQ")]
    first_seq: Option<u64>,
    /// Make it even where the file system may copy pages that change
    #[arg(long)]
    allow_copy_on_write: bool,
    #[command(flatten)]
    shape: Shape,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

/// Fields of the JSON object.
#[derive(Serialize)]
struct Made {
    ring: String,
    #[serde(skip)]
    shown: String,
    /// Whether this command made it.
    created: bool,
    slots: u64,
    slot_size_bytes: u64,
    stride: &'static str,
    stride_bytes: u64,
    max_consumers: u64,
    section_align_bytes: u64,
    total_length_bytes: u64,
    message_type: Option<String>,
    /// Sequence of the first message.
    first_seq: u64,
    /// Whether the producer may skip sequences.
    can_skip: bool,
    ring_id: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let path = &args.ring;
    let mut options = OpenOptions::new().allow_copy_on_write(args.allow_copy_on_write);
    if let Some(mode) = args.shape.mode() {
        options = options.mode(mode);
    }
    let config = args.config()?;
    let (ring, created) = match options.create(path, &config) {
        Err(FileError::AlreadyExists { .. }) if args.if_missing => match options.open_read_only(path) {
            // Its creator is dead, and what it left can be replaced.
            Err(FileError::Geometry { error: GeometryError::Unfinished, .. }) => {
                (options.open_or_create(path, &config)?, true)
            }
            ring => {
                let ring = ring?;
                args.check(path, &ring)?;
                (ring, false)
            }
        },
        ring => (ring?, true),
    };
    let made = Made::of(path, &ring, created);
    crate::answer(&if args.json { serde_json::to_string(&made)? + "\n" } else { made.to_string() })
}

impl Args {
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = self.shape.fitting(Fit::default()).config()?;
        if let Some(bytes) = self.section_align {
            config = config.section_align(bytes);
        }
        if let Some(seq) = self.first_seq {
            config = config.first_seq(seq);
        }
        Ok(config)
    }

    /// Compares what was asked for, and only that, with what there is.
    fn check(&self, path: &Path, ring: &FileRing) -> anyhow::Result<()> {
        self.shape.check(path, ring)?;
        let geometry = ring.geometry();
        differ(path, "--section-align", self.section_align, geometry.section_align())?;
        let found = if geometry.can_skip() { geometry.first_seq().to_string() } else { "none".into() };
        differ(path, "--first-seq", self.first_seq.map(|seq| seq.to_string()), found)
    }
}

impl Made {
    fn of(path: &Path, ring: &FileRing, created: bool) -> Self {
        let geometry = ring.geometry();
        Self {
            ring: path.display().to_string(),
            shown: Shown(path).to_string(),
            created,
            slots: geometry.slots(),
            slot_size_bytes: geometry.payload_capacity(),
            stride: StrideChoice::name(geometry.stride_kind()),
            stride_bytes: geometry.stride(),
            max_consumers: geometry.max_consumers(),
            section_align_bytes: geometry.section_align(),
            total_length_bytes: geometry.total_length(),
            message_type: geometry.type_info().map(ToString::to_string),
            first_seq: geometry.first_seq(),
            can_skip: geometry.can_skip(),
            ring_id: units::hex(&geometry.ring_id()),
        }
    }
}

impl Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Made { shown, slots, slot_size_bytes, stride, stride_bytes, .. } = self;
        let Made { max_consumers, total_length_bytes, .. } = self;
        let size = counted(*slot_size_bytes, "byte");
        writeln!(f, "{} {shown}", if self.created { "created" } else { "exists " })?;
        writeln!(f, "slots   {slots} for up to {size} each, {stride}: {stride_bytes} bytes apart")?;
        writeln!(f, "length  {total_length_bytes} bytes, up to {}", counted(*max_consumers, "consumer"))?;
        if self.can_skip {
            writeln!(f, "first   sequence {}; the producer may skip some", self.first_seq)?;
        }
        writeln!(f, "type    {}", self.message_type.as_deref().unwrap_or("plain bytes"))
    }
}
