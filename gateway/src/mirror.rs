//! The ring that a sink writes: the same geometry, the same sequences.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ringway::file::{FileError, FileRing, OpenOptions};
use ringway::{Config, Monitor, Producer, PublishError, Ring, State};

use crate::apply::Mirror;
use crate::claim::Claim;
use crate::frame::{Expected, RingId};
use crate::meta::{Shape, id_of};
use crate::names::hex;
use crate::origin::Origin;

/// Longest wait for a full mirror at a time: the writing thread has other work, too.
const SLICE: Duration = Duration::from_millis(20);

/// The mirror to open or to make.
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

impl Wanted<'_> {
    /// The configuration of a new mirror.
    fn config(&self) -> Result<Config> {
        self.shape.config(self.start, self.max_bytes)
    }
}

/// Why a write to a mirror failed.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The producer's role can't be taken.
    #[error("taking the mirror's producer role: {0}")]
    Role(#[from] ringway::AttachError),
    /// The ring refuses a message or a skip.
    #[error("writing the mirror: {0}")]
    Write(PublishError),
    /// The mirror is full until its readers go on.
    #[error("the mirror is full: its readers are slow")]
    Full,
}

/// A mirror.
pub struct RingMirror {
    ring: FileRing,
    monitor: Monitor,
    producer: Option<Producer>,
    source: RingId,
    claim: Option<Claim>,
    /// End of the wait for a full mirror; `None` before the mirror was full.
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
    /// If the path has another ring, or a mirror of another ring and `replace` isn't set, or a mirror that another
    /// import writes, or the mirror can't be made.
    pub fn open(wanted: &Wanted<'_>) -> Result<Self> {
        let ring = match options().open(wanted.path) {
            Ok(found) => match check(&found, wanted)? {
                Found::Wanted => found,
                Found::OfAnother(_) if wanted.replace => {
                    // A mirror is retired only if its successor can be made.
                    let config = wanted.config()?;
                    let _claim = Claim::take(&found)?;
                    retire(found)?;
                    make(wanted, &config)?
                }
                Found::OfAnother(why) => {
                    bail!("{} {why}: give another path, or replace it by --replace", wanted.path.display())
                }
                Found::NoMirror(why) => {
                    bail!("{} {why}: give another path, or remove that ring", wanted.path.display())
                }
            },
            Err(FileError::NotFound { .. }) => make(wanted, &wanted.config()?)?,
            Err(error) => return Err(error).context("opening the mirror"),
        };
        let claim = Some(Claim::take(&ring)?);
        let monitor = ring.monitor().context("looking at the mirror")?;
        let source = wanted.source;
        Ok(Self { ring, monitor, producer: None, source, claim, until: None })
    }

    /// Takes the claim that keeps other imports away. Its end doesn't depend on what still has the mirror.
    pub fn take_claim(&mut self) -> Option<Claim> {
        self.claim.take()
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

    /// Grants the writes until the next call one short wait together for a full mirror.
    pub fn be_patient(&mut self) {
        self.until = None;
    }

    /// Denies the writes until the next [`be_patient`](Self::be_patient) any wait for a full mirror.
    pub fn be_hasty(&mut self) {
        self.until = Some(Instant::now());
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
                // Another producer has the role, or the ring is gone.
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
            // A damaged ring has no head. The next attempt to enter says what is wrong.
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
            Err(PublishError::Full(full)) => match until() {
                until if until <= Instant::now() => Err(PublishError::Full(full)),
                until => producer.publish_tagged_deadline(bytes, tag, until).map(|_| ()),
            },
            other => other.map(|_| ()),
        })
    }
}

