//! Creating replaces nothing, leaves nothing when it fails, and what is visible is complete.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};

use ringway_core::{GeometryError, Ring, Start};
use ringway_file::placement::{Lock, LockTable};
use ringway_file::{FileError, OpenOptions};
use testkit::files::{names, next, small, vacant};

fn at(offset: u64) -> OpenOptions {
    OpenOptions::new().offset(offset)
}

#[test]
fn nothing_that_exists_is_replaced() {
    let (directory, path) = vacant();
    fs::write(&path, "theirs").unwrap();
    assert!(matches!(ringway_file::create(&path, &small()), Err(FileError::AlreadyExists { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
    assert_eq!(names(&directory), ["ring"]);

    // A link to nowhere is something, too.
    let link = path.with_file_name("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    assert!(matches!(ringway_file::create(&link, &small()), Err(FileError::AlreadyExists { .. })));
}

#[test]
fn of_many_creators_one_succeeds() {
    let (directory, path) = vacant();
    let made: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| ringway_file::create(&path, &small()))).collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results
            .map(|result| match result {
                Ok(_) => 1,
                Err(FileError::AlreadyExists { .. }) => 0,
                Err(other) => panic!("{other}"),
            })
            .sum()
    });
    assert_eq!(made, 1);
    assert_eq!(names(&directory), ["ring"]);
}

#[test]
fn a_failed_creation_leaves_no_file() {
    let (directory, path) = vacant();
    let before = names(&directory);
    let impossible = small().slots(1 << 32).payload_capacity(1 << 20);
    let error = ringway_file::create(&path, &impossible).unwrap_err();
    assert!(matches!(error, FileError::NoSpace { .. } | FileError::Os { .. }), "{error}");
    assert!(matches!(
        ringway_file::create(&path, &small().slots(3)),
        Err(FileError::Geometry { error: GeometryError::Slots { found: 3 }, .. })
    ));
    assert!(matches!(at(100).create(&path, &small()), Err(FileError::UnalignedOffset { .. })));
    assert_eq!(names(&directory), before);
    let missing = path.join("missing/ring");
    assert!(matches!(ringway_file::create(missing, &small()), Err(FileError::NoDirectory { .. })));
}

#[test]
fn all_of_the_file_is_allocated() {
    let (_directory, path) = vacant();
    let length = ringway_file::create(&path, &small().slots(4096)).unwrap().geometry().total_length();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.len(), length);
    assert!(metadata.blocks() * 512 >= length, "{} blocks for {length} bytes", metadata.blocks());
}

