//! A look at a file that may hold a ring, by system calls alone: nothing is mapped, and no lock is taken.
//!
//! It reads words that processes may be storing meanwhile. So what doesn't fit together is read once more before it is
//! believed.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use ringway::{Geometry, GeometryError, MAX_SEQ, Placement};
use ringway_core::placement::layout::{CELL_BYTES, GEOMETRY_BYTES, PRODUCER_BYTES};
use ringway_core::placement::{CellFields, Header, ProducerFields};
use ringway_file::placement::{Lock, LockTable, boot_id, page_size};
use serde::Serialize;

use super::subject::FileFacts;

/// How often a ring is read whose words don't fit together.
const ATTEMPTS: u32 = 10;

/// What becomes of a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Life {
    /// A process has the producer's role.
    Live,
    /// No producer has entered yet.
    Idle,
    /// Open, and no process has the producer's role: it died, or left without closing the ring.
    Orphaned,
    Closed,
    /// Made before the machine last started, or on another machine.
    OtherBoot,
    /// Being made or removed, or left over from that.
    Unfinished,
    /// It starts as a ring does, and isn't one.
    Damaged,
}

impl Life {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Life::Live => "live",
            Life::Idle => "idle",
            Life::Orphaned => "orphaned",
            Life::Closed => "closed",
            Life::OtherBoot => "other-boot",
            Life::Unfinished => "unfinished",
            Life::Damaged => "damaged",
        }
    }
}

/// A ring that was found.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) life: Life,
    /// What is wrong with it, if something is.
    pub(crate) why: Option<String>,
    /// Of a ring whose header is sound.
    pub(crate) geometry: Option<Geometry>,
    pub(crate) file: FileFacts,
    /// Of a ring whose producer page could be read.
    pub(crate) page: Option<ProducerFields>,
    /// Number of consumers that are alive.
    pub(crate) consumers: usize,
    /// Whether a process has the ring open.
    pub(crate) in_use: bool,
}

/// Looks at the file; `None` if it holds no ring.
///
/// # Errors
/// It can't be read.
pub(crate) fn probe(path: &Path) -> io::Result<Option<Found>> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.len() < GEOMETRY_BYTES {
        return Ok(None);
    }
    // Another file may be there by now: opening must neither follow a link nor wait.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits()).open(path)?;
    probe_open(path, &file)
}

/// As [`probe`], of a file that is open, by the path at which it was found.
///
/// # Errors
/// As for [`probe`].
pub(crate) fn probe_open(path: &Path, file: &File) -> io::Result<Option<Found>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let mut found = Found {
        path: path.into(),
        life: Life::Unfinished,
        why: None,
        geometry: None,
        file: FileFacts::of(&metadata),
        page: None,
        consumers: 0,
        in_use: held(file, LockTable::PRESENCE).is_some(),
    };
    match header(file) {
        Err(GeometryError::NotARing { .. } | GeometryError::TooShort { .. }) => return Ok(None),
        Err(GeometryError::Unfinished) => return Ok(Some(found)),
        Err(error) => found.damaged(error.to_string()),
        Ok(geometry) => found.look_into(file, geometry, metadata.len()),
    }
    if found.life != Life::Damaged && is_temporary(path) {
        found.life = Life::Unfinished;
    }
    Ok(Some(found))
}

impl Found {
    fn damaged(&mut self, why: String) {
        (self.life, self.why) = (Life::Damaged, Some(why));
    }

    fn look_into(&mut self, file: &File, geometry: Geometry, length: u64) {
        let expected = geometry.total_length();
        let fits = match geometry.placement() {
            Placement::WholeFile => length == expected,
            Placement::Embedded => length >= expected,
            _ => false,
        };
        if !fits {
            return self.damaged(format!("the file has {length} bytes, and the ring {expected}"));
        }
        let mut found = look(file, &geometry);
        for _ in 0..ATTEMPTS {
            match &found {
                Some((_, Life::Orphaned | Life::Damaged)) | None => {}
                _ => break,
            }
            // Between the two reads a producer may have come, or closed the ring.
            let before = std::mem::replace(&mut found, look(file, &geometry));
            let same = |page: &ProducerFields| (page.epoch, page.state);
            if before.map(|(page, life)| (same(&page), life))
                == found.as_ref().map(|(page, life)| (same(page), *life))
            {
                break;
            }
        }
        self.consumers = consumers(file, &geometry);
        match found {
            None => self.damaged("its producer page can't be read".into()),
            Some((page, Life::Damaged)) => {
                self.damaged(format!("its producer page has state {} and head {}", page.state, page.head));
            }
            Some((page, life)) => {
                let same_boot = boot_id().is_ok_and(|boot| boot == geometry.boot_id());
                self.life = if same_boot { life } else { Life::OtherBoot };
                self.page = Some(page);
            }
        }
        self.geometry = Some(geometry);
    }
}

fn look(file: &File, geometry: &Geometry) -> Option<(ProducerFields, Life)> {
    let start = geometry.producer_section().offset;
    let mut page = [0; PRODUCER_BYTES as usize];
    file.read_exact_at(&mut page, start).ok()?;
    let page = ProducerFields::read(geometry, |at| word(&page, at.checked_sub(start)?))?;
    let alive = held(file, LockTable::PRODUCER) == Some(Lock::Write);
    let life = match page.state {
        _ if page.head > MAX_SEQ => Life::Damaged,
        0..=2 if alive => Life::Live,
        0 => Life::Idle,
        1 => Life::Orphaned,
        2 => Life::Closed,
        _ => Life::Damaged,
    };
    Some((page, life))
}

fn consumers(file: &File, geometry: &Geometry) -> usize {
    let start = geometry.consumers_section().offset;
    let mut cells = vec![0; (geometry.max_consumers() * CELL_BYTES) as usize];
    if file.read_exact_at(&mut cells, start).is_err() {
        return 0;
    }
    let attached = |cell: &u64| {
        let fields = CellFields::read(geometry, *cell, |at| word(&cells, at.checked_sub(start)?));
        fields.is_some_and(|fields| fields.state == 1)
            && held(file, LockTable::cell(*cell as usize)) == Some(Lock::Write)
    };
    (0..geometry.max_consumers()).filter(attached).count()
}

/// The word at an offset of bytes that were read.
fn word(bytes: &[u8], at: u64) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    bytes.get(at..)?.first_chunk::<8>().map(|word| u64::from_ne_bytes(*word))
}

fn header(file: &File) -> Result<Geometry, GeometryError> {
    let mut bytes = [0; GEOMETRY_BYTES as usize];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Header::from_bytes(&bytes)?.decode(page_size()),
        Err(_) => Err(GeometryError::TooShort { found: 0, expected: GEOMETRY_BYTES }),
    }
}

/// The lock that a process holds on a byte of the ring. The kernel is asked; nothing is taken.
fn held(file: &File, byte: u64) -> Option<Lock> {
    LockTable::at(0).held(file.as_fd(), byte).ok().flatten()
}

/// Whether the name is one that a ring has while it is made or removed.
fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && [".ringway-new-", ".ringway-old-"].iter().any(|mark| name.contains(mark))
}
