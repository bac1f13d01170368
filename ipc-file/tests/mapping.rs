//! Each role maps what it writes writable, and nothing else.

use std::path::Path;

use ringway_core::{Geometry, Resume, Ring, Section, Start};
use testkit::files::{small, vacant};

/// A line of `/proc/self/maps` that maps the file.
struct Mapped {
    permissions: String,
    start: u64,
    end: u64,
}

fn mapped(path: &Path) -> Vec<Mapped> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let lines = maps.lines().filter(|line| line.ends_with(path.to_str().unwrap()));
    lines
        .map(|line| {
            let mut fields = line.split_whitespace();
            let hex = |text| u64::from_str_radix(text, 16).unwrap();
            let (from, to) = fields.next().unwrap().split_once('-').unwrap();
            let permissions = fields.next().unwrap().to_string();
            let start = hex(fields.next().unwrap());
            Mapped { permissions, start, end: start + hex(to) - hex(from) }
        })
        .collect()
}

/// How the only handle on `path` maps each section of its ring.
fn permissions(path: &Path, geometry: &Geometry) -> [String; 5] {
    let mapped = mapped(path);
    let of = |section: Section| {
        let covering: Vec<_> = mapped
            .iter()
            .filter(|line| line.start <= section.offset && section.offset + section.length <= line.end)
            .collect();
        assert_eq!(covering.len(), 1, "section at {} is mapped once", section.offset);
        covering[0].permissions.clone()
    };
    [
        of(geometry.geometry_section()),
        of(geometry.producer_section()),
        of(geometry.hints_section()),
        of(geometry.consumers_section()),
        of(geometry.slots_section()),
    ]
}

#[test]
fn a_ring_without_handles_maps_nothing() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    assert!(mapped(&path).is_empty());
    drop(ring.producer().unwrap());
    assert!(mapped(&path).is_empty());
}

#[test]
fn the_producer_writes_its_page_the_hints_and_the_slots() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let _producer = ring.producer().unwrap();
    assert_eq!(permissions(&path, ring.geometry()), ["r--s", "rw-s", "rw-s", "r--s", "rw-s"]);
}

#[test]
fn a_consumer_writes_the_hints_and_the_cells() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let _consumer = ring.consumer(Start::Oldest).unwrap();
    assert_eq!(permissions(&path, ring.geometry()), ["r--s", "r--s", "rw-s", "rw-s", "r--s"]);
}

#[test]
fn an_observer_writes_nothing_by_a_descriptor_that_cannot() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let _observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
    assert_eq!(permissions(&path, ring.geometry()), ["r--s"; 5]);

    // Its pages can't be made writable either: VmFlags lack mw, "may write".
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let after = &smaps[smaps.find(path.to_str().unwrap()).unwrap()..];
    let flags = after.lines().find_map(|line| line.strip_prefix("VmFlags:")).unwrap();
    let flags: Vec<_> = flags.split_whitespace().collect();
    assert!(flags.contains(&"rd") && !flags.contains(&"mw"), "{flags:?}");
    // dd: not dumped, dc: not copied to forked children.
    assert!(flags.contains(&"dd") && flags.contains(&"dc"), "{flags:?}");
}

#[test]
fn a_populated_ring_is_all_in_memory() {
    let (_directory, path) = vacant();
    let options = ringway_file::OpenOptions::new().populate(true);
    let ring = options.create(&path, &small().slots(1024)).unwrap();
    let _producer = ring.producer().unwrap();
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let resident = |name: &str| -> u64 {
        let mut ours = false;
        let mut total = 0;
        for line in smaps.lines() {
            // A mapping's first line has its addresses, the others have names.
            if !line.split_whitespace().next().unwrap().ends_with(':') {
                ours = line.ends_with(path.to_str().unwrap());
            } else if ours && line.starts_with(name) {
                total += line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
            }
        }
        total
    };
    assert_eq!(resident("Size:"), ring.geometry().total_length() / 1024);
    assert_eq!(resident("Rss:"), resident("Size:"));
}
