//! A ring that isn't there yet is waited for, however it comes, and nothing else is. Each test runs in a process of its
//! own; what the machine doesn't permit is said and skipped.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::mount::MsFlags;
use nix::unistd::Pid;
use ringway_core::{GeometryError, Outcome, Ring, Start};
use ringway_file::{FileError, FileRing, OpenOptions, wait_for};
use testkit::PATIENCE;
use testkit::child::child;
use testkit::denial::deny_with;
use testkit::files::{names, small, vacant};
use testkit::harness::run_alone;
use testkit::header::move_to_another_boot;
use testkit::mounts::{mount, own_mounts};
use testkit::users::{OWNER, shared, user};

fn main() {
    run_alone(&[
        ("a_ring_that_is_there_is_opened_at_once", a_ring_that_is_there_is_opened_at_once),
        ("a_ring_that_is_made_or_moved_there_is_found", a_ring_that_is_made_or_moved_there_is_found),
        ("a_ring_is_found_in_directories_that_come_later", a_ring_is_found_in_directories_that_come_later),
        ("a_ring_is_found_where_directories_are_replaced", a_ring_is_found_where_directories_are_replaced),
        ("a_ring_is_found_behind_links_that_are_replaced", a_ring_is_found_behind_links_that_are_replaced),
        ("a_ring_made_within_a_file_is_found", a_ring_made_within_a_file_is_found),
        ("a_ring_of_an_earlier_boot_is_to_be_made_anew", a_ring_of_an_earlier_boot_is_to_be_made_anew),
        ("a_ring_on_a_file_system_that_is_mounted_later_is_found", a_ring_on_a_later_mount_is_found),
        ("what_can_be_no_ring_ends_the_wait_at_once", what_can_be_no_ring_ends_the_wait_at_once),
        ("the_time_is_up_and_says_what_was_found", the_time_is_up_and_says_what_was_found),
        ("without_watches_a_ring_is_found_all_the_same", without_watches_a_ring_is_found_all_the_same),
        ("a_directory_that_cannot_be_read_hides_no_ring", a_directory_that_cannot_be_read_hides_no_ring),
        ("a_relative_path_means_what_it_meant_at_the_call", a_relative_path_means_what_it_meant_at_the_call),
        ("the_first_programs_work_in_either_order", the_first_programs_work_in_either_order),
    ]);
}

/// Waits in `child` until the ring comes that `make` makes once the child sleeps, or is about to.
fn finds(wait: impl FnOnce() -> Result<FileRing, FileError>, make: impl FnOnce()) {
    let waiting = child(|| {
        let began = Instant::now();
        drop(wait().unwrap().producer().unwrap());
        // The last look is when the time is up: a ring that was found then was missed.
        assert!(began.elapsed() < PATIENCE);
    });
    until_asleep(waiting.pid());
    make();
    waiting.succeed();
}

fn until_asleep(pid: Pid) {
    let sleeps = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
    };
    while !sleeps() {
        std::thread::yield_now();
    }
}

fn finds_at(path: &Path, make: impl FnOnce()) {
    finds(|| wait_for(path, PATIENCE), make);
}

fn make(path: &Path) {
    drop(ringway_file::create(path, &small()).unwrap());
}

fn a_ring_that_is_there_is_opened_at_once() {
    let (_directory, path) = vacant();
    let made = ringway_file::create(&path, &small()).unwrap();
    let found = wait_for(&path, Duration::ZERO).unwrap();
    assert_eq!(found.geometry().ring_id(), made.geometry().ring_id());
    assert_eq!(found.path(), path);
    assert!(OpenOptions::new().wait_for_read_only(&path, Duration::MAX).unwrap().is_read_only());
}

