//! The ring that a command works on: opened if it exists, else made.

use std::fmt::Display;
use std::fs::File;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use ringway::file::{self, FileError, FileRing, OpenOptions, Shown};
use ringway::{AttachError, Config, GeometryError, Ring};

use super::message_type::TypeChoice;
use crate::options::StrideChoice;
use crate::units;

/// What a new ring holds of messages of a size that the user chose, about, in bytes.
const MEMORY: u64 = 16 << 20;

/// Slots and slot size of a new ring, where the user doesn't say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fit {
    slots: u64,
    slot_size: u64,
}

impl Default for Fit {
    /// For messages of which nothing is known.
    fn default() -> Self {
        Self { slots: 256, slot_size: 64 << 10 }
    }
}

impl Fit {
    /// For lines, most of which fit two cache lines with their slot's header. The others go in parts.
    pub(super) const LINES: Self = Self { slots: 8 << 10, slot_size: 112 };
    /// For bytes as they come: few enough of them to stay in a processor's cache.
    pub(super) const BYTES: Self = Self { slots: 16, slot_size: 64 << 10 };
    /// For frames, which can't be parted.
    pub(super) const FRAMES: Self = Self { slots: 64, slot_size: 256 << 10 };

    /// For messages of `size` bytes.
    pub(super) fn of(size: u64) -> Self {
        let slots = (MEMORY / size.max(1)).clamp(8, 16 << 10);
        Self { slots: 1 << slots.ilog2(), slot_size: size }
    }
}

/// What a ring should be like that doesn't exist yet; what is given must hold for one that does.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Shape of the ring (made if it is not there; else it must be as asked for)")]
pub(super) struct Shape {
    /// Number of slots, a power of two [default: 8192 for lines, 16 with --raw; as many as take 16 MiB for messages of
    /// another size; else 256]
    #[arg(long, value_name = "N")]
    slots: Option<u64>,
    /// Longest message, in bytes or with a unit as in 64KiB [default: 112 for lines, of which
    /// longer ones go in parts; with --frame 256KiB; else 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = units::slot_size)]
    slot_size: Option<u64>,
    /// How slots lie one after another [default: aligned]
    #[arg(long)]
    stride: Option<StrideChoice>,
    /// Most consumers at once [default: 16]
    #[arg(long, value_name = "N")]
    max_consumers: Option<u64>,
    /// Permissions of the file, whatever the umask [default: 0600]
    #[arg(long, value_name = "OCTAL", value_parser = units::mode)]
    mode: Option<u32>,
    /// Type of the messages, as the ring records it; SIZE in bytes and ALIGN [default: 1] for a ring that is created
    #[arg(long = "type", value_name = "NAME[:SIZE[:ALIGN]]")]
    message_type: Option<TypeChoice>,
    #[arg(skip)]
    fit: Fit,
}

impl Shape {
    /// The same with other defaults.
    pub(super) fn fitting(&self, fit: Fit) -> Self {
        let size = self.message_type.as_ref().and_then(TypeChoice::size);
        Self { fit: size.map_or(fit, Fit::of), ..self.clone() }
    }

    /// Longest message of a ring to be made, in bytes.
    pub(super) fn slot_size(&self) -> u64 {
        self.slot_size.unwrap_or(self.fit.slot_size)
    }

    /// Whether the messages are of a type that the user named.
    pub(super) fn is_typed(&self) -> bool {
        self.message_type.is_some()
    }

