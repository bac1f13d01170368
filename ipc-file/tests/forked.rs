//! What takes a process of its own: forks, other users, limits. Without test threads, since only a
//! process with one thread can be forked safely.

use std::fs::File;
use std::io::pipe;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::unistd::Uid;
use ringway_core::{AttachError, Outcome, PublishError, RecvError, Resume, Ring, Start};
use ringway_file::{FileError, FileRing, OpenOptions};
use testkit::child::{child, hear, tell, until_killed};
use testkit::files::{names, next, small, vacant};
use testkit::harness::run_alone;

fn main() {
    let tests: &[(&str, fn())] = &[
        ("a_handle_does_nothing_in_a_forked_child", a_handle_does_nothing_in_a_forked_child),
        ("a_forked_child_takes_roles_of_its_own", a_forked_child_takes_roles_of_its_own),
        ("a_child_does_not_keep_its_parents_role_alive", a_child_does_not_keep_its_parents_role_alive),
        ("a_killed_producers_role_is_free", a_killed_producers_role_is_free),
        ("a_stopped_consumer_is_not_dead", a_stopped_consumer_is_not_dead),
        (
            "a_dropped_role_is_free_whoever_has_its_descriptor",
            a_dropped_role_is_free_whoever_has_its_descriptor,
        ),
        ("a_closed_descriptor_declares_nobody_dead", a_closed_descriptor_declares_nobody_dead),
        (
            "a_closed_descriptors_number_is_another_roles_to_use",
            a_closed_descriptors_number_is_another_roles_to_use,
        ),
        (
            "a_ring_whose_descriptor_was_closed_closes_nobody_elses",
            a_ring_whose_descriptor_was_closed_closes_nobody_elses,
        ),
        ("the_umask_changes_no_mode", the_umask_changes_no_mode),
        ("another_user_is_told_what_is_not_permitted", another_user_is_told_what_is_not_permitted),
        (
            "roles_are_taken_before_a_change_of_user_and_go_on",
            roles_are_taken_before_a_change_of_user_and_go_on,
        ),
        ("a_creation_that_fails_late_is_undone", a_creation_that_fails_late_is_undone),
        (
            "a_ring_in_a_new_file_is_made_without_addresses_for_it",
            a_ring_in_a_new_file_is_made_without_addresses_for_it,
        ),
    ];
    run_alone(tests);
}

fn ring() -> (tempfile::TempDir, FileRing) {
    let (directory, path) = vacant();
    let ring = ringway_file::create(path, &small()).unwrap();
    (directory, ring)
}

fn descriptors() -> Vec<i32> {
    let listed = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers: Vec<i32> =
        listed.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    // Without the one that the list was read by.
    numbers.into_iter().filter(|number| Path::new(&format!("/proc/self/fd/{number}")).exists()).collect()
}

fn a_handle_does_nothing_in_a_forked_child() {
    let (_directory, ring) = ring();
    let mut producer = ring.producer().unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
    producer.publish(b"parent").unwrap();
    let before = descriptors().len();
    let mut handles = Some((producer, consumer, observer));
    child(|| {
        // The parent's three role descriptors aren't there.
        assert_eq!(descriptors().len(), before - 3);
        let (mut producer, mut consumer, mut observer) = handles.take().unwrap();
        assert!(matches!(producer.publish(b"child"), Err(PublishError::Forked(_))));
        assert!(matches!(consumer.try_recv(), Err(RecvError::Forked(_))));
        assert!(matches!(observer.try_recv(), Err(RecvError::Forked(_))));
        assert!(consumer.producer_alive().is_err());

        // Their numbers and addresses may be others' by now: dropping the handles takes none away.
        let mut own = ring.consumer(Start::Oldest).unwrap();
        let files: Vec<_> = (0..5).map(|_| File::open("/dev/null").unwrap()).collect();
        drop((producer, consumer, observer));
        for file in files {
            file.metadata().unwrap();
        }
        assert_eq!(next(&mut own), b"parent");
        assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::NoFreeCell { .. })));
    })
    .succeed();
    // The child's copies were dropped, and nothing has happened.
    let (mut producer, mut consumer, _observer) = handles.unwrap();
    assert_eq!(next(&mut consumer), b"parent");
    producer.publish(b"still the producer").unwrap();
    assert_eq!(next(&mut consumer), b"still the producer");
    assert!(consumer.producer_alive().unwrap());
}

