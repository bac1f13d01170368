//! Handles that decline membarrier: no role of theirs registers its process, whatever it does.

use std::os::unix::fs::FileExt;

use nix::sys::wait::WaitStatus;
use ringway::file::OpenOptions;
use ringway::memfd::MemfdOptions;
use ringway::{Config, Resume, Ring, Start, WakeMode};
use testkit::header::cell::REGISTERED;
use testkit::header::in_cell;
use testkit::tracing::{Call, Verdict};
use testkit::{Kind, TestRing, named, suite, tracing};

/// The commands of membarrier that register a process.
const REGISTRATIONS: [u64; 4] = [1 << 2, 1 << 4, 1 << 6, 1 << 8];

fn main() {
    suite::run_on(
        &[Kind::Anonymous, Kind::File],
        named![
            roles_of_a_declining_handle_register_no_process,
            roles_of_a_declining_memfd_register_no_process,
            a_ring_created_by_a_declining_handle_registers_no_process,
            a_declining_consumer_says_so_in_its_cell,
        ],
        &[],
    );
}

fn config() -> Config {
    Config::new().slots(8).payload_capacity(48).max_consumers(2)
}

/// How often a child registers that takes every role on the ring, and sleeps.
fn registrations(ring: impl FnOnce() -> Box<dyn Ring>) -> usize {
    let mut found = 0;
    let look = |call: &Call| {
        let registers = call.number == libc::SYS_membarrier && REGISTRATIONS.contains(&call.arguments[0]);
        found += usize::from(call.is_entry && registers);
        Verdict::Go
    };
    let roles = || {
        tracing::begin();
        let ring = ring();
        let mut producer = ring.producer().expect("no other producer");
        let _mode = producer.set_wake_mode(WakeMode::Asymmetric).expect("this process's own ring");
        let mut consumer = ring.consumer(Start::Oldest).expect("a free cell");
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).expect("an observer");
        producer.publish(b"one").expect("room");
        let a_moment = std::time::Duration::from_millis(1);
        for _ in 0..2 {
            drop(consumer.recv_timeout(a_moment).expect("a sound ring"));
            drop(observer.recv_timeout(a_moment).expect("a sound ring"));
        }
        while producer.publish_timeout(b"more", a_moment).is_ok() {}
        tracing::end();
    };
    let ended = tracing::traced(roles, look);
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
    found
}

fn boxed(ring: TestRing) -> Box<dyn Ring> {
    Box::new(ring)
}

fn roles_of_a_declining_handle_register_no_process(kind: Kind) {
    if !tracing::possible() {
        return;
    }
    assert_ne!(registrations(|| boxed(kind.ring(&config()))), 0, "a process that declines nothing registers");
    assert_eq!(registrations(|| boxed(kind.declining_ring(&config()))), 0);
}

fn roles_of_a_declining_memfd_register_no_process(_: Kind) {
    if !tracing::possible() {
        return;
    }
    let made = || MemfdOptions::new().membarrier(false).name("ring").create(&config()).expect("a ring");
    assert_eq!(registrations(|| Box::new(made())), 0);
    let opened = || {
        let descriptor = std::os::fd::AsFd::as_fd(&made()).try_clone_to_owned().expect("a descriptor");
        MemfdOptions::new().membarrier(false).open(descriptor).expect("a ring")
    };
    assert_eq!(registrations(|| Box::new(opened())), 0);
}

fn a_ring_created_by_a_declining_handle_registers_no_process(kind: Kind) {
    if !tracing::possible() {
        return;
    }
    let TestRing::File { path, directory, .. } = kind.ring(&config()) else { return };
    let options = || OpenOptions::new().membarrier(false);
    let path = |name| path.with_file_name(name);
    assert_eq!(registrations(|| Box::new(options().create(path("a"), &config()).expect("a ring"))), 0);
    assert_eq!(
        registrations(|| Box::new(options().open_or_create(path("b"), &config()).expect("a ring"))),
        0
    );
    drop(directory);
}

fn a_declining_consumer_says_so_in_its_cell(kind: Kind) {
    let mut ring = kind.ring(&config());
    let TestRing::File { path, .. } = &ring else { return };
    let path = path.clone();
    let registered = |ring: &TestRing| {
        let consumer = ring.consumer(Start::Latest).expect("a free cell");
        let at = in_cell(ring.geometry(), consumer.cell() as u64, REGISTERED);
        let mut word = [0; 8];
        std::fs::File::open(&path)
            .and_then(|file| file.read_exact_at(&mut word, at))
            .expect("the ring's file");
        u64::from_ne_bytes(word)
    };
    // As the kernel allows.
    let possible = ring.producer().expect("no other producer").wake_mode() == Ok(WakeMode::Asymmetric);
    assert_eq!(registered(&ring), u64::from(possible));
    ring.decline_membarrier();
    assert_eq!(registered(&ring), 0);
    // A producer that was told to spare its fences can't.
    let mut producer = ring.producer().expect("no other producer");
    assert_eq!(producer.wake_mode(), Ok(WakeMode::Fenced));
    assert_eq!(producer.set_wake_mode(WakeMode::Asymmetric), Ok(WakeMode::Fenced));
}
