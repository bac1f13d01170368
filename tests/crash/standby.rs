//! What a standby does while it waits for the producer's role, call by call.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::sys::wait::WaitStatus;
use ringway::{AttachError, Config, Message, Producer, Ring};
use ringway_file::placement::{Lock, LockTable};
use testkit::tracing::{Call, Verdict};
use testkit::{Kind, PATIENCE, TestRing, named, suite, tracing};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// So often the standby asks before a reader's lock falls free.
const QUESTIONS: u32 = 20;
/// So long a standby sleeps at least that waits for a producer, in milliseconds.
const SLEEP: u64 = 1000;

fn main() {
    suite::run_on(
        &[Kind::Anonymous, Kind::File],
        named![
            a_standby_sleeps_and_opens_nothing,
            a_standby_outlasts_a_readers_lock,
            a_standby_for_typed_messages_outlasts_a_readers_lock,
            a_readers_lock_that_stays_is_told_when_the_time_is_up,
        ],
        &[],
    );
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Number(u64);

impl Message for Number {
    const NAME: &'static str = "test.Number";
}

fn config() -> Config {
    Config::new().slots(8).payload_capacity(48).max_consumers(1)
}

/// A standby becomes the producer of `ring` after `free` has been called: once it has fallen asleep, or once it has
/// asked often enough if it can't sleep. Until then, it has tried to take the role once.
fn waits(
    ring: &TestRing,
    sleeps: bool,
    take: fn(&TestRing) -> Result<u64, AttachError>,
    free: impl FnOnce(),
) {
    if !tracing::possible() {
        return;
    }
    let mut free = Some(free);
    let (mut opened, mut asked, mut asleep) = (0, 0, false);
    let look = |call: &Call| {
        if call.is_entry && free.is_some() {
            match call.number {
                libc::SYS_openat => opened += 1,
                libc::SYS_fcntl if call.arguments[1] == libc::F_OFD_GETLK as u64 => asked += 1,
                // The time is the third argument where the call takes it as a number.
                #[cfg(target_arch = "x86_64")]
                libc::SYS_poll => asleep = call.arguments[2] >= SLEEP,
                #[cfg(not(target_arch = "x86_64"))]
                libc::SYS_ppoll => asleep = true,
                _ => {}
            }
            if (if sleeps { asleep } else { asked == QUESTIONS })
                && let Some(free) = free.take()
            {
                free();
            }
        }
        Verdict::Go
    };
    let standby = || {
        tracing::begin();
        let epoch = take(ring);
        tracing::end();
        assert_eq!(epoch.expect("a role that falls free"), 2);
    };
    let ended = tracing::traced(standby, look);
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
    assert_eq!(opened, 1, "descriptors opened while the role was taken");
    assert!(!sleeps || asked <= 3, "{asked} questions before it slept");
}

fn next(ring: &TestRing) -> Result<u64, AttachError> {
    ring.next_producer(PATIENCE).map(|producer| producer.epoch())
}

fn next_typed(ring: &TestRing) -> Result<u64, AttachError> {
    ring.next_typed_producer::<Number>(PATIENCE).map(|producer| producer.handle().epoch())
}

fn a_standby_sleeps_and_opens_nothing(kind: Kind) {
    let ring = kind.ring(&config());
    let first: Producer = ring.producer().expect("no other producer");
    waits(&ring, true, next, || drop(first));
}

/// A read lock of another program's on the producer's byte.
fn read_lock(path: &Path) -> File {
    let reader = File::open(path).expect("the ring's file");
    let locked = LockTable::at(0).try_lock(reader.as_fd(), LockTable::PRODUCER, Lock::Read);
    assert!(locked.expect("a file that can be locked"));
    reader
}

/// Explicitly, since forked children share the descriptor.
fn unlock(reader: &File) {
    LockTable::at(0).unlock(reader.as_fd(), LockTable::PRODUCER).expect("a file that can be locked");
}

fn a_standby_outlasts_a_readers_lock(kind: Kind) {
    let ring = kind.ring(&config());
    // Nobody else has the file of an anonymous ring's locks.
    let TestRing::File { path, .. } = &ring else { return };
    drop(ring.producer().expect("no other producer"));
    let reader = read_lock(path);
    waits(&ring, false, next, || unlock(&reader));
}

fn a_standby_for_typed_messages_outlasts_a_readers_lock(kind: Kind) {
    let ring = kind.ring(&Config::new().slots(8).of_type::<Number>());
    let TestRing::File { path, .. } = &ring else { return };
    drop(ring.typed_producer::<Number>().expect("no other producer"));
    let reader = read_lock(path);
    waits(&ring, false, next_typed, || unlock(&reader));
}

fn a_readers_lock_that_stays_is_told_when_the_time_is_up(kind: Kind) {
    let ring = kind.ring(&config());
    let TestRing::File { path, .. } = &ring else { return };
    let _reader = read_lock(path);
    let refused = ring.next_producer(Duration::from_millis(20));
    assert!(matches!(refused, Err(AttachError::LockHeldByReader { byte: 0 })), "{refused:?}");
}