#[test]
fn the_mode_is_what_was_asked_for() {
    let (_directory, path) = vacant();
    ringway_file::create(&path, &small()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    let shared = path.with_file_name("shared");
    OpenOptions::new().mode(0o666).create(&shared, &small()).unwrap();
    assert_eq!(fs::metadata(&shared).unwrap().mode() & 0o7777, 0o666);
}

#[test]
fn a_relative_path_without_directory_will_do() {
    let name = format!("ringway-test-{}", std::process::id());
    let ring = ringway_file::create(&name, &small()).unwrap();
    drop(ring.producer().unwrap());
    drop(ring);
    ringway_file::remove(&name).unwrap();
}

#[test]
fn a_path_that_names_no_file_is_refused_and_nothing_is_made() {
    let (directory, path) = vacant();
    fs::create_dir(directory.path().join("d")).unwrap();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let before = names(&directory);
    let within = |rest: &str| format!("{}/{rest}", directory.path().display());
    let new = ["one/", "one//", "one/.", "one/..", "one/./", "d/one/", "d/two/.", "d/", "d/.", ".", ".."];
    let there = ["ring/", "ring/.", "ring/.."];
    let paths = new.iter().chain(&there).map(|rest| within(rest));
    for path in paths.chain(["", ".", "..", "/", "./", "../.."].map(String::from)) {
        for refused in [
            ringway_file::create(&path, &small()).map(drop),
            at(0).create(&path, &small()).map(drop),
            ringway_file::open_or_create(&path, &small()).map(drop),
            at(0).open_or_create(&path, &small()).map(drop),
            ringway_file::open(&path).map(drop),
            ringway_file::open_read_only(&path).map(drop),
            ringway_file::remove(&path),
        ] {
            let error = refused.expect_err(&path);
            assert!(matches!(error, FileError::NoFileName { .. }), "{path}: {error}");
            assert!(error.to_string().contains("ends with the name of a file"), "{error}");
        }
    }
    assert_eq!(names(&directory), before);
    assert_eq!(fs::read_dir(directory.path().join("d")).unwrap().count(), 0);
    drop(ring.producer().unwrap());
    // Slashes and dots before the name are the kernel's to follow.
    drop(ringway_file::create(within("d/.././/d//one"), &small()).unwrap().producer().unwrap());
}

#[test]
fn rings_do_not_overlap() {
    let (_directory, path) = vacant();
    let first = at(8192).create(&path, &small()).unwrap();
    let length = first.geometry().total_length();
    for offset in [0, 4096, 8192, 8192 + 4096, 8192 + length - 4096] {
        match at(offset).create(&path, &small()) {
            Err(FileError::Overlap { other_offset: 8192, other_length, .. }) => {
                assert_eq!(other_length, length);
            }
            other => panic!("{offset}: {other:?}"),
        }
    }
    at(8192 + length).create(&path, &small()).unwrap();
    // The first one is as it was.
    assert_eq!(at(8192).open(&path).unwrap().geometry(), first.geometry());
}

#[test]
fn a_message_that_looks_like_a_ring_is_none() {
    let (_directory, path) = vacant();
    let ring = at(0).create(&path, &small().payload_capacity(8192)).unwrap();
    let header = fs::read(&path).unwrap()[..384].to_vec();
    // A payload starts 16 bytes into its slot: place the header at a page.
    let message = [vec![0; 4096 - 16], header].concat();
    ring.producer().unwrap().publish(&message).unwrap();
    let end = ring.geometry().total_length();
    at(end).create(&path, &small()).unwrap();
    assert_eq!(next(&mut ring.consumer(Start::Oldest).unwrap()), message);
}

#[test]
fn data_is_not_overwritten() {
    let (_directory, path) = vacant();
    let length = small().footprint(4096).unwrap();
    fs::write(&path, vec![0; 2 * length as usize]).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    for byte in [0, 1, length / 2, length - 1] {
        file.write_all_at(&[1], byte).unwrap();
        match at(0).create(&path, &small()) {
            Err(FileError::NotEmpty { at, .. }) => assert_eq!(at, byte),
            other => panic!("{other:?}"),
        }
        file.write_all_at(&[0], byte).unwrap();
    }
    // What lies behind the range doesn't matter.
    file.write_all_at(&[1], length).unwrap();
    at(0).create(&path, &small()).unwrap();
    assert_eq!(fs::read(&path).unwrap()[length as usize], 1);
    assert_eq!(fs::metadata(&path).unwrap().len(), 2 * length);
}

#[test]
fn a_ring_that_owns_its_file_shares_it_with_none() {
    let (_directory, path) = vacant();
    let length = ringway_file::create(&path, &small()).unwrap().geometry().total_length();
    assert!(matches!(at(length).create(&path, &small()), Err(FileError::WrongPlacement { .. })));
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
}

#[test]
fn a_new_file_can_start_with_room_for_something_else() {
    let (_directory, path) = vacant();
    let ring = at(1 << 20).create(&path, &small()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), (1 << 20) + ring.geometry().total_length());
    assert!(fs::metadata(&path).unwrap().blocks() * 512 < 1 << 20);
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(b"something else", 100).unwrap();
    drop(at(1 << 20).open(&path).unwrap().producer().unwrap());
}

#[test]
fn a_section_align_above_the_page_size_binds_the_offset() {
    let (_directory, path) = vacant();
    let config = small().section_align(65536);
    match at(4096).create(&path, &config) {
        Err(FileError::UnalignedOffset { offset: 4096, section_align: 65536, page_size: 4096, .. }) => {}
        other => panic!("{other:?}"),
    }
    at(65536).create(&path, &config).unwrap();
}

#[test]
fn who_creates_in_a_file_excludes_other_creators_and_openers_wait() {
    let (_directory, path) = vacant();
    let ring = at(0).create(&path, &small()).unwrap();
    let offset = 1 << 20;
    let creator = File::options().read(true).write(true).open(&path).unwrap();
    for origin in [0, offset] {
        let table = LockTable::at(origin);
        assert!(table.try_lock(creator.as_fd(), LockTable::CREATION, Lock::Write).unwrap());
        assert!(matches!(at(offset).create(&path, &small()), Err(FileError::BeingCreated { .. })));
        table.unlock(creator.as_fd(), LockTable::CREATION).unwrap();
    }
    // An opener waits for what isn't there yet, and for nothing else.
    assert!(LockTable::at(0).try_lock(creator.as_fd(), LockTable::CREATION, Lock::Write).unwrap());
    assert!(LockTable::at(offset).try_lock(creator.as_fd(), LockTable::CREATION, Lock::Write).unwrap());
    assert!(matches!(at(offset).open(&path), Err(FileError::BeingCreated { .. })));
    at(0).open(&path).unwrap();
    drop(ring);
    assert!(matches!(ringway_file::remove(&path), Err(FileError::BeingCreated { .. })));
}

#[test]
fn creators_at_overlapping_offsets_never_both_succeed() {
    for _ in 0..20 {
        let (_directory, path) = vacant();
        File::create(&path).unwrap();
        let made = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4_u64)
                .map(|page| {
                    let path = &path;
                    scope.spawn(move || at(page * 4096).create(path, &small()).is_ok())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|made| *made).count()
        });
        assert_eq!(made, 1);
    }
}
