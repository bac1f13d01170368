//! Small, read-only and layered file systems, other PID namespaces, no /proc. Each test runs in a process of
//! its own; what the machine doesn't permit is said and skipped.

use std::fs::{self, File};
use std::io::{PipeReader, Write, pipe};
use std::path::Path;

use nix::mount::MsFlags;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::WaitStatus;
use nix::unistd::getpid;
use ringway_core::{AttachError, Outcome, Resume, Ring, Start};
use ringway_file::{FileError, FileRing, OpenOptions};
use tempfile::TempDir;
use testkit::child::{Child, child, hear, tell, until_killed};
use testkit::files::{names, next, small, vacant};
use testkit::harness::run_alone;
use testkit::mounts::{mount, own_mounts};

fn main() {
    run_alone(&[
        ("a_ring_fits_a_small_file_system_or_is_refused", a_ring_fits_a_small_file_system_or_is_refused),
        ("a_full_file_system_faults_nobody", a_full_file_system_faults_nobody),
        ("at_an_offset_a_full_file_system_leaves_the_file_as_it_was", at_an_offset_of_a_full_file_system),
        ("a_read_only_mount_can_be_observed", a_read_only_mount_can_be_observed),
        ("a_ring_made_through_an_overlay_works", a_ring_made_through_an_overlay_works),
        ("a_ring_of_an_overlays_lower_layer", a_ring_of_an_overlays_lower_layer),
        ("pid_namespaces_change_nothing", pid_namespaces_change_nothing),
        ("without_proc_everything_says_so", without_proc_everything_says_so),
        ("in_a_chroot_without_proc_everything_says_so", in_a_chroot_without_proc_everything_says_so),
    ]);
}

fn at(offset: u64) -> OpenOptions {
    OpenOptions::new().offset(offset)
}

/// Runs `run` where the directory is a tmpfs that nobody else sees. Not in the process that removes the
/// directory, which couldn't remove what something is mounted on.
fn on_a_tmpfs(options: &str, run: impl FnOnce(&TempDir, &Path)) {
    let (directory, path) = vacant();
    child(|| {
        if own_mounts() && mount("tmpfs", directory.path(), MsFlags::empty(), options) {
            run(&directory, &path);
        }
    })
    .succeed();
}

/// A file system of 16 pages.
const SMALL: &str = "size=64k";

/// Three laps of messages, and an observer.
fn works(ring: &FileRing) {
    let mut consumer = ring.consumer(Start::Latest).unwrap();
    let mut observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    let mut producer = ring.producer().unwrap();
    for number in 0..24_u8 {
        producer.publish(&[number; 48]).unwrap();
        while !matches!(consumer.try_recv().unwrap(), Outcome::Message(message) if *message == [number; 48]) {
        }
        while !matches!(observer.try_recv().unwrap(), Outcome::Message(message) if *message == [number; 48]) {
        }
    }
}

fn a_ring_fits_a_small_file_system_or_is_refused() {
    on_a_tmpfs(SMALL, |directory, path| {
        // A file system of 16 pages, and rings of four and as many as the slots take.
        for slots in [8, 64, 256, 512, 1024, 4096, 1 << 20] {
            let config = small().slots(slots);
            let length = config.footprint(4096).unwrap();
            match ringway_file::create(path, &config) {
                Ok(ring) => {
                    assert!(length <= 64 << 10);
                    works(&ring);
                    drop(ring);
                    ringway_file::remove(path).unwrap();
                }
                Err(FileError::NoSpace { needed, .. }) => {
                    assert!(length > 64 << 10, "{length} bytes would fit");
                    assert_eq!(needed, length);
                }
                Err(other) => panic!("{other}"),
            }
            assert!(names(directory).is_empty());
        }
    });
}

fn a_full_file_system_faults_nobody() {
    on_a_tmpfs(SMALL, |directory, path| {
        let ring = ringway_file::create(path, &small()).unwrap();
        let mut filler = File::create(path.with_file_name("filler")).unwrap();
        while filler.write_all(&[1; 4096]).is_ok() {}
        works(&ring);
        works(&ringway_file::open(path).unwrap());
        let another = path.with_file_name("another");
        for offset in [None, Some(0), Some(1 << 20)] {
            let options = offset.map_or_else(OpenOptions::new, at);
            let error = options.create(&another, &small()).unwrap_err();
            assert!(matches!(error, FileError::NoSpace { .. }), "{error}");
        }
        assert_eq!(names(directory), ["filler", "ring"]);
        // Removing takes no space.
        drop(ring);
        ringway_file::remove(path).unwrap();
        assert_eq!(names(directory), ["filler"]);
    });
}

