//! Rights of mappings, page by page: what each role may write, as `/proc/self/maps` shows it.
//!
//! A ring's sections start at pages, so that each has rights of its own. Each role maps the whole ring anew, and
//! writable only where the role writes. A stray pointer in a consumer hits no message, and one in an observer nothing.
//! The danger: rights guard against accidents. A process that may write the file can map it as it likes.
//! `cargo run --example who_maps_what`

use std::error::Error;
use std::path::Path;

use ringway::{Config, Geometry, Resume, Ring, Start, file};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let path = directory.path().join("ring");
    let ring = file::create(&path, &Config::new())?;
    let rights = || rights(&path, ring.geometry());

    // The handle of a ring maps nothing.
    assert_eq!(rights()?, [""; 5]);
    println!("{:<9} {:>8} {:>8} {:>5} {:>5} {:>5}", "", "geometry", "producer", "hints", "cells", "slots");
    let show =
        |role: &str, [a, b, c, d, e]: [&str; 5]| println!("{role:<9} {a:>8} {b:>8} {c:>5} {d:>5} {e:>5}");

    let producer = ring.producer()?;
    assert_eq!(rights()?, ["r--s", "rw-s", "rw-s", "r--s", "rw-s"]);
    show("producer", rights()?.each_ref().map(String::as_str));
    drop(producer);

    let consumer = ring.consumer(Start::Oldest)?;
    assert_eq!(rights()?, ["r--s", "r--s", "rw-s", "rw-s", "r--s"]);
    show("consumer", rights()?.each_ref().map(String::as_str));
    drop(consumer);

    let observer = ring.observer(Start::Oldest, Resume::OldestSafe)?;
    assert_eq!(rights()?, ["r--s"; 5]);
    show("observer", rights()?.each_ref().map(String::as_str));
    drop(observer);

    assert_eq!(rights()?, [""; 5]);
    println!("checked: each role may write its own sections and no other; the mappings end with the roles");
    Ok(())
}

/// The rights that this process has in each section of the ring: none in one that it doesn't map.
fn rights(path: &Path, geometry: &Geometry) -> Result<[String; 5], Box<dyn Error>> {
    let path = path.to_str().ok_or("a path of text")?;
    let mut found = [const { String::new() }; 5];
    for line in std::fs::read_to_string("/proc/self/maps")?.lines().filter(|line| line.ends_with(path)) {
        // Addresses, rights, and the offset in the file.
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights), Some(offset)) = (fields.next(), fields.next(), fields.next()) else {
            return Err("expected the fields of a mapping".into());
        };
        let (start, end) = range.split_once('-').ok_or("two ends")?;
        let offset = u64::from_str_radix(offset, 16)?;
        let mapped = offset..offset + u64::from_str_radix(end, 16)? - u64::from_str_radix(start, 16)?;
        let sections = [
            geometry.geometry_section(),
            geometry.producer_section(),
            geometry.hints_section(),
            geometry.consumers_section(),
            geometry.slots_section(),
        ];
        for (section, found) in sections.iter().zip(&mut found) {
            if mapped.contains(&section.offset) {
                assert!(mapped.end >= section.offset + section.length, "a section has one set of rights");
                rights.clone_into(found);
            }
        }
    }
    Ok(found)
}