fn a_forked_child_takes_roles_of_its_own() {
    let (_directory, ring) = ring();
    let mut producer = ring.producer().unwrap();
    let inherited = ring.consumer(Start::Oldest).unwrap();
    producer.publish(b"to the child").unwrap();
    child(|| {
        assert!(inherited.len().is_err());
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        assert_eq!(consumer.cell(), 1);
        assert_eq!(next(&mut consumer), b"to the child");
        assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { .. })));
        // A new handle doesn't make an old one valid.
        assert!(inherited.len().is_err());
        // Nor does it work in the next generation.
        child(|| assert!(consumer.len().is_err() && inherited.len().is_err())).succeed();
        assert!(consumer.len().is_ok());
    })
    .succeed();
    assert!(inherited.len().is_ok());
}

fn a_child_does_not_keep_its_parents_role_alive() {
    let (_directory, ring) = ring();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let (mut ready, mut holder_ready) = pipe().unwrap();
    let (mut grandchild_waits, mut end) = pipe().unwrap();
    let holder = child(|| {
        let _producer = ring.producer().unwrap();
        let _grandchild = child(|| {
            // From here on: before, its copies may not be closed yet.
            tell(&mut holder_ready);
            hear(&mut grandchild_waits);
        });
        until_killed();
    });
    hear(&mut ready);
    assert!(consumer.producer_alive().unwrap());
    holder.kill();
    assert!(!consumer.producer_alive().unwrap());
    drop(ring.producer().unwrap());
    tell(&mut end);
}

fn a_killed_producers_role_is_free() {
    let (_directory, ring) = ring();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let (mut reader, mut writer) = pipe().unwrap();
    let victim = child(|| {
        let mut producer = ring.producer().unwrap();
        producer.publish(b"last words").unwrap();
        tell(&mut writer);
        until_killed();
    });
    hear(&mut reader);
    assert!(consumer.producer_alive().unwrap());
    assert_eq!(next(&mut consumer), b"last words");
    assert!(matches!(consumer.try_recv().unwrap(), Outcome::Empty));
    match ring.producer() {
        Err(AttachError::ProducerTaken { pid, .. }) => assert_eq!(pid, victim.pid().as_raw() as u64),
        other => panic!("{other:?}"),
    }
    victim.kill();
    assert!(!consumer.producer_alive().unwrap());
    let mut successor = ring.producer().unwrap();
    assert_eq!(successor.publish(b"on").unwrap(), 1);
    assert_eq!(next(&mut consumer), b"on");
    assert!(matches!(consumer.try_recv().unwrap(), Outcome::EpochChanged { epoch: 2, first_seq: 1 }));
}

fn a_stopped_consumer_is_not_dead() {
    let (_directory, ring) = ring();
    let (mut reader, mut writer) = pipe().unwrap();
    let reader_process = child(|| {
        let _consumer = ring.consumer(Start::Oldest).unwrap();
        tell(&mut writer);
        until_killed();
    });
    hear(&mut reader);
    reader_process.signal(nix::sys::signal::SIGSTOP);
    let mut producer = ring.producer().unwrap();
    for _ in 0..8 {
        producer.try_publish(b"x").unwrap();
    }
    match producer.try_publish(b"x") {
        Err(PublishError::Full(full)) => assert_eq!(full.pid, reader_process.pid().as_raw() as u64),
        other => panic!("{other:?}"),
    }
    reader_process.kill();
    producer.set_wait(ringway_core::Wait::Yield);
    producer.publish_timeout(b"x", std::time::Duration::from_secs(30)).unwrap();
}

fn a_dropped_role_is_free_whoever_has_its_descriptor() {
    let (_directory, ring) = ring();
    let before = descriptors();
    let producer = ring.producer().unwrap();
    let own = *descriptors().iter().find(|fd| !before.contains(fd)).unwrap();
    // As a process has for an instant that is being spawned.
    #[allow(unsafe_code)]
    // SAFETY: the producer has it open.
    let _copy = nix::unistd::dup(unsafe { BorrowedFd::borrow_raw(own) }).unwrap();
    drop(producer);
    drop(ring.producer().unwrap());
}

fn a_closed_descriptor_declares_nobody_dead() {
    let (_directory, ring) = ring();
    let before = descriptors();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let own = *descriptors().iter().find(|fd| !before.contains(fd)).unwrap();
    assert!(!consumer.producer_alive().unwrap());
    nix::unistd::close(own).unwrap();
    assert!(consumer.producer_alive().unwrap());
    // And dropping the handle closes nobody else's descriptor: the number is free to be given out again.
    let others: Vec<_> = (0..5).map(|_| File::open("/dev/null").unwrap()).collect();
    assert!(consumer.producer_alive().unwrap());
    let intact = || others.iter().for_each(|other| assert!(other.metadata().is_ok()));
    child(intact).succeed();
    drop(consumer);
    intact();
}

