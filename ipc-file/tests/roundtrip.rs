//! A ring in a file carries messages between the processes that open it.

use ringway_core::{AttachError, Config, Outcome, Placement, Resume, Ring, Start, State};
use ringway_file::{Advice, FileError, Flush, OpenOptions};
use testkit::files::{names, next, small, vacant};

#[test]
fn what_one_opening_publishes_another_receives() {
    let (_directory, path) = vacant();
    let created = ringway_file::create(&path, &small()).unwrap();
    let opened = ringway_file::open(&path).unwrap();
    assert_eq!(created.geometry(), opened.geometry());
    assert_eq!(opened.geometry().placement(), Placement::WholeFile);
    assert_eq!((opened.path(), opened.offset(), opened.is_read_only()), (path.as_path(), 0, false));

    let mut consumer = opened.consumer(Start::Oldest).unwrap();
    let mut producer = created.producer().unwrap();
    for round in 0..100_u64 {
        producer.publish(&round.to_le_bytes()).unwrap();
        assert_eq!(next(&mut consumer), round.to_le_bytes());
    }
}

#[test]
fn messages_and_state_outlive_every_handle() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.publish(b"kept").unwrap();
    drop((producer, ring));

    let ring = ringway_file::open(&path).unwrap();
    assert_eq!(next(&mut ring.consumer(Start::Oldest).unwrap()), b"kept");
    let mut successor = ring.producer().unwrap();
    assert_eq!(successor.publish(b"and on").unwrap(), 1);
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    assert_eq!((observer.epoch().unwrap(), observer.state().unwrap()), (2, State::Open));
}

#[test]
fn roles_outlive_the_ring_they_were_taken_on() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    drop(ring);
    producer.publish(b"still here").unwrap();
    assert_eq!(next(&mut consumer), b"still here");
}

#[test]
fn messages_are_copied_unless_peers_are_trusted() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    assert!(!ring.consumer(Start::Oldest).unwrap().in_place());
    // SAFETY: nothing but this test writes the file.
    #[allow(unsafe_code)]
    let trusting = unsafe { ringway_file::open(&path).unwrap().trust_peers() };
    let mut consumer = trusting.consumer(Start::Oldest).unwrap();
    assert!(consumer.in_place());
    trusting.producer().unwrap().publish(b"in place").unwrap();
    assert_eq!(next(&mut consumer), b"in place");
}

#[test]
fn a_ring_opened_read_only_can_only_be_observed() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    ring.producer().unwrap().publish(b"seen").unwrap();

    let view = ringway_file::open_read_only(&path).unwrap();
    assert!(view.is_read_only());
    assert!(matches!(view.producer(), Err(AttachError::ReadOnly { role: "producer" })));
    assert!(matches!(view.consumer(Start::Oldest), Err(AttachError::ReadOnly { role: "consumer" })));
    let mut observer = view.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"seen");
}

#[test]
fn rings_in_one_file_are_strangers() {
    let (directory, path) = vacant();
    let first = OpenOptions::new().offset(0).create(&path, &small()).unwrap();
    let second_offset = first.geometry().total_length();
    let second = OpenOptions::new().offset(second_offset).create(&path, &small().slots(16)).unwrap();
    assert_eq!(names(&directory), ["ring"]);
    assert_eq!(first.geometry().placement(), Placement::Embedded);

    // The lock bytes are each ring's own, and so is the memory.
    let (mut one, mut two) = (first.producer().unwrap(), second.producer().unwrap());
    let reopened = OpenOptions::new().offset(second_offset).open(&path).unwrap();
    assert_eq!((reopened.geometry().slots(), reopened.offset()), (16, second_offset));
    let mut of_first = ringway_file::open(&path).unwrap().consumer(Start::Oldest).unwrap();
    let mut of_second = reopened.consumer(Start::Oldest).unwrap();
    one.publish(b"one").unwrap();
    two.publish(b"two").unwrap();
    assert_eq!((next(&mut of_first), next(&mut of_second)), (b"one".to_vec(), b"two".to_vec()));
    assert!(matches!(of_first.try_recv().unwrap(), Outcome::Empty));
}

#[test]
fn open_or_create_makes_a_ring_once() {
    let (_directory, path) = vacant();
    let first = ringway_file::open_or_create(&path, &small()).unwrap();
    let second = ringway_file::open_or_create(&path, &small()).unwrap();
    assert_eq!(first.geometry().ring_id(), second.geometry().ring_id());

    let at = OpenOptions::new().offset(first.geometry().total_length() * 2);
    let other = path.with_file_name("other");
    let first = at.open_or_create(&other, &small()).unwrap();
    let second = at.open_or_create(&other, &small()).unwrap();
    assert_eq!(first.geometry().ring_id(), second.geometry().ring_id());
    // Into a hole of a file that exists.
    let start = OpenOptions::new().offset(0);
    assert_ne!(
        start.open_or_create(&other, &small()).unwrap().geometry().ring_id(),
        first.geometry().ring_id()
    );
}

