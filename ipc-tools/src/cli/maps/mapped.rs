//! The processes that map a ring's file, found by its device and inode.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use nix::sys::stat::{major, minor};
use procfs_core::FromBufRead;
use procfs_core::process::{MMPermissions, MemoryMap, MemoryMaps};
use ringway::{Geometry, Section};
use ringway_file::placement::LockTable;
use serde::Serialize;

use crate::cli::inspect::holders::{Holders, pids};
use crate::cli::inspect::process::Process;
use crate::cli::inspect::subject::Subject;

/// Keys of smaps that count huge pages, whatever they are made of.
const HUGE: [&str; 5] =
    ["AnonHugePages", "ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb"];

/// A process that maps the ring.
#[derive(Serialize)]
pub(super) struct Mapped {
    #[serde(flatten)]
    pub(super) process: Process,
    /// What it holds the locks of: `producer`, `consumer N`.
    roles: Vec<String>,
    pub(super) mappings: Vec<Mapping>,
}

/// One mapping of the ring: areas one after another.
#[derive(Serialize)]
pub(super) struct Mapping {
    /// What a mapping of these rights is made for: `producer`, `consumer`, `observer`.
    made_for: &'static str,
    /// A letter for each section: see [`Maps`](super::Maps).
    pub(super) rights: String,
    pub(super) rss_bytes: u64,
    pub(super) pss_bytes: u64,
    pub(super) dirty_bytes: u64,
    pub(super) huge_bytes: u64,
    areas: Vec<Area>,
}

/// A range of addresses that have the same rights.
#[derive(Serialize)]
struct Area {
    start: u64,
    end: u64,
    /// Where it starts in the file.
    offset: u64,
    /// As in `/proc/PID/maps`.
    permissions: String,
    /// The ring's sections that lie in it, wholly or in part.
    sections: Vec<&'static str>,
    rss_bytes: u64,
    pss_bytes: u64,
    dirty_bytes: u64,
    huge_bytes: u64,
}

/// All processes that map the ring, but for this one, and the number of those that couldn't be asked.
pub(super) fn processes(subject: &Subject) -> (Vec<Mapped>, usize) {
    let inode = subject.file.inode;
    let device = subject.file.device;
    let mut devices = BTreeSet::from([(major(device) as i32, minor(device) as i32)]);
    // On some file systems a mapping shows another device than the file. This process maps the ring, too.
    let own = std::process::id() as i32;
    let own_maps = read(own, "maps").unwrap_or_default();
    devices.extend(own_maps.iter().filter(|area| area.inode == inode).map(|area| area.dev));
    let is_ring = |area: &MemoryMap| area.inode == inode && devices.contains(&area.dev);

    let mut found = Vec::new();
    let mut unreadable = 0;
    let mut holders = Holders::default();
    for pid in pids().filter(|&pid| pid != own) {
        let areas = match read(pid, "maps") {
            Ok(maps) if maps.iter().any(is_ring) => read(pid, "smaps").unwrap_or(maps),
            Ok(_) => continue,
            Err(error) => {
                // One that is gone hides nothing.
                unreadable += usize::from(!is_gone(&error));
                continue;
            }
        };
        let areas: Vec<MemoryMap> = areas.into_iter().filter(is_ring).collect();
        let Some(process) = Process::of(pid).filter(|_| !areas.is_empty()) else { continue };
        holders.look_at(pid, &subject.file);
        let roles = holders.held_by(pid).filter_map(role).collect();
        found.push(Mapped { process, roles, mappings: mappings(&areas, &subject.geometry) });
    }
    (found, unreadable)
}

/// The areas of a process, as a file of `/proc` has them. The names of mapped files needn't be text.
fn read(pid: i32, file: &str) -> io::Result<Vec<MemoryMap>> {
    let bytes = fs::read(format!("/proc/{pid}/{file}"))?;
    let text = String::from_utf8_lossy(&bytes);
    let maps = MemoryMaps::from_buf_read(text.as_bytes()).map_err(io::Error::other)?;
    Ok(maps.0)
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(nix::errno::Errno::ESRCH as i32)
}

/// The role whose lock the byte is.
fn role(byte: u64) -> Option<String> {
    match byte {
        LockTable::PRODUCER => Some("producer".into()),
        _ => byte.checked_sub(LockTable::cell(0)).map(|cell| format!("consumer {cell}")),
    }
}

