//! What a dead creator left at an offset of a file is told from everybody else's data, and it alone is cleared.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ringway_core::{GeometryError, Ring, Start};
use ringway_file::placement::{Lock, LockTable};
use ringway_file::{FileError, FileRing, OpenOptions};
use testkit::files::{names, next, small, vacant};

/// Where the dead creator wanted its ring, and how long the file was before.
const OFFSET: u64 = 64 << 10;
const BEFORE: u64 = 40_000;

fn at(offset: u64) -> OpenOptions {
    OpenOptions::new().offset(offset)
}

/// What a creator writes first: the header, but for its magic number; the file's length, and the offset.
fn note() -> Vec<u8> {
    let (_directory, path) = vacant();
    drop(at(0).create(&path, &small()).unwrap());
    let mut bytes = fs::read(&path).unwrap()[..384].to_vec();
    bytes[..8].copy_from_slice(b"RINGWAY?");
    bytes.extend((BEFORE + 1).to_ne_bytes());
    bytes.extend(OFFSET.to_ne_bytes());
    bytes
}

/// A file as a creator leaves it that dies when it has allocated everything: `note` at `offset`.
fn left(path: &Path, note: &[u8], offset: u64) -> File {
    let file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
    file.write_all_at(note, offset).unwrap();
    file.set_len(offset + small().footprint(4096).unwrap()).unwrap();
    file
}

fn works(ring: &FileRing) {
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    ring.producer().unwrap().publish(b"on").unwrap();
    assert_eq!(next(&mut consumer), b"on");
}

#[test]
fn an_unfinished_ring_says_what_it_is_and_is_made_anew() {
    let (_directory, path) = vacant();
    let file = left(&path, &note(), OFFSET);
    for error in [at(OFFSET).open(&path).unwrap_err(), at(OFFSET).open_read_only(&path).unwrap_err()] {
        let FileError::Geometry { error: GeometryError::Unfinished, .. } = error else { panic!("{error}") };
        assert!(error.to_string().contains("create it again"), "{error}");
    }
    works(&at(OFFSET).open_or_create(&path, &small()).unwrap());
    // Nothing of the note is left.
    let mut behind = [1; 4096 - 384];
    file.read_exact_at(&mut behind, OFFSET + 384).unwrap();
    assert!(behind.iter().all(|&byte| byte == 0));
}