fn a_ring_that_is_made_or_moved_there_is_found() {
    let (directory, path) = vacant();
    finds_at(&path, || make(&path));
    fs::remove_file(&path).unwrap();
    let elsewhere = directory.path().join("elsewhere");
    make(&elsewhere);
    finds_at(&path, || fs::rename(&elsewhere, &path).unwrap());
    fs::remove_file(&path).unwrap();
    // In a directory where much else happens.
    finds_at(&path, || {
        for _ in 0..100 {
            File::create(&elsewhere).unwrap();
            fs::remove_file(&elsewhere).unwrap();
        }
        make(&path);
    });
}

fn a_ring_is_found_in_directories_that_come_later() {
    let (directory, _) = vacant();
    let path = directory.path().join("one/two/three/ring");
    finds_at(&path, || {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        make(&path);
    });
    // All of them at once, with the ring in them.
    let ready = directory.path().join("ready");
    fs::rename(directory.path().join("one"), &ready).unwrap();
    finds_at(&path, || fs::rename(&ready, directory.path().join("one")).unwrap());
}

fn a_ring_is_found_where_directories_are_replaced() {
    let (directory, _) = vacant();
    let top = directory.path().join("top");
    let path = top.join("inner/ring");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    finds_at(&path, || {
        fs::remove_dir_all(&top).unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        make(&path);
    });
    fs::remove_file(&path).unwrap();
    let other = directory.path().join("other");
    fs::create_dir_all(other.join("inner")).unwrap();
    make(&other.join("inner/ring"));
    finds_at(&path, || {
        fs::rename(&top, directory.path().join("away")).unwrap();
        fs::rename(&other, &top).unwrap();
    });
}

fn a_ring_is_found_behind_links_that_are_replaced() {
    let (directory, _) = vacant();
    let [link, target, next] = ["link", "target", "next"].map(|name| directory.path().join(name));
    let path = link.join("ring");
    symlink("target", &link).unwrap();
    finds_at(&path, || {
        fs::create_dir(&target).unwrap();
        make(&target.join("ring"));
    });
    fs::remove_file(&path).unwrap();
    let ready = directory.path().join("ready");
    fs::create_dir(&ready).unwrap();
    make(&ready.join("ring"));
    finds_at(&path, || {
        symlink(&ready, &next).unwrap();
        fs::rename(&next, &link).unwrap();
    });
}

fn a_ring_made_within_a_file_is_found() {
    let (_directory, path) = vacant();
    let at = OpenOptions::new().offset(1 << 16);
    let create = || drop(at.create(&path, &small()).unwrap());
    finds(|| at.wait_for(&path, PATIENCE), create);
    for length in [0, 1 << 16, 1 << 20] {
        File::create(&path).unwrap().set_len(length).unwrap();
        finds(|| at.wait_for(&path, PATIENCE), create);
    }
}

fn a_ring_of_an_earlier_boot_is_to_be_made_anew() {
    let (_directory, path) = vacant();
    make(&path);
    move_to_another_boot(&path);
    finds_at(&path, || {
        ringway_file::remove(&path).unwrap();
        make(&path);
    });
}

fn a_ring_on_a_later_mount_is_found() {
    let (directory, path) = vacant();
    child(|| {
        if own_mounts() {
            finds_at(&path, || {
                mount("tmpfs", directory.path(), MsFlags::empty(), "size=1m");
                make(&path);
            });
        }
    })
    .succeed();
}

fn what_can_be_no_ring_ends_the_wait_at_once() {
    let (directory, path) = vacant();
    let ends = |path: &Path| wait_for(path, Duration::MAX).unwrap_err();
    assert!(matches!(ends(directory.path()), FileError::Directory { .. }));
    assert!(matches!(ends(&directory.path().join("..")), FileError::NoFileName { .. }));
    for bytes in [vec![], vec![0; 1 << 16], b"something else".repeat(1000)] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(ends(&path), FileError::Geometry { .. }));
        assert!(matches!(ends(&path.join("ring")), FileError::Os { .. }));
    }
    let at = OpenOptions::new().offset(4096);
    assert!(matches!(at.wait_for(&path, Duration::MAX).unwrap_err(), FileError::Geometry { .. }));
    fs::remove_file(&path).unwrap();
    symlink("none", &path).unwrap();
    assert!(matches!(ends(&path), FileError::Symlink { .. }));
    // While it waits, too.
    fs::remove_file(&path).unwrap();
    let waiting = child(|| assert!(matches!(ends(&path), FileError::Directory { .. })));
    until_asleep(waiting.pid());
    fs::create_dir(&path).unwrap();
    waiting.succeed();
}

