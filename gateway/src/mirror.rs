//! The ring that a sink writes: the same geometry, the same sequences.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ringway::file::{FileError, FileRing, OpenOptions};
use ringway::{Monitor, Producer, PublishError, Ring, State};
use serde::{Deserialize, Serialize};

use crate::apply::Mirror;
use crate::frame::{Expected, RingId};
use crate::meta::{Shape, id_of};
use crate::names::hex;

/// How long a full mirror is waited for at a time: the thread that writes it has other work, too.
const SLICE: Duration = Duration::from_millis(20);

/// What is kept beside a mirror: of which ring it is one.
#[derive(Debug, Serialize, Deserialize)]
struct Origin {
    /// Id of the source's ring.
    source: String,
    /// Id of the mirror; `None` while it is being made.
    mirror: Option<String>,
}

/// What to make or to open.
#[derive(Debug)]
pub struct Wanted<'w> {
    /// Path of the mirror.
    pub path: &'w Path,
    /// Id of the source's ring.
    pub source: RingId,
    /// Its shape.
    pub shape: &'w Shape,
    /// Where a new mirror begins.
    pub start: u64,
    /// Whether a mirror of another ring is replaced.
    pub replace: bool,
    /// Permissions of a new file.
    pub mode: u32,
    /// Most bytes of a new mirror.
    pub max_bytes: u64,
}

/// Why a mirror couldn't be written.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The producer's role is taken, or can't be.
    #[error("taking the mirror's producer role: {0}")]
    Role(#[from] ringway::AttachError),
    /// The ring refuses a message or a skip.
    #[error("writing the mirror: {0}")]
    Write(PublishError),
    /// The mirror has no room before its readers read on.
    #[error("the mirror is full: its readers are slow")]
    Full,
}

/// A mirror.
pub struct RingMirror {
    ring: FileRing,
    monitor: Monitor,
    producer: Option<Producer>,
    source: RingId,
    /// Until when a full mirror is waited for; `None` before it was full.
    until: Option<Instant>,
}

impl std::fmt::Debug for RingMirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RingMirror").field("path", &self.ring.path()).finish_non_exhaustive()
    }
}

impl RingMirror {
    /// Opens the mirror of a source's ring, or makes it.
    ///
    /// # Errors
    /// If there is another ring, or a mirror of another one that isn't to be replaced; if it can't be made.
    pub fn open(wanted: &Wanted<'_>) -> Result<Self> {
        let ring = match OpenOptions::new().open(wanted.path) {
            Ok(found) => match check(&found, wanted)? {
                Some(why) if !wanted.replace => {
                    bail!("{} {why}: give another path, or replace it by --replace", wanted.path.display())
                }
                Some(_) => {
                    retire(found)?;
                    make(wanted)?
                }
                None => found,
            },
            Err(FileError::NotFound { .. }) => make(wanted)?,
            Err(error) => return Err(error).context("opening the mirror"),
        };
        let monitor = ring.monitor().context("looking at the mirror")?;
        let source = wanted.source;
        Ok(Self { ring, monitor, producer: None, source, until: None })
    }

    /// The ring.
    pub fn ring(&self) -> &FileRing {
        &self.ring
    }

    /// The mirror's id, which tells this sink from others.
    pub fn id(&self) -> String {
        id_of(self.ring.geometry())
    }

    /// What frames must be like.
    pub fn expected(&self) -> Expected {
        let geometry = self.ring.geometry();
        Expected {
            ring_id: self.source,
            payload_capacity: geometry.payload_capacity(),
            fixed_length: geometry.stride_kind().is_fixed_length(),
        }
    }

    /// Has the next write that finds the mirror full wait a moment, all until the next call together.
    pub fn be_patient(&mut self) {
        self.until = None;
    }