#[test]
fn open_or_create_by_many_threads_at_once_makes_one_ring() {
    for offset in [None, Some(1 << 20)] {
        let (_directory, path) = vacant();
        let ids: Vec<_> = std::thread::scope(|scope| {
            let open = || {
                let options = offset.map_or(OpenOptions::new(), |at| OpenOptions::new().offset(at));
                options.open_or_create(&path, &small()).unwrap().geometry().ring_id()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
}

#[test]
fn open_or_create_names_the_field_that_differs() {
    let (_directory, path) = vacant();
    ringway_file::create(&path, &small()).unwrap();
    let differing: [(Config, &str, &str, &str); 6] = [
        (small().slots(16), "slots", "8", "16"),
        (small().payload_capacity(64), "payload_capacity", "48", "64"),
        (small().max_consumers(3), "max_consumers", "2", "3"),
        (small().first_seq(0), "first_seq", "none", "0"),
        (small().stride(ringway_core::Stride::Packed), "stride", "Aligned", "Packed"),
        (small().section_align(65536), "section_align", "4096", "65536"),
    ];
    for (config, name, there, asked) in differing {
        match ringway_file::open_or_create(&path, &config) {
            Err(FileError::ConfigMismatch { field, found, expected, .. }) => {
                assert_eq!((field, found.as_str(), expected.as_str()), (name, there, asked));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn every_option_leaves_a_ring_that_works() {
    for options in [
        OpenOptions::new().populate(true),
        OpenOptions::new().lock_memory(true),
        OpenOptions::new().advice(Advice::Normal),
        OpenOptions::new().advice(Advice::Sequential),
        OpenOptions::new().advice(Advice::Random),
        OpenOptions::new().advice(Advice::WillNeed),
        OpenOptions::new().advice(Advice::HugePage).populate(true).lock_memory(true),
    ] {
        let (_directory, path) = vacant();
        let ring = options.create(&path, &small()).unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        ring.producer().unwrap().publish(b"works").unwrap();
        assert_eq!(next(&mut consumer), b"works");
        assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"works");
        ring.flush(Flush::Async).unwrap();
        ring.flush(Flush::Sync).unwrap();
        ringway_file::open_read_only(&path).unwrap().flush(Flush::Sync).unwrap();
    }
}

#[test]
fn a_large_section_align_is_kept_by_every_mapping() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small().section_align(1 << 21)).unwrap();
    assert_eq!(ring.geometry().producer_section().offset, 1 << 21);
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    ring.producer().unwrap().publish(b"far").unwrap();
    assert_eq!(next(&mut consumer), b"far");
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let starts = maps.lines().filter(|line| line.ends_with(path.to_str().unwrap()));
    let first = starts.map(|line| u64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap()).min();
    assert_eq!(first.unwrap() % (1 << 21), 0);
}

#[test]
fn a_ring_that_a_role_leads_to_keeps_its_file_as_its_own_handle_does() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    drop(ring);
    let again = consumer.ring().unwrap();
    let clone = again.clone();
    drop((consumer, again));
    assert!(matches!(ringway_file::remove(&path), Err(FileError::InUse { .. })));
    drop(clone);
    ringway_file::remove(&path).unwrap();
}

#[test]
fn clones_keep_the_file_until_the_last_is_dropped() {
    let (_directory, path) = vacant();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let clone = ring.clone();
    assert_eq!((clone.path(), clone.geometry()), (ring.path(), ring.geometry()));
    drop(ring);
    assert!(matches!(ringway_file::remove(&path), Err(FileError::InUse { .. })));
    drop(clone);
    ringway_file::remove(&path).unwrap();
}

#[test]
fn an_observer_of_a_read_only_ring_leads_to_a_read_only_ring() {
    let (_directory, path) = vacant();
    let _ring = ringway_file::create(&path, &small()).unwrap();
    let observer =
        ringway_file::open_read_only(&path).unwrap().observer(Start::Latest, Resume::Latest).unwrap();
    let again = observer.ring().unwrap();
    assert!(matches!(again.consumer(Start::Latest), Err(AttachError::ReadOnly { .. })));
    drop(again.observer(Start::Latest, Resume::Latest).unwrap());
}