fn the_time_is_up_and_says_what_was_found() {
    let (directory, path) = vacant();
    let brief = Duration::from_millis(5);
    let found = |error| match error {
        FileError::TimedOut { timeout, found } => {
            assert_eq!(timeout, brief);
            *found
        }
        other => panic!("{other}"),
    };
    let error = wait_for(&path, brief).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("within 5ms") && text.contains("no such file"), "{text}");
    assert!(matches!(found(error), FileError::NotFound { .. }));
    assert!(names(&directory).is_empty());
    let at = OpenOptions::new().offset(4096);
    fs::write(&path, "").unwrap();
    let error = found(at.wait_for(&path, brief).unwrap_err());
    let FileError::Geometry { error: GeometryError::TooShort { .. }, .. } = error else { panic!("{error}") };
    fs::remove_file(&path).unwrap();
    make(&path);
    move_to_another_boot(&path);
    assert!(matches!(found(wait_for(&path, brief).unwrap_err()), FileError::OtherBoot { .. }));
}

fn without_watches_a_ring_is_found_all_the_same() {
    for call in [libc::SYS_inotify_init1, libc::SYS_inotify_add_watch] {
        let (_directory, path) = vacant();
        let wait = || {
            deny_with(call, libc::ENOSPC);
            wait_for(&path, PATIENCE)
        };
        finds(wait, || make(&path));
    }
}

fn a_directory_that_cannot_be_read_hides_no_ring() {
    let Some((directory, path)) = shared() else { return };
    // To be entered, and not to be watched.
    fs::set_permissions(directory.path(), Permissions::from_mode(0o711)).unwrap();
    let waiting = user(OWNER, || {
        let began = Instant::now();
        drop(OpenOptions::new().wait_for_read_only(&path, PATIENCE).unwrap());
        assert!(began.elapsed() < PATIENCE);
    });
    until_asleep(waiting.pid());
    drop(OpenOptions::new().mode(0o644).create(&path, &small()).unwrap());
    waiting.succeed();
}

fn a_relative_path_means_what_it_meant_at_the_call() {
    let (directory, path) = vacant();
    std::env::set_current_dir(directory.path()).unwrap();
    finds_at(Path::new("ring"), || make(&path));
    assert_eq!(wait_for("ring", Duration::ZERO).unwrap().path(), Path::new("ring"));
}

/// The programs of the README's start: one publishes and closes, the other reads to the end.
fn the_first_programs_work_in_either_order() {
    let (_directory, path) = vacant();
    let publish = || {
        let mut producer = ringway_file::open_or_create(&path, &small()).unwrap().producer().unwrap();
        producer.publish(b"EURUSD 1.0843").unwrap();
        producer.close().unwrap();
    };
    let read = || {
        let mut consumer = wait_for(&path, Duration::MAX).unwrap().consumer(Start::Oldest).unwrap();
        let mut read = Vec::new();
        loop {
            match consumer.recv().unwrap() {
                Outcome::Message(message) => read.push(message.to_vec()),
                Outcome::Closed => break,
                _ => {}
            }
        }
        assert_eq!(read, [b"EURUSD 1.0843"]);
    };
    let reader = child(read);
    until_asleep(reader.pid());
    publish();
    reader.succeed();
    fs::remove_file(&path).unwrap();
    publish();
    child(read).succeed();
}