fn at_an_offset_of_a_full_file_system() {
    on_a_tmpfs(SMALL, |_, path| {
        // Holes: the place is free, but there is nothing behind it.
        let file = File::create(path).unwrap();
        file.set_len(1 << 20).unwrap();
        let mut filler = File::create(path.with_file_name("filler")).unwrap();
        while filler.write_all(&[1; 4096]).is_ok() {}
        for offset in [0, 64 << 10, 1 << 20, 1 << 30] {
            let error = at(offset).create(path, &small()).unwrap_err();
            assert!(matches!(error, FileError::NoSpace { .. }), "{error}");
            assert_eq!(fs::metadata(path).unwrap().len(), 1 << 20);
        }
        assert!(fs::read(path).unwrap().iter().all(|&byte| byte == 0));
        // With room for some of it, not for all.
        filler.set_len(filler.metadata().unwrap().len() - 8192).unwrap();
        let error = at(64 << 10).create(path, &small()).unwrap_err();
        assert!(matches!(error, FileError::NoSpace { .. }), "{error}");
        assert!(fs::read(path).unwrap().iter().all(|&byte| byte == 0));
        filler.set_len(0).unwrap();
        works(&at(64 << 10).create(path, &small()).unwrap());
    });
}

fn a_read_only_mount_can_be_observed() {
    on_a_tmpfs(SMALL, |directory, path| {
        let ring = ringway_file::create(path, &small()).unwrap();
        ring.producer().unwrap().publish(b"before").unwrap();
        drop(ring);
        if !mount("tmpfs", directory.path(), MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, SMALL) {
            return;
        }
        let new = path.with_file_name("new");
        for refused in [
            ringway_file::create(&new, &small()).map(drop),
            ringway_file::open_or_create(&new, &small()).map(drop),
            at(1 << 20).create(&new, &small()).map(drop),
            at(1 << 20).create(path, &small()).map(drop),
            ringway_file::open(path).map(drop),
            ringway_file::open_or_create(path, &small()).map(drop),
            ringway_file::remove(path),
        ] {
            let error = refused.unwrap_err();
            assert!(matches!(error, FileError::ReadOnlyFilesystem { .. }), "{error}");
        }
        assert!(matches!(ringway_file::create(path, &small()), Err(FileError::AlreadyExists { .. })));
        let view = ringway_file::open_read_only(path).unwrap();
        let mut observer = view.observer(Start::Oldest, Resume::Latest).unwrap();
        assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"before");
        assert!(!observer.producer_alive().unwrap());
        assert!(matches!(view.producer(), Err(AttachError::ReadOnly { .. })));
        assert_eq!(names(directory), ["ring"]);
    });
}

/// Runs `run` with the lower layer of an overlay, in which there is a ring, and with where it is mounted.
fn on_an_overlay(run: impl FnOnce(&Path, &Path)) {
    // Layers on a tmpfs: not every file system can be one.
    on_a_tmpfs("size=1m", |directory, _| {
        let [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map(|name| {
            let layer = directory.path().join(name);
            fs::create_dir(&layer).unwrap();
            layer
        });
        let below = lower.join("ring");
        ringway_file::create(&below, &small()).unwrap().producer().unwrap().publish(b"below").unwrap();
        let options =
            format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
        if mount("overlay", &merged, MsFlags::empty(), &options) {
            run(&lower, &merged);
        }
    });
}

fn a_ring_made_through_an_overlay_works() {
    on_an_overlay(|_, merged| {
        let path = merged.join("new");
        let ring = ringway_file::create(&path, &small()).unwrap();
        works(&ring);
        works(&ringway_file::open(&path).unwrap());
        let view = ringway_file::open_read_only(&path).unwrap();
        let mut observer = view.observer(Start::Latest, Resume::Latest).unwrap();
        let mut producer = ring.producer().unwrap();
        producer.publish(b"seen").unwrap();
        while !matches!(observer.try_recv().unwrap(), Outcome::Message(message) if &*message == b"seen") {}
        assert!(observer.producer_alive().unwrap());
        assert!(matches!(ringway_file::remove(&path), Err(FileError::InUse { .. })));
        drop((view, observer, producer, ring));
        ringway_file::remove(&path).unwrap();
        let left: Vec<_> = fs::read_dir(merged).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["ring"]);
    });
}

fn a_ring_of_an_overlays_lower_layer() {
    on_an_overlay(|lower, merged| {
        let path = merged.join("ring");
        // An opening for reading gets the lower layer's file.
        let early = ringway_file::open_read_only(&path).unwrap();
        let mut before = early.observer(Start::Oldest, Resume::Latest).unwrap();
        assert_eq!(&*before.try_recv().unwrap().into_message().unwrap(), b"below");
        // An opening for writing has it copied up: another file from then on, a ring of its own.
        let ring = ringway_file::open(&path).unwrap();
        works(&ring);
        let view = ringway_file::open_read_only(&path).unwrap();
        let mut observer = view.observer(Start::Latest, Resume::Latest).unwrap();
        ring.producer().unwrap().publish(b"above").unwrap();
        while !matches!(observer.try_recv().unwrap(), Outcome::Message(message) if &*message == b"above") {}
        // New roles are of the copy; an observer from before stays where it was, and sees nothing of it.
        match early.observer(Start::Oldest, Resume::Latest) {
            Ok(later) => assert_eq!(later.head().unwrap(), observer.head().unwrap()),
            Err(error) => assert!(matches!(error, AttachError::Replaced { .. }), "{error}"),
        }
        assert!(matches!(before.try_recv().unwrap(), Outcome::Empty));
        let below = ringway_file::open_read_only(lower.join("ring")).unwrap();
        let mut observer = below.observer(Start::Oldest, Resume::Latest).unwrap();
        assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"below");
        assert!(matches!(observer.try_recv().unwrap(), Outcome::Empty));
    });
}