fn a_closed_descriptors_number_is_another_roles_to_use() {
    let (_directory, ring) = ring();
    let before = descriptors();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let own = *descriptors().iter().find(|fd| !before.contains(fd)).unwrap();
    nix::unistd::close(own).unwrap();
    // It gets the number, on a description of its own, whose locks the kernel doesn't tell it of.
    let _producer = ring.producer().unwrap();
    assert!(descriptors().contains(&own));
    assert!(consumer.producer_alive().unwrap());
    drop(consumer);
    assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { .. })));
}

fn a_ring_whose_descriptor_was_closed_closes_nobody_elses() {
    let before = descriptors();
    let (_directory, ring) = ring();
    let own = *descriptors().iter().find(|fd| !before.contains(fd)).unwrap();
    nix::unistd::close(own).unwrap();
    let others: Vec<_> = (0..5).map(|_| File::open("/dev/null").unwrap()).collect();
    drop(ring);
    others.iter().for_each(|other| assert!(other.metadata().is_ok()));
}

fn the_umask_changes_no_mode() {
    let (_directory, path) = vacant();
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o777));
    let ring = OpenOptions::new().mode(0o640).create(&path, &small()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    drop(ring.producer().unwrap());
}

fn another_user_is_told_what_is_not_permitted() {
    if !Uid::effective().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let (directory, path) = vacant();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let private = ringway_file::create(&path, &small()).unwrap();
    let readable = path.with_file_name("readable");
    let shared = OpenOptions::new().mode(0o644).create(&readable, &small()).unwrap();
    shared.producer().unwrap().publish(b"for all").unwrap();
    child(|| {
        nix::unistd::setuid(Uid::from_raw(54321)).unwrap();
        for result in
            [ringway_file::open(&path), ringway_file::open_read_only(&path), ringway_file::open(&readable)]
        {
            assert!(matches!(result, Err(FileError::PermissionDenied { uid: 54321, .. })), "{result:?}");
        }
        let created = ringway_file::create(path.with_file_name("new"), &small());
        assert!(matches!(created, Err(FileError::PermissionDenied { .. })), "{created:?}");
        // A file of root's is nobody's plant, and reading it is enough to observe.
        let view = ringway_file::open_read_only(&readable).unwrap();
        let mut observer = view.observer(Start::Oldest, Resume::Latest).unwrap();
        assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"for all");
    })
    .succeed();
    assert_eq!(names(&directory), ["readable", "ring"]);
    drop(private);
}

fn roles_are_taken_before_a_change_of_user_and_go_on() {
    if !Uid::effective().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let (_directory, file) = ring();
    let memfd = ringway_file::memfd::create(&small()).unwrap();
    for ring in [&file as &dyn Ring, &memfd] {
        child(|| {
            let mut producer = ring.producer().unwrap();
            nix::unistd::setuid(Uid::from_raw(54321)).unwrap();
            producer.publish(b"on").unwrap();
            let refused = ring.consumer(Start::Oldest).unwrap_err();
            assert!(matches!(refused, AttachError::NotPermitted { uid: 54321, .. }), "{refused}");
            assert!(refused.to_string().contains("take roles before changing user"), "{refused}");
            assert!(matches!(ring.producer(), Err(AttachError::NotPermitted { .. })));
        })
        .succeed();
        assert_eq!(next(&mut ring.consumer(Start::Oldest).unwrap()), b"on");
    }
}

fn a_creation_that_fails_late_is_undone() {
    let (directory, path) = vacant();
    let ring = OpenOptions::new().offset(0).create(&path, &small()).unwrap();
    let length = std::fs::metadata(&path).unwrap().len();
    // The header can't be mapped: it takes more addresses than are left. The space was allocated by then.
    leave_few_addresses();
    let large = small().section_align(16 << 20);
    let error = OpenOptions::new().offset(16 << 20).create(&path, &large).unwrap_err();
    assert!(matches!(error, FileError::Os { action: "formatting the ring", .. }), "{error}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
    assert_eq!(names(&directory), ["ring"]);
    drop(ring.producer().unwrap());
}

fn a_ring_in_a_new_file_is_made_without_addresses_for_it() {
    let (_directory, path) = vacant();
    leave_few_addresses();
    let ring = OpenOptions::new().create(&path, &small().section_align(16 << 20)).unwrap();
    let refused = ring.producer().map(drop).unwrap_err();
    assert!(matches!(refused, AttachError::NoAddressSpace { .. }), "{refused}");
    assert_eq!(ringway_file::open(&path).unwrap().geometry(), ring.geometry());
}

/// Has the process get no more than 8 MiB of further addresses.
fn leave_few_addresses() {
    use nix::sys::resource::{Resource, setrlimit};
    let pages: u64 =
        std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
    let limit = pages * 4096 + (8 << 20);
    setrlimit(Resource::RLIMIT_AS, limit, limit).unwrap();
}
