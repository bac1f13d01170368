//! File systems that copy on write, and others that are full in their own ways, in images and on tmpfs. Each
//! test runs in a process of its own; what the machine doesn't permit is said and skipped.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use nix::mount::MsFlags;
use ringway_core::{Config, PublishError, Resume, Ring, Start};
use ringway_file::{FileError, Flush, OpenOptions, guard_truncation};
use tempfile::TempDir;
use testkit::child::child;
use testkit::files::{names, next, small, vacant};
use testkit::harness::run_alone;
use testkit::image::{BTRFS, XFS, done, fill, on_an_image};
use testkit::mounts::{mount, own_mounts};

fn main() {
    run_alone(&[
        ("btrfs_is_refused_unless_it_is_allowed", btrfs_is_refused_unless_it_is_allowed),
        ("xfs_with_reflinks_is_refused_unless_it_is_allowed", xfs_with_reflinks_is_refused),
        ("xfs_without_reflinks_keeps_the_promise", xfs_without_reflinks_keeps_the_promise),
        ("a_file_system_without_inodes_left_has_no_space", a_file_system_without_inodes_left_has_no_space),
        ("under_the_guard_a_full_btrfs_is_an_error", under_the_guard_a_full_btrfs_is_an_error),
        ("under_the_guard_a_full_xfs_with_a_reflink_is_an_error", a_full_xfs_with_a_reflink_is_an_error),
        ("a_new_ring_on_btrfs_is_marked_as_overwritten_in_place", a_new_ring_on_btrfs_is_marked),
    ]);
}

fn allowed() -> OpenOptions {
    OpenOptions::new().allow_copy_on_write(true)
}

/// What a file system that copies on write refuses, and what it lets through.
fn refused_unless_allowed(directory: &TempDir, path: &Path) {
    let empty = path.with_file_name("empty");
    File::create(&empty).unwrap();
    let plain = OpenOptions::new();
    let refuse = |refused: Result<(), FileError>| {
        let error = refused.unwrap_err();
        assert!(matches!(error, FileError::CopyOnWrite { .. }), "{error}");
        for part in ["SIGBUS", "/dev/shm", "memfd", "allow_copy_on_write"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    };
    refuse(plain.create(path, &small()).map(drop));
    refuse(plain.open_or_create(path, &small()).map(drop));
    refuse(plain.clone().offset(4096).create(path, &small()).map(drop));
    refuse(plain.clone().offset(0).create(&empty, &small()).map(drop));
    refuse(plain.clone().offset(0).open_or_create(&empty, &small()).map(drop));
    assert_eq!(names(directory), ["empty"]);
    assert_eq!(fs::metadata(&empty).unwrap().len(), 0);

    let ring = allowed().create(path, &small()).unwrap();
    ring.producer().unwrap().publish(b"seen").unwrap();
    refuse(plain.open(path).map(drop));
    refuse(plain.open_or_create(path, &small()).map(drop));
    // Reading and removing take no space.
    let view = plain.open_read_only(path).unwrap();
    let mut observer = view.observer(Start::Oldest, Resume::Latest).unwrap();
    assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"seen");
    let mut consumer = allowed().open(path).unwrap().consumer(Start::Oldest).unwrap();
    assert_eq!(next(&mut consumer), b"seen");
    drop(allowed().offset(0).create(&empty, &small()).unwrap().producer().unwrap());
    drop((ring, view, observer, consumer));
    ringway_file::remove(path).unwrap();
    assert_eq!(names(directory), ["empty"]);
}

fn btrfs_is_refused_unless_it_is_allowed() {
    on_an_image(BTRFS, &[], refused_unless_allowed);
}

fn xfs_with_reflinks_is_refused() {
    on_an_image(XFS, &["-m", "reflink=1"], refused_unless_allowed);
}

/// Messages of pages, as many laps of them as it takes to change every page again.
fn pages() -> Config {
    Config::new().slots(64).payload_capacity(4000).max_consumers(1)
}