/// A child that waits for the first process of a PID namespace of its own, or kills it when told to.
fn in_own_pid_namespace(run: impl FnOnce(), mut kill: Option<PipeReader>) -> Child {
    child(|| {
        unshare(CloneFlags::CLONE_NEWPID).unwrap();
        let first = child(|| {
            // It ignores its own SIGALRM.
            nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL).unwrap();
            assert_eq!(getpid().as_raw(), 1);
            run();
        });
        match &mut kill {
            Some(order) => {
                hear(order);
                first.kill();
            }
            None => first.succeed(),
        }
    })
}

fn pid_namespaces_change_nothing() {
    let permitted = child(|| unshare(CloneFlags::CLONE_NEWPID).expect("permission")).join();
    if !matches!(permitted, WaitStatus::Exited(_, 0)) {
        println!("skipped: no PID namespace");
        return;
    }
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small().max_consumers(1)).unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let (mut ready, mut producer_ready) = pipe().unwrap();
    let (order, mut kill) = pipe().unwrap();
    let first = in_own_pid_namespace(
        || {
            let mut producer = ringway_file::open(&path).unwrap().producer().unwrap();
            producer.publish(b"first").unwrap();
            tell(&mut producer_ready);
            until_killed();
        },
        Some(order),
    );
    hear(&mut ready);
    assert_eq!(next(&mut consumer), b"first");
    assert!(consumer.producer_alive().unwrap());
    // The number is the one that it has among its own.
    assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { pid: 1, .. })));

    let (mut waits, mut go) = pipe().unwrap();
    let (mut sees, mut seen) = pipe().unwrap();
    let second = in_own_pid_namespace(
        || {
            // As in a container, with a procfs of its own.
            if own_mounts() {
                mount("proc", Path::new("/proc"), MsFlags::empty(), "");
            }
            let ring = ringway_file::open(&path).unwrap();
            // It is number 1, too, and not the producer for that.
            assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { pid: 1, .. })));
            assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::NoFreeCell { max: 1, .. })));
            let observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
            assert!(observer.producer_alive().unwrap());
            tell(&mut seen);
            hear(&mut waits);
            assert!(!observer.producer_alive().unwrap());
            ring.producer().unwrap().publish(b"second").unwrap();
        },
        None,
    );
    hear(&mut sees);
    tell(&mut kill);
    first.succeed();
    assert!(!consumer.producer_alive().unwrap());
    tell(&mut go);
    second.succeed();
    assert_eq!(next(&mut consumer), b"second");
    assert!(matches!(consumer.try_recv().unwrap(), Outcome::EpochChanged { epoch: 2, first_seq: 1 }));
}

/// Everything that takes /proc says that it isn't there; nothing is made.
fn nothing_without_proc(path: &Path, ring: &FileRing) {
    let new = path.with_file_name("new");
    for refused in [
        ringway_file::create(&new, &small()),
        ringway_file::open_or_create(&new, &small()),
        at(0).create(&new, &small()),
        at(1 << 20).create(path, &small()),
        ringway_file::open(path),
        ringway_file::open_or_create(path, &small()),
        ringway_file::open_read_only(path),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, FileError::ProcUnavailable { .. }), "{error}");
        assert!(error.to_string().contains("/proc"), "{error}");
    }
    for refused in [
        ring.producer().map(drop),
        ring.consumer(Start::Oldest).map(drop),
        ring.observer(Start::Oldest, Resume::Latest).map(drop),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, AttachError::ProcUnavailable { .. }), "{error}");
    }
    assert!(!new.exists());
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

fn without_proc_everything_says_so() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    // A role that was taken goes on.
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    if !own_mounts() || !mount("tmpfs", Path::new("/proc"), MsFlags::empty(), "size=64k") {
        return;
    }
    nothing_without_proc(&path, &ring);
    producer.publish(b"on").unwrap();
    assert_eq!(next(&mut consumer), b"on");
    ring.flush(ringway_file::Flush::Sync).unwrap();
    drop((producer, consumer, ring));
    ringway_file::remove(&path).unwrap();
}

fn in_a_chroot_without_proc_everything_says_so() {
    let (directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    // In a child: this process removes the directory.
    child(|| match nix::unistd::chroot(directory.path()) {
        Ok(()) => nothing_without_proc(Path::new("/ring"), &ring),
        Err(error) => println!("skipped: no chroot ({error})"),
    })
    .succeed();
}