    /// Writes, with the time until which it may wait. The role is left if it is of no use any more.
    fn write(
        &mut self,
        write: impl FnOnce(&mut Producer, &mut dyn FnMut() -> Instant) -> Result<(), PublishError>,
    ) -> Result<(), MirrorError> {
        let Some(producer) = &mut self.producer else { return Err(MirrorError::Write(PublishError::Closed)) };
        match write(producer, &mut || *self.until.get_or_insert_with(|| Instant::now() + SLICE)) {
            Ok(()) => Ok(()),
            Err(PublishError::Full(_) | PublishError::TimedOut(_)) => Err(MirrorError::Full),
            Err(error) => {
                // Another producer, or a ring that is gone.
                self.producer = None;
                Err(MirrorError::Write(error))
            }
        }
    }
}

impl Mirror for RingMirror {
    type Error = MirrorError;

    fn head(&self) -> u64 {
        match &self.producer {
            Some(producer) => producer.next_seq(),
            // A damaged ring has no head. Entering it says why.
            None => self.monitor.stats().map_or(0, |stats| stats.head),
        }
    }

    fn is_entered(&self) -> bool {
        self.producer.is_some()
    }

    fn enter(&mut self) -> Result<(), MirrorError> {
        self.producer = None;
        self.producer = Some(self.ring.producer_of_any_type()?);
        Ok(())
    }

    fn leave(&mut self) {
        self.producer = None;
    }

    fn close(&mut self) -> Result<(), MirrorError> {
        if self.producer.is_none() {
            if self.monitor.stats().is_ok_and(|stats| stats.state == State::Closed) {
                return Ok(());
            }
            self.enter()?;
        }
        let closed = self.producer.take().map(|mut producer| producer.close());
        closed.unwrap_or(Ok(())).map_err(MirrorError::Write)
    }

    fn skip_to(&mut self, seq: u64) -> Result<(), MirrorError> {
        self.write(|producer, until| producer.skip_to_deadline(seq, until()))
    }

    fn publish(&mut self, bytes: &[u8], tag: u32) -> Result<(), MirrorError> {
        self.write(|producer, until| match producer.try_publish_tagged(bytes, tag) {
            Err(PublishError::Full(_)) => producer.publish_tagged_deadline(bytes, tag, until()).map(|_| ()),
            other => other.map(|_| ()),
        })
    }
}

/// Path of what is kept beside a mirror.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".origin");
    name.into()
}

/// Why a ring that is there isn't the mirror that is wanted; `None` if it is.
fn check(found: &FileRing, wanted: &Wanted<'_>) -> Result<Option<String>> {
    if Shape::of(found.geometry())? != *wanted.shape {
        return Ok(Some("is a ring of another geometry than the source's".into()));
    }
    if !found.geometry().can_skip() {
        return Ok(Some("is a ring that can't skip sequences, so it is no mirror".into()));
    }
    let origin = read_origin(wanted.path)?;
    let (id, source) = (id_of(found.geometry()), hex(&wanted.source));
    match origin {
        Some(origin) if origin.mirror.as_ref() == Some(&id) => Ok((origin.source != source)
            .then(|| format!("mirrors ring {}, and the source has {source}", origin.source))),
        // The gateway ended between making the mirror and noting its id.
        Some(Origin { mirror: None, source: of }) if of == source && found.stats()?.epoch == 0 => {
            write_origin(wanted.path, &Origin { source, mirror: Some(id) })?;
            Ok(None)
        }
        _ => Ok(Some("is a ring that no gateway has made as a mirror".into())),
    }
}

fn make(wanted: &Wanted<'_>) -> Result<FileRing> {
    let source = hex(&wanted.source);
    let config = wanted.shape.config(wanted.start, wanted.max_bytes)?;
    write_origin(wanted.path, &Origin { source: source.clone(), mirror: None })?;
    let ring =
        OpenOptions::new().mode(wanted.mode).create(wanted.path, &config).context("making the mirror")?;
    write_origin(wanted.path, &Origin { source, mirror: Some(id_of(ring.geometry())) })?;
    Ok(ring)
}

/// Closes a ring that is to be replaced, so that its readers look for its successor, and takes its name away.
fn retire(ring: FileRing) -> Result<()> {
    let mut producer = ring.producer_of_any_type().context("closing the mirror that is to be replaced")?;
    producer.close().context("closing the mirror that is to be replaced")?;
    std::fs::remove_file(ring.path()).with_context(|| format!("removing {}", ring.path().display()))
}

