//! `madvise`: what the kernel is told about a mapping, and what it has noted of it (`VmFlags` in smaps).
//!
//! `OpenOptions::advice` passes the advice on for each role's mapping: how far to read ahead in a ring that lies
//! on a disk, or to use huge pages. Ringway itself advises against inheriting a role's mapping in a forked child
//! (`dc`), and against dumping it in a core file (`dd`).
//! The danger: advice is a hint. It changes no result, and may change nothing at all: measure.
//! `cargo run --example access_advice`

use std::error::Error;
use std::path::Path;

use ringway::file::{Advice, OpenOptions, create};
use ringway::{Config, Resume, Ring, Start};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let path = directory.path().join("ring");
    create(&path, &Config::new())?;

    for (advice, noted) in [(Advice::Sequential, "sr"), (Advice::Random, "rr"), (Advice::Normal, "")] {
        let ring = OpenOptions::new().advice(advice).open_read_only(&path)?;
        let observer = ring.observer(Start::Oldest, Resume::OldestSafe)?;
        let mappings = flags(&path)?;
        println!("{advice:?}: {mappings:?}");
        assert!(!mappings.is_empty());
        for flags in &mappings {
            for read_ahead in ["sr", "rr"] {
                assert_eq!(flags.iter().any(|flag| flag == read_ahead), noted == read_ahead, "{advice:?}");
            }
            for always in ["dc", "dd"] {
                assert!(flags.iter().any(|flag| flag == always), "a role's mapping has {always}");
            }
        }
        drop(observer);
    }
    assert!(flags(&path)?.is_empty());
    println!(
        "checked: the kernel has noted each advice, and that no child or core dump gets a role's mapping"
    );
    Ok(())
}

/// The kernel's flags of each of this process's mappings of the file.
fn flags(path: &Path) -> Result<Vec<Vec<String>>, Box<dyn Error>> {
    let path = path.to_str().ok_or("a path of text")?;
    let (mut all, mut of_the_file) = (Vec::new(), false);
    for line in std::fs::read_to_string("/proc/self/smaps")?.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("VmFlags:") if of_the_file => all.push(words.map(String::from).collect()),
            // A mapping's first line starts with its addresses, all others with a name.
            Some(first) if !first.ends_with(':') => of_the_file = line.ends_with(path),
            _ => {}
        }
    }
    Ok(all)
}
