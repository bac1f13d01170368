//! An anonymous ring within one process: roles, options, mappings.

use std::collections::BTreeMap;

use ringway_anon::{AnonError, AnonOptions, AnonRing};
use ringway_core::{AttachError, Config, GeometryError, Outcome, Placement, Resume, Ring, Start};
use testkit::files::small;

#[test]
fn messages_are_borrowed_in_place_and_observed() {
    let ring = ringway_anon::create(&small()).unwrap();
    assert_eq!(ring.geometry().placement(), Placement::Anonymous);
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    let mut producer = ring.producer().unwrap();
    assert!(consumer.in_place());
    for round in 0..100_u64 {
        producer.publish(&round.to_le_bytes()).unwrap();
        assert_eq!(*consumer.try_recv().unwrap().into_message().unwrap(), round.to_le_bytes());
        assert_eq!(*observer.try_recv().unwrap().into_message().unwrap(), round.to_le_bytes());
    }
}

#[test]
fn roles_are_exclusive_until_dropped() {
    let ring = ringway_anon::create(&small()).unwrap();
    let producer = ring.producer().unwrap();
    let pid = u64::from(std::process::id());
    assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { pid: found, .. }) if found == pid));
    drop(producer);
    drop(ring.producer().unwrap());

    let consumers = [ring.consumer(Start::Oldest).unwrap(), ring.consumer(Start::Oldest).unwrap()];
    assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::NoFreeCell { max: 2, .. })));
    drop(consumers);
    drop(ring.consumer(Start::Oldest).unwrap());
}

#[test]
fn two_rings_are_strangers() {
    let (one, two) = (ringway_anon::create(&small()).unwrap(), ringway_anon::create(&small()).unwrap());
    assert_ne!(one.geometry().ring_id(), two.geometry().ring_id());
    let (_one, _two) = (one.producer().unwrap(), two.producer().unwrap());
}

#[test]
fn every_option_leaves_a_ring_that_works() {
    for options in [
        AnonOptions::new().populate(true),
        AnonOptions::new().lock_memory(true),
        AnonOptions::new().huge_pages(true),
        AnonOptions::new().populate(true).lock_memory(true).huge_pages(true),
    ] {
        let ring = options.create(&small().section_align(1 << 21)).unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        ring.producer().unwrap().publish(b"works").unwrap();
        assert_eq!(&*consumer.try_recv().unwrap().into_message().unwrap(), b"works");
    }
}

#[test]
fn what_can_not_be_is_refused() {
    let refused = ringway_anon::create(&small().slots(3)).unwrap_err();
    assert!(matches!(refused, AnonError::Geometry(GeometryError::Slots { found: 3 })), "{refused}");
    let refused = ringway_anon::create(&small().slots(1 << 32).payload_capacity(1 << 20)).unwrap_err();
    assert!(matches!(refused, AnonError::Os { .. }), "{refused}");
}

/// Bytes of each kind of permission in the mappings of anonymous shared memory of the given inode, and
/// whether all of them are kept from children.
fn mapped(inode: &str) -> (BTreeMap<String, u64>, bool) {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let (mut bytes, mut ours, mut private) = (BTreeMap::new(), false, true);
    for line in smaps.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        if !fields[0].ends_with(':') {
            ours = fields[4] == inode;
            if ours {
                let hex = |text| u64::from_str_radix(text, 16).unwrap();
                let (start, end) = fields[0].split_once('-').unwrap();
                *bytes.entry(fields[1].to_string()).or_default() += hex(end) - hex(start);
            }
        } else if ours && fields[0] == "VmFlags:" {
            private &= fields.contains(&"dc");
        }
    }
    (bytes, private)
}

/// The inode of the memory of the ring, by the length of its mapping.
fn inode_of(ring: &AnonRing) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let length = ring.geometry().total_length();
    let line = maps.lines().find(|line| {
        let hex = |text| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = line.split_whitespace().next().unwrap().split_once('-').unwrap();
        hex(end) - hex(start) == length && line.ends_with("/dev/zero (deleted)")
    });
    line.expect("the parent's mapping").split_whitespace().nth(4).unwrap().to_string()
}

#[test]
fn each_role_has_a_duplicate_of_its_own_with_its_own_permissions() {
    // Slots of a length that no other test's ring has.
    let ring = ringway_anon::create(&small().payload_capacity(10_000)).unwrap();
    let inode = inode_of(&ring);
    let (total, slots) = (ring.geometry().total_length(), ring.geometry().slots_section().length);
    let page = 4096;
    let inherited = BTreeMap::from([("rw-s".to_string(), total)]);
    assert_eq!(mapped(&inode), (inherited.clone(), false));

    let producer = ring.producer().unwrap();
    let (of_producer, _) = mapped(&inode);
    assert_eq!(of_producer["rw-s"] - total, 2 * page + slots);
    assert_eq!(of_producer["r--s"], 2 * page);
    drop(producer);

    let consumer = ring.consumer(Start::Oldest).unwrap();
    let (of_consumer, _) = mapped(&inode);
    assert_eq!(of_consumer["rw-s"] - total, 2 * page);
    assert_eq!(of_consumer["r--s"], 2 * page + slots);
    drop(consumer);

    let observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
    let (of_observer, _) = mapped(&inode);
    assert_eq!(of_observer["rw-s"], total);
    assert_eq!(of_observer["r--s"], total);
    // A role leads back to its ring, so the memory that children inherit stays as long as the role does.
    drop(ring);
    let both = BTreeMap::from([("r--s".to_string(), total), ("rw-s".to_string(), total)]);
    assert_eq!(mapped(&inode), (both, false));
    drop(observer);
    assert_eq!(mapped(&inode), (BTreeMap::new(), true));
}

#[test]
fn a_reader_from_before_the_first_producer_is_told_of_the_second_only() {
    let ring = ringway_anon::create(&Config::new()).unwrap();
    let mut early = ring.consumer(Start::Oldest).unwrap();
    let mut watching = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    assert!(matches!(early.try_recv().unwrap(), Outcome::Empty));

    let mut first = ring.producer().unwrap();
    assert!(matches!(early.try_recv().unwrap(), Outcome::Empty), "the first producer is no news");
    first.publish(b"one").unwrap();
    drop(first);
    let _second = ring.producer().unwrap();

    // The consumer has seen the first epoch, the observer none.
    assert!(matches!(early.try_recv().unwrap(), Outcome::Message(_)));
    assert!(matches!(early.try_recv().unwrap(), Outcome::EpochChanged { epoch: 2, first_seq: 1 }));
    assert!(matches!(early.try_recv().unwrap(), Outcome::Empty));
    assert!(matches!(watching.try_recv().unwrap(), Outcome::Message(_)));
    assert!(matches!(watching.try_recv().unwrap(), Outcome::EpochChanged { epoch: 2, first_seq: 1 }));
    assert!(matches!(watching.try_recv().unwrap(), Outcome::Empty));
}