fn read_origin(path: &Path) -> Result<Option<Origin>> {
    let path = beside(path);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let origin = serde_json::from_slice(&bytes);
            origin
                .map(Some)
                .with_context(|| format!("{} isn't what a gateway has written there", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

fn write_origin(path: &Path, origin: &Origin) -> Result<()> {
    replace_file(&beside(path), &serde_json::to_vec(origin)?)
}

/// Writes a file so that it is there as a whole, or as it was.
///
/// # Errors
/// If it can't be written.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let written = std::fs::write(&draft, bytes).and_then(|()| std::fs::rename(&draft, path));
    written.with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringway::Config;

    const SOURCE: RingId = [3; 16];

    fn shape() -> Shape {
        let directory = tempfile::tempdir().unwrap();
        let ring = ringway::file::create(directory.path().join("ring"), &Config::new().slots(8)).unwrap();
        Shape::of(ring.geometry()).unwrap()
    }

    fn wanted<'w>(path: &'w Path, shape: &'w Shape) -> Wanted<'w> {
        Wanted { path, source: SOURCE, shape, start: 100, replace: false, mode: 0o600, max_bytes: 1 << 30 }
    }

    #[test]
    fn a_mirror_goes_on_where_it_ended() {
        let (directory, shape) = (tempfile::tempdir().unwrap(), shape());
        let path = directory.path().join("mirror");
        let mut mirror = RingMirror::open(&wanted(&path, &shape)).unwrap();
        assert_eq!(mirror.head(), 100);
        mirror.enter().unwrap();
        mirror.publish(b"one", 0).unwrap();
        mirror.skip_to(105).unwrap();
        let id = mirror.id();
        drop(mirror);
        let again = RingMirror::open(&Wanted { start: 0, ..wanted(&path, &shape) }).unwrap();
        assert_eq!((again.head(), again.id()), (105, id));
    }

    #[test]
    fn a_mirror_of_another_ring_is_refused_unless_it_is_to_be_replaced() {
        let (directory, shape) = (tempfile::tempdir().unwrap(), shape());
        let path = directory.path().join("mirror");
        let first = RingMirror::open(&wanted(&path, &shape)).unwrap();
        let mut reader = first.ring().observer(Default::default(), Default::default()).unwrap();
        drop(first);
        let other = Wanted { source: [4; 16], ..wanted(&path, &shape) };
        let refused = RingMirror::open(&other).unwrap_err().to_string();
        assert!(refused.contains("mirrors ring 0303"), "{refused}");
        let replaced = RingMirror::open(&Wanted { replace: true, ..other }).unwrap();
        assert_eq!(replaced.head(), 100);
        assert!(matches!(reader.try_recv(), Ok(ringway::Outcome::Closed)));
    }

    #[test]
    fn a_ring_that_is_no_mirror_is_left_alone() {
        let (directory, shape) = (tempfile::tempdir().unwrap(), shape());
        let path = directory.path().join("mirror");
        for config in [Config::new().slots(8), Config::new().slots(8).first_seq(0), Config::new().slots(16)] {
            let ring = ringway::file::create(&path, &config).unwrap();
            assert!(RingMirror::open(&wanted(&path, &shape)).is_err());
            drop(ring);
            ringway::file::remove(&path).unwrap();
        }
    }

    #[test]
    fn a_mirror_whose_making_was_interrupted_is_taken_up() {
        let (directory, shape) = (tempfile::tempdir().unwrap(), shape());
        let path = directory.path().join("mirror");
        write_origin(&path, &Origin { source: hex(&SOURCE), mirror: None }).unwrap();
        drop(RingMirror::open(&wanted(&path, &shape)).unwrap());
        write_origin(&path, &Origin { source: hex(&SOURCE), mirror: None }).unwrap();
        drop(RingMirror::open(&wanted(&path, &shape)).unwrap());
    }
}