/// Areas that follow each other in memory and in the file are one mapping.
fn mappings(areas: &[MemoryMap], geometry: &Geometry) -> Vec<Mapping> {
    let follows = |one: &MemoryMap, next: &MemoryMap| {
        let length = one.address.1.saturating_sub(one.address.0);
        one.address.1 == next.address.0 && one.offset.checked_add(length) == Some(next.offset)
    };
    areas.chunk_by(follows).map(|areas| Mapping::of(areas, geometry)).collect()
}

fn sections(geometry: &Geometry) -> [(&'static str, Section); 5] {
    [
        ("geometry", geometry.geometry_section()),
        ("producer", geometry.producer_section()),
        ("hints", geometry.hints_section()),
        ("cells", geometry.consumers_section()),
        ("slots", geometry.slots_section()),
    ]
}

impl Mapping {
    fn of(areas: &[MemoryMap], geometry: &Geometry) -> Self {
        let sections = sections(geometry);
        let right = |(_, section): &(&str, Section)| {
            areas.iter().find(|area| overlap(area, section)).map_or('-', |area| letter(area.perms))
        };
        let rights: String = sections.iter().map(right).collect();
        let areas: Vec<Area> = areas.iter().map(|area| Area::of(area, &sections)).collect();
        let sum = |value: fn(&Area) -> u64| areas.iter().map(value).fold(0, u64::saturating_add);
        Self {
            made_for: match rights.as_bytes() {
                [_, b'w', ..] => "producer",
                [_, _, _, b'w', _] => "consumer",
                _ => "observer",
            },
            rights,
            rss_bytes: sum(|area| area.rss_bytes),
            pss_bytes: sum(|area| area.pss_bytes),
            dirty_bytes: sum(|area| area.dirty_bytes),
            huge_bytes: sum(|area| area.huge_bytes),
            areas,
        }
    }
}

impl Area {
    fn of(area: &MemoryMap, sections: &[(&'static str, Section)]) -> Self {
        let size = |key: &str| area.extension.map.get(key).copied().unwrap_or(0);
        let sum = |keys: &[&str]| keys.iter().map(|key| size(key)).fold(0, u64::saturating_add);
        Self {
            start: area.address.0,
            end: area.address.1,
            offset: area.offset,
            permissions: area.perms.as_str(),
            sections: sections
                .iter()
                .filter(|(_, section)| overlap(area, section))
                .map(|(name, _)| *name)
                .collect(),
            rss_bytes: size("Rss"),
            pss_bytes: size("Pss"),
            dirty_bytes: sum(&["Shared_Dirty", "Private_Dirty"]),
            huge_bytes: sum(&HUGE),
        }
    }
}

/// Whether an area shows bytes of a section.
fn overlap(area: &MemoryMap, section: &Section) -> bool {
    let length = area.address.1.saturating_sub(area.address.0);
    area.offset < section.offset.saturating_add(section.length)
        && section.offset < area.offset.saturating_add(length)
}

fn letter(permissions: MMPermissions) -> char {
    let has = |permission| permissions.contains(permission);
    match has(MMPermissions::READ) || has(MMPermissions::WRITE) {
        false => '-',
        true if has(MMPermissions::PRIVATE) => 'p',
        true if has(MMPermissions::WRITE) => 'w',
        true => 'r',
    }
}

impl Mapped {
    /// The role that a mapping serves, for people.
    pub(super) fn role_of(&self, mapping: &Mapping) -> String {
        let named = |role: &&String| role.starts_with(mapping.made_for);
        let roles: Vec<&str> = self.roles.iter().filter(named).map(String::as_str).collect();
        match (mapping.made_for, &roles[..]) {
            ("observer", _) => "observer".into(),
            (made_for, []) => format!("{made_for}?"),
            (_, [role]) => (*role).into(),
            (_, [first, rest @ ..]) => {
                let rest: String = rest.iter().map(|role| role.replace("consumer ", ",")).collect();
                format!("{first}{rest}")
            }
        }
    }

    /// The process for people.
    pub(super) fn shown(&self) -> String {
        let user = self.process.user.clone().or(self.process.uid.map(|uid| uid.to_string()));
        let stopped = if self.process.is_stopped() { ", stopped" } else { "" };
        format!("{} ({}{stopped})", self.process.shown_name(), user.as_deref().unwrap_or("?"))
    }
}