fn xfs_without_reflinks_keeps_the_promise() {
    on_an_image(XFS, &["-m", "reflink=0"], |directory, path| {
        let ring = ringway_file::create(path, &pages()).unwrap();
        let mut producer = ring.producer().unwrap();
        producer.publish(b"before").unwrap();
        ring.flush(Flush::Sync).unwrap();
        fill(directory.path());
        for lap in 0..256_u32 {
            producer.publish(&lap.to_ne_bytes().repeat(1000)).unwrap();
        }
        ring.flush(Flush::Sync).unwrap();
        // Nor is there room for another ring.
        let another = path.with_file_name("another");
        for options in [OpenOptions::new(), OpenOptions::new().offset(0)] {
            let error = options.create(&another, &small()).unwrap_err();
            assert!(matches!(error, FileError::NoSpace { .. }), "{error:?}");
            assert_eq!(names(directory), ["filler", "ring"]);
        }
        drop((ring, producer));
        ringway_file::remove(path).unwrap();
    });
}

fn a_file_system_without_inodes_left_has_no_space() {
    let (directory, path) = vacant();
    child(|| {
        if !own_mounts() || !mount("tmpfs", directory.path(), MsFlags::empty(), "size=1m,nr_inodes=2") {
            return;
        }
        let ring = ringway_file::create(&path, &small()).unwrap();
        let another = path.with_file_name("another");
        for refused in [
            ringway_file::create(&another, &small()),
            ringway_file::open_or_create(&another, &small()),
            OpenOptions::new().offset(0).create(&another, &small()),
        ] {
            let error = refused.unwrap_err();
            assert!(matches!(error, FileError::NoSpace { .. }), "{error:?}");
            assert!(error.to_string().contains("`df -i`"), "{error}");
        }
        assert_eq!(names(&directory), ["ring"]);
        drop(ring);
        ringway_file::remove(&path).unwrap();
    })
    .succeed();
}

/// Publishes to a ring whose pages are on disk and to be copied, once there is no space left.
fn told_once_full(directory: &TempDir, path: &Path, share: impl FnOnce() -> bool) {
    guard_truncation().unwrap();
    // In an existing file, which isn't marked.
    File::create(path).unwrap();
    let ring = allowed().offset(0).create(path, &pages()).unwrap();
    let mut producer = ring.producer().unwrap();
    for lap in 0..64_u32 {
        producer.publish(&lap.to_ne_bytes().repeat(1000)).unwrap();
    }
    ring.flush(Flush::Sync).unwrap();
    if !share() {
        return;
    }
    fill(directory.path());
    let told = (0..256_u32).find_map(|lap| producer.publish(&lap.to_ne_bytes().repeat(1000)).err());
    let told = told.expect("an error where there is no space for a copy");
    assert!(matches!(told, PublishError::Truncated(_)), "{told:?}");
    assert!(told.to_string().contains("copies on write (btrfs, XFS after a reflink) and is full"), "{told}");
    // With space again, the ring is as it was.
    drop(producer);
    fs::remove_file(directory.path().join("filler")).unwrap();
    nix::unistd::sync();
    let mut producer = ring.producer().unwrap();
    for lap in 0..256_u32 {
        producer.publish(&lap.to_ne_bytes().repeat(1000)).unwrap();
    }
}

fn under_the_guard_a_full_btrfs_is_an_error() {
    on_an_image(BTRFS, &[], |directory, path| told_once_full(directory, path, || true));
}

fn a_full_xfs_with_a_reflink_is_an_error() {
    on_an_image(XFS, &["-m", "reflink=1"], |directory, path| {
        told_once_full(directory, path, || {
            let mut copy = Command::new("cp");
            copy.arg("--reflink=always").arg(path).arg(path.with_file_name("copy"));
            done(copy)
        });
    });
}

fn a_new_ring_on_btrfs_is_marked() {
    on_an_image(BTRFS, &[], |_, path| {
        drop(allowed().create(path, &small()).unwrap());
        let Ok(shown) = Command::new("lsattr").arg(path).output() else {
            return println!("skipped: lsattr, of e2fsprogs, can't be run");
        };
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.split(' ').next().unwrap().contains('C'), "{shown}");
    });
}