/// What lies at the path of a mirror.
enum Found {
    /// The mirror that is wanted.
    Wanted,
    /// The mirror of another ring, and how it differs.
    OfAnother(String),
    /// A ring that isn't a mirror, and how it differs. No option has it written or removed.
    NoMirror(&'static str),
}

fn check(found: &FileRing, wanted: &Wanted<'_>) -> Result<Found> {
    let (id, source) = (id_of(found.geometry()), hex(&wanted.source));
    let has_the_shape = Shape::of(found.geometry()).is_ok_and(|shape| shape == *wanted.shape);
    match Origin::read(wanted.path)? {
        Some(origin) if origin.mirror.as_ref() == Some(&id) => {
            Ok(match (origin.source == source, has_the_shape) {
                (true, true) => Found::Wanted,
                (true, false) => Found::OfAnother("is a mirror of another geometry than the source's".into()),
                (false, _) => {
                    Found::OfAnother(format!("mirrors ring {}, and the source has {source}", origin.source))
                }
            })
        }
        _ if !has_the_shape => Ok(Found::NoMirror("is a ring of another geometry than the source's")),
        _ if !found.geometry().can_skip() => {
            Ok(Found::NoMirror("is a ring that can't skip sequences, so it isn't a mirror"))
        }
        // The gateway ended between making the mirror and noting its id.
        Some(Origin { mirror: None, source: of }) if of == source && found.stats()?.epoch == 0 => {
            Origin { source, mirror: Some(id) }.write(wanted.path)?;
            Ok(Found::Wanted)
        }
        _ => Ok(Found::NoMirror("is a ring that no gateway has made as a mirror")),
    }
}

/// Without membarrier: the readers of a mirror sleep after each frame. A fence for each message costs less than the
/// interrupts of all processes for each of these sleeps.
fn options() -> OpenOptions {
    OpenOptions::new().membarrier(false)
}

fn make(wanted: &Wanted<'_>, config: &Config) -> Result<FileRing> {
    let source = hex(&wanted.source);
    // A file of this name that no gateway wrote stays.
    Origin::read(wanted.path)?;
    Origin { source: source.clone(), mirror: None }.write(wanted.path)?;
    let ring = options().mode(wanted.mode).create(wanted.path, config).context("making the mirror")?;
    Origin { source, mirror: Some(id_of(ring.geometry())) }.write(wanted.path)?;
    Ok(ring)
}

/// Closes a mirror that is to be replaced, so that its readers look for its successor, and takes its name away.
fn retire(mirror: FileRing) -> Result<()> {
    let failed = "closing the mirror that is to be replaced";
    let mut producer = mirror.producer_of_any_type().context(failed)?;
    producer.close().context(failed)?;
    let path = mirror.path();
    ensure!(
        mirror.has_its_name()?,
        "another file has come to {} meanwhile, and stays: give another path, or remove that file",
        path.display()
    );
    std::fs::remove_file(path).with_context(|| format!("removing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_second_import_of_a_mirror_is_refused_also_of_a_closed_one() {
        let (directory, shape) = (tempfile::tempdir().unwrap(), shape());
        let path = directory.path().join("mirror");
        let mut first = RingMirror::open(&wanted(&path, &shape)).unwrap();
        let refused = |replace, source| {
            let second = RingMirror::open(&Wanted { replace, source, ..wanted(&path, &shape) });
            let refused = second.unwrap_err().to_string();
            assert!(refused.starts_with("another import writes /"), "{refused}");
        };
        refused(false, SOURCE);
        first.close().unwrap();
        refused(false, SOURCE);
        // Nor is it taken from the import that writes it.
        refused(true, [4; 16]);
        drop(first.take_claim());
        RingMirror::open(&wanted(&path, &shape)).unwrap();
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
    fn a_ring_that_is_no_mirror_is_left_alone_also_by_replace() {
        let (directory, shape) = (tempfile::tempdir().unwrap(), shape());
        let path = directory.path().join("mirror");
        for config in [Config::new().slots(8), Config::new().slots(8).first_seq(0), Config::new().slots(16)] {
            for origin in [None, Some("0".repeat(32))] {
                let ring = ringway::file::create(&path, &config).unwrap();
                if origin.is_some() {
                    // It says of another ring, once at this path, that it was a mirror.
                    Origin { source: hex(&SOURCE), mirror: origin }.write(&path).unwrap();
                }
                let before = std::fs::read(&path).unwrap();
                for replace in [false, true] {
                    let refused = RingMirror::open(&Wanted { replace, ..wanted(&path, &shape) }).unwrap_err();
                    assert!(refused.to_string().contains("remove that ring"), "{refused:#}");
                }
                assert!(ring.has_its_name().unwrap() && std::fs::read(&path).unwrap() == before);
                drop(ring);
                ringway::file::remove(&path).unwrap();
            }
            std::fs::remove_file(directory.path().join("mirror.origin")).unwrap();
        }
    }

    #[test]
    fn a_mirror_stays_if_its_successor_cant_be_made() {
        let (directory, shape) = (tempfile::tempdir().unwrap(), shape());
        let path = directory.path().join("mirror");
        let first = RingMirror::open(&wanted(&path, &shape)).unwrap().id();
        let other = Wanted { source: [4; 16], replace: true, max_bytes: 10, ..wanted(&path, &shape) };
        assert!(RingMirror::open(&other).unwrap_err().to_string().contains("expected at most 10"));
        assert_eq!(RingMirror::open(&wanted(&path, &shape)).unwrap().id(), first);
    }

    #[test]
    fn a_file_that_only_has_the_name_of_a_note_stays() {
        let (directory, shape) = (tempfile::tempdir().unwrap(), shape());
        let [path, note] = ["mirror", "mirror.origin"].map(|name| directory.path().join(name));
        std::fs::write(&note, "somebody's").unwrap();
        assert!(RingMirror::open(&wanted(&path, &shape)).is_err());
        assert_eq!((std::fs::read(&note).unwrap(), path.exists()), (b"somebody's".to_vec(), false));
    }

    #[test]
    fn a_mirror_whose_making_was_interrupted_is_taken_up() {
        let (directory, shape) = (tempfile::tempdir().unwrap(), shape());
        let path = directory.path().join("mirror");
        Origin { source: hex(&SOURCE), mirror: None }.write(&path).unwrap();
        drop(RingMirror::open(&wanted(&path, &shape)).unwrap());
        Origin { source: hex(&SOURCE), mirror: None }.write(&path).unwrap();
        drop(RingMirror::open(&wanted(&path, &shape)).unwrap());
    }
}