    /// Permissions that were asked for.
    pub(super) fn mode(&self) -> Option<u32> {
        self.mode
    }

    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let slots = self.slots.unwrap_or(match self.slot_size {
            Some(size) if self.fit != Fit::default() => Fit::of(size).slots,
            _ => self.fit.slots,
        });
        let mut config = Config::new().slots(slots);
        if let Some(choice) = &self.message_type {
            config = config.of_type_info(choice.info()?);
        }
        if self.message_type.is_none() || self.slot_size.is_some() {
            config = config.payload_capacity(self.slot_size());
        }
        if let Some(stride) = self.stride {
            config = config.stride(stride.into());
        }
        if let Some(max) = self.max_consumers {
            config = config.max_consumers(max);
        }
        Ok(config)
    }

    /// Opens the ring at `path` through `open`, or makes it first, and has `take` take a role on it. A ring that was
    /// made for nothing, since that failed, is removed again.
    pub(super) fn with_role<R>(
        &self,
        path: &Path,
        options: &OpenOptions,
        open: impl Fn(&OpenOptions) -> Result<FileRing, FileError>,
        take: impl FnOnce(&FileRing) -> anyhow::Result<R>,
    ) -> anyhow::Result<(FileRing, R)> {
        let mut made = None;
        let taken = self.open_or_create(path, options, open, &mut made).and_then(|ring| {
            let role = take(&ring).map_err(|error| named(path, error))?;
            Ok((ring, role))
        });
        if taken.is_err()
            && let Some(ring_id) = made
            && is_unused(path, ring_id)
        {
            // The first error counts.
            let _ = file::remove(path);
        }
        taken
    }

    /// Opens the ring at `path` through `open`, or makes it first: `made` is its identity then.
    fn open_or_create(
        &self,
        path: &Path,
        options: &OpenOptions,
        open: impl Fn(&OpenOptions) -> Result<FileRing, FileError>,
        made: &mut Option<[u8; 16]>,
    ) -> anyhow::Result<FileRing> {
        let mut creating = options.clone();
        if let Some(mode) = self.mode {
            creating = creating.mode(mode);
        }
        loop {
            match open(options) {
                Err(FileError::NotFound { .. }) => {}
                // Its creator is dead, and what it left can be replaced.
                Err(FileError::Geometry { error: GeometryError::Unfinished, .. }) => {
                    match creating.open_or_create(path, &self.config()?) {
                        // Made by this process or, just before, by another that wanted another shape.
                        Ok(_) | Err(FileError::ConfigMismatch { .. }) => continue,
                        Err(error) => return Err(error.into()),
                    }
                }
                opened => {
                    let ring = opened?;
                    self.check(path, &ring)?;
                    return Ok(ring);
                }
            }
            match creating.create(path, &self.config()?) {
                Ok(ring) => *made = Some(ring.geometry().ring_id()),
                // Made by another process, just before.
                Err(FileError::AlreadyExists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Compares what was asked for, and only that, with what there is.
    pub(super) fn check(&self, path: &Path, ring: &FileRing) -> anyhow::Result<()> {
        let geometry = ring.geometry();
        if let Some(choice) = &self.message_type {
            choice.check(path, geometry)?;
        }
        differ(path, "--slots", self.slots, geometry.slots())?;
        differ(path, "--slot-size", self.slot_size, geometry.payload_capacity())?;
        differ(path, "--max-consumers", self.max_consumers, geometry.max_consumers())?;
        let found = StrideChoice::name(geometry.stride_kind());
        differ(path, "--stride", self.stride.map(|stride| StrideChoice::name(stride.into())), found)?;
        if let Some(mode) = self.mode {
            let metadata = path.metadata().with_context(|| format!("can't look at {}", Shown(path)))?;
            let found = metadata.permissions().mode() & 0o777;
            differ(path, "--mode", Some(format!("{mode:04o}")), format!("{found:04o}"))?;
        }
        Ok(())
    }
}

/// Whether the ring at `path` is this one, and no producer ever entered it: its page is as it was made.
fn is_unused(path: &Path, ring_id: [u8; 16]) -> bool {
    let Ok(ring) = OpenOptions::new().open_read_only(path) else { return false };
    let section = ring.geometry().producer_section();
    let mut page = vec![1; section.length as usize];
    let read =
        File::open(path).and_then(|file| file.read_exact_at(&mut page, ring.offset() + section.offset));
    ring.geometry().ring_id() == ring_id && read.is_ok() && page.iter().all(|&byte| byte == 0)
}

/// Adds the path to the error of taking a role on the ring there.
pub(super) fn named(path: &Path, error: anyhow::Error) -> anyhow::Error {
    let path = Shown(path).to_string();
    match error.downcast_ref::<AttachError>() {
        Some(attach) if !attach.to_string().contains(&path) => error.context(path),
        _ => error,
    }
}

/// Refuses a ring that isn't as a flag asks.
pub(super) fn differ<T: PartialEq + Display>(
    path: &Path,
    flag: &str,
    asked: Option<T>,
    found: T,
) -> anyhow::Result<()> {
    match asked {
        Some(asked) if asked != found => bail!(
            "{} exists and has {flag} {found}, not {asked}: leave {flag} out to use it as it is, or remove it \
             with `ringway rm`",
            Shown(path)
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ringway::{Resume, Start};

    use super::*;

    #[test]
    fn a_ring_is_unused_until_its_first_producer_and_another_one_is_not_looked_at() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = dir.path().join("ring");
        let ring = file::create(&path, &Config::new().slots(8)).unwrap();
        let ring_id = ring.geometry().ring_id();
        assert!(is_unused(&path, ring_id));
        assert!(!is_unused(&path, [0; 16]));
        let observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        assert!(is_unused(&path, ring_id));
        drop(observer);
        ring.producer().unwrap().close().unwrap();
        assert!(!is_unused(&path, ring_id));
    }
}