#[test]
fn what_an_unfinished_ring_says_of_itself_is_true_without_an_offset() {
    // As `at(0).create` leaves it, in a new file or in an empty one.
    let mut note = note();
    note[384..392].copy_from_slice(&1_u64.to_ne_bytes());
    note[392..].fill(0);
    let (directory, path) = vacant();
    left(&path, &note, 0);
    for error in [ringway_file::open(&path).unwrap_err(), ringway_file::open_read_only(&path).unwrap_err()] {
        assert!(error.to_string().contains("or remove the file"), "{error}");
    }
    ringway_file::remove(&path).unwrap();
    assert!(names(&directory).is_empty());

    left(&path, &note, 0);
    works(&ringway_file::open_or_create(&path, &small()).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().len(), small().footprint(4096).unwrap());
    assert_eq!(names(&directory), ["ring"]);
    ringway_file::remove(&path).unwrap();

    // What else is there goes only if the file is to be removed.
    let file = left(&path, &note, 0);
    file.write_all_at(b"theirs", 5000).unwrap();
    let error = ringway_file::open_or_create(&path, &small()).unwrap_err();
    assert!(matches!(error, FileError::Geometry { error: GeometryError::Unfinished, .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap()[5000..5006], *b"theirs");
    ringway_file::remove(&path).unwrap();
    // At an offset, too; but a file that only looks like it stays.
    left(&path, &self::note(), OFFSET);
    ringway_file::remove(&path).unwrap();
    note[20] ^= 1;
    left(&path, &note, 0);
    assert!(matches!(ringway_file::remove(&path), Err(FileError::Geometry { .. })));
    assert!(matches!(ringway_file::open_or_create(&path, &small()), Err(FileError::Geometry { .. })));
    assert_eq!(names(&directory), ["ring"]);
}

#[test]
fn while_its_creator_lives_an_unfinished_ring_stays() {
    let mut note = note();
    note[384..].fill(0);
    let (directory, path) = vacant();
    let file = left(&path, &note, 0);
    let creator = LockTable::at(0);
    assert!(creator.try_lock(file.as_fd(), LockTable::CREATION, Lock::Write).unwrap());
    assert!(matches!(ringway_file::remove(&path), Err(FileError::BeingCreated { .. })));
    assert!(matches!(ringway_file::open_or_create(&path, &small()), Err(FileError::BeingCreated { .. })));
    assert_eq!(names(&directory), ["ring"]);
}

/// How often this thread has read from a file.
fn reads() -> Option<u64> {
    let io = fs::read_to_string("/proc/thread-self/io").ok()?;
    io.lines().find_map(|line| line.strip_prefix("syscr: "))?.parse().ok()
}

#[test]
fn creating_at_an_offset_walks_the_file_once() {
    const PAGES: u64 = 2000;
    let (_directory, path) = vacant();
    fs::write(&path, vec![1; PAGES as usize * 4096]).unwrap();
    let Some(before) = reads() else {
        println!("skipped: the kernel doesn't count reads (/proc/thread-self/io)");
        return;
    };
    let _ring = at(PAGES * 4096).create(&path, &small()).unwrap();
    let reads = reads().unwrap() - before;
    // Each page may start a ring.
    assert!((PAGES..PAGES + 100).contains(&reads), "{reads} reads for {PAGES} pages");
}

#[test]
fn a_ring_is_finished_once_it_says_so_whatever_is_left_of_the_note() {
    // Its creator died between the magic number and clearing the note behind the header.
    for words in 0..2 {
        let (_directory, path) = vacant();
        let mut note = note();
        note[..8].copy_from_slice(b"RINGWAY\0");
        note[384..384 + 8 * words].fill(0);
        let file = left(&path, &note, OFFSET);
        works(&at(OFFSET).open(&path).unwrap());
        // Others create in the file, and leave it alone.
        let end = OFFSET + small().footprint(4096).unwrap();
        works(&at(end).create(&path, &small()).unwrap());
        works(&at(OFFSET).open_or_create(&path, &small()).unwrap());
        assert_eq!(file.metadata().unwrap().len(), 2 * end - OFFSET);
    }
}

#[test]
fn whoever_creates_in_the_file_gives_back_what_it_was_extended_by() {
    let end = OFFSET + small().footprint(4096).unwrap();
    // Before it was allocated, with a part of it, and with all.
    for reached in [OFFSET + 400, OFFSET + 8192, end] {
        let (_directory, path) = vacant();
        let file = left(&path, &note(), OFFSET);
        file.set_len(reached).unwrap();
        works(&at(0).create(&path, &small()).unwrap());
        assert_eq!(file.metadata().unwrap().len(), BEFORE);
        assert!(matches!(
            at(OFFSET).open(&path),
            Err(FileError::Geometry { error: GeometryError::TooShort { .. }, .. })
        ));
    }
}

#[test]
fn what_somebody_wrote_there_since_is_kept() {
    let (_directory, path) = vacant();
    let end = OFFSET + small().footprint(4096).unwrap();
    // In the place, behind it, and before it where the file was extended.
    for theirs in [OFFSET + 400, OFFSET + 5000, end - 1, end, end + 100_000, BEFORE, OFFSET - 1] {
        let _ = fs::remove_file(&path);
        let file = left(&path, &note(), OFFSET);
        file.write_all_at(b"!", theirs).unwrap();
        let length = file.metadata().unwrap().len();
        let made = at(OFFSET).create(&path, &small());
        if (OFFSET..end).contains(&theirs) {
            assert!(matches!(made, Err(FileError::NotEmpty { at, .. }) if at == theirs), "{made:?}");
            // The note is gone, nothing else.
            let bytes = fs::read(&path).unwrap();
            assert!(bytes.iter().enumerate().all(|(at, &byte)| byte == 0 || at as u64 == theirs));
        } else {
            works(&made.unwrap());
        }
        assert_eq!(file.metadata().unwrap().len(), length);
        let mut byte = [0];
        file.read_exact_at(&mut byte, theirs).unwrap();
        assert_eq!(&byte, b"!");
    }
}

#[test]
fn a_copy_elsewhere_is_somebodys_data() {
    let (_directory, path) = vacant();
    let _file = left(&path, &note(), 2 * OFFSET);
    let before = fs::read(&path).unwrap();
    let made = at(2 * OFFSET).create(&path, &small());
    assert!(matches!(made, Err(FileError::NotEmpty { at, .. }) if at == 2 * OFFSET), "{made:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_only_looks_like_it_is_somebodys_data() {
    let note = note();
    for byte in 0..384 {
        let (_directory, path) = vacant();
        let mut changed = note.clone();
        changed[byte] ^= 1;
        let _file = left(&path, &changed, OFFSET);
        let before = fs::read(&path).unwrap();
        let made = at(OFFSET).create(&path, &small());
        assert!(matches!(made, Err(FileError::NotEmpty { .. })), "byte {byte}: {made:?}");
        assert!(fs::read(&path).unwrap() == before, "byte {byte}");
    }
}

#[test]
fn a_ring_whose_messages_look_like_it_is_kept() {
    let (_directory, path) = vacant();
    let ring = at(0).create(&path, &small().payload_capacity(8192)).unwrap();
    // A payload starts 16 bytes into its slot, which starts at a page: the note is at a page, too, and says so.
    let slots = ring.geometry().slots_section().offset;
    let mut note = note();
    note[392..].copy_from_slice(&(slots + 4096).to_ne_bytes());
    let message = [vec![0; 4096 - 16], note].concat();
    ring.producer().unwrap().publish(&message).unwrap();
    let end = ring.geometry().total_length();
    at(end).create(&path, &small()).unwrap();
    assert_eq!(next(&mut ring.consumer(Start::Oldest).unwrap()), message);
}
