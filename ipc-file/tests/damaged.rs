//! A single word of a sound ring overwritten: its reader says so, and no call waits for what won't come.

use std::time::Duration;

use ringway_core::{
    AttachError, Consumer, Damaged, MAX_SEQ, Observer, Outcome, PublishError, RecvError, Resume, Ring, Start,
    Wait,
};
use ringway_file::FileRing;
use tempfile::TempDir;
use testkit::PATIENCE;
use testkit::files::{small, vacant};
use testkit::header::Forger;
use testkit::header::cell::CURSOR;
use testkit::header::page::{EPOCH_AND_STATE, HEAD};
use testkit::header::slot::{LENGTH, STAMP};

/// A ring that holds three messages, with a reader of each kind at the first.
struct Scene {
    ring: FileRing,
    forger: Forger,
    consumer: Consumer,
    observer: Observer,
    _directory: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self::of(|ring| ring)
    }

    /// The same, whose consumer reads messages where they lie.
    #[allow(unsafe_code, reason = "to trust the peers on a ring in a file is to promise something")]
    fn in_place() -> Self {
        // SAFETY: no payload is overwritten; headers are atomic words that are checked at each use.
        Self::of(|ring| unsafe { ring.trust_peers() })
    }

    fn of(ring: impl FnOnce(FileRing) -> FileRing) -> Self {
        let (directory, path) = vacant();
        let ring = ring(ringway_file::create(&path, &small()).unwrap());
        let forger = Forger::new(&path, &ring);
        let consumer = ring.consumer(Start::Oldest).unwrap();
        let observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        let mut producer = ring.producer().unwrap();
        for message in [b"one".as_slice(), b"two", b"three"] {
            producer.publish(message).unwrap();
        }
        Self { ring, forger, consumer, observer, _directory: directory }
    }

    /// What waiting for the next message says to either reader, besides what became of producers: that
    /// something is damaged.
    fn damage(&mut self) -> [Damaged; 2] {
        let Self { consumer, observer, .. } = self;
        consumer.set_wait(Wait::Yield);
        observer.set_wait(Wait::Yield);
        [
            damage(|| consumer.recv_timeout(PATIENCE).map(|outcome| outcome.map(drop))),
            damage(|| observer.recv_timeout(PATIENCE).map(|outcome| outcome.map(drop))),
        ]
    }
}

fn damage(mut receive: impl FnMut() -> Result<Outcome<()>, RecvError>) -> Damaged {
    loop {
        match receive() {
            Err(RecvError::Damaged(damaged)) => return damaged,
            Ok(Outcome::EpochChanged { .. } | Outcome::ProducerLost) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_message_that_head_counts_and_no_slot_holds_is_not_waited_for() {
    let mut scene = Scene::new();
    scene.forger.slot(0, STAMP, 0);
    let expected = Damaged::new("stamp", 0, 0, 2);
    let producer = scene.ring.producer().unwrap();
    assert_eq!(scene.damage(), [expected; 2]);
    drop(producer);
    assert_eq!(scene.damage(), [expected; 2], "without a producer");
    scene.ring.producer().unwrap().close().unwrap();
    assert_eq!(scene.damage(), [expected; 2], "once closed");
    assert!(matches!(scene.consumer.try_recv(), Err(RecvError::Damaged(_))));
    scene.forger.slot(0, STAMP, 2);
    assert!(matches!(scene.consumer.try_recv(), Ok(Outcome::Message(_))), "once mended");
}

#[test]
fn a_place_that_only_a_wrong_head_leads_to_is_not_waited_at() {
    let mut scene = Scene::new();
    scene.forger.page(HEAD, 1000);
    scene.consumer = scene.ring.consumer(Start::Latest).unwrap();
    scene.observer = scene.ring.observer(Start::Latest, Resume::Latest).unwrap();
    scene.forger.page(HEAD, 3);
    let expected = Damaged::new("head", 1000, 3, 1000 - 8);
    assert_eq!(scene.damage(), [expected; 2]);
}

#[test]
fn a_reader_may_wait_at_a_place_far_ahead_if_it_asked_to() {
    let scene = Scene::new();
    let moment = Duration::from_nanos(1);
    let mut observer = scene.ring.observer(Start::At(1000), Resume::Latest).unwrap();
    observer.set_wait(Wait::Yield);
    drop(scene.consumer);
    let mut consumer = scene.ring.consumer(Start::At(1000)).unwrap();
    consumer.set_wait(Wait::Yield);
    // One event each: the producer is gone.
    assert!(matches!(consumer.recv_timeout(moment), Ok(Outcome::ProducerLost)));
    assert!(matches!(consumer.recv_timeout(moment), Ok(Outcome::TimedOut)));
    assert!(matches!(observer.recv_timeout(moment), Ok(Outcome::ProducerLost)));
    assert!(matches!(observer.recv_timeout(moment), Ok(Outcome::TimedOut)));
}

#[test]
fn a_stamp_further_ahead_than_head_allows() {
    let mut scene = Scene::new();
    scene.forger.slot(0, STAMP, 2 * 1000 + 2);
    assert_eq!(scene.damage().map(|damaged| (damaged.what, damaged.found)), [("stamp", 2002); 2]);
}

#[test]
fn a_length_that_no_slot_holds() {
    for mut scene in [Scene::new(), Scene::in_place()] {
        for found in [49, u64::from(u32::MAX)] {
            scene.forger.slot(0, LENGTH, found);
            let expected = Damaged::new("length", 0, found, 48);
            assert_eq!(scene.damage(), [expected; 2]);
            assert!(matches!(scene.consumer.try_recv(), Err(RecvError::Damaged(_))));
            assert!(matches!(scene.consumer.try_recv_into(&mut [0; 64]), Err(RecvError::Damaged(_))));
        }
    }
}

#[test]
fn a_batch_ends_before_a_length_that_no_slot_holds() {
    for mut scene in [Scene::new(), Scene::in_place()] {
        scene.forger.slot(1, LENGTH, u64::MAX);
        let Outcome::Message(batch) = scene.consumer.try_recv_batch(usize::MAX).unwrap() else { panic!() };
        assert_eq!((batch.len(), batch.iter().count()), (1, 1));
        drop(batch);
        assert!(matches!(scene.consumer.try_recv_batch(usize::MAX), Err(RecvError::Damaged(_))));
    }
}

#[test]
fn a_head_that_no_ring_reaches_gives_no_role() {
    let scene = Scene::new();
    scene.forger.page(HEAD, MAX_SEQ + 1);
    let refusals = [
        scene.ring.producer().err(),
        scene.ring.consumer(Start::Oldest).err(),
        scene.ring.observer(Start::Latest, Resume::Latest).err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Some(AttachError::Damaged(Damaged { what: "head", .. }))), "{refusal:?}");
    }
}

#[test]
fn a_state_that_is_none() {
    let mut scene = Scene::new();
    scene.forger.page(EPOCH_AND_STATE, 1 << 2 | 3);
    for _ in 0..3 {
        assert!(matches!(scene.consumer.try_recv(), Ok(Outcome::Message(_))), "what is there can be read");
        assert!(matches!(scene.observer.try_recv(), Ok(Outcome::Message(_))));
    }
    let expected = Damaged::new("state", 0, 3, 2);
    assert_eq!(scene.damage(), [expected; 2]);
}

#[test]
fn an_epoch_that_is_not_the_producers_deposes_it() {
    let scene = Scene::new();
    let mut producer = scene.ring.producer().unwrap();
    scene.forger.page(EPOCH_AND_STATE, u64::MAX);
    let deposed = (0..8).find_map(|_| producer.try_publish(b"more").err());
    assert_eq!(deposed, Some(PublishError::Deposed { own: 2, found: u64::MAX >> 2 }));
    drop(producer);
    // The number after the largest is 0.
    assert_eq!(scene.ring.producer().unwrap().epoch(), 0);
}

/// A cursor that some other process has overwritten makes the ring full for the producer, while its consumer has read
/// everything.
#[test]
fn a_stray_store_to_a_cursor_does_not_stop_both_sides() {
    for wait in [Wait::Spin, Wait::Yield, Wait::Park] {
        let (_directory, path) = vacant();
        let ring = ringway_file::create(&path, &small().slots(16)).unwrap();
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
        consumer.set_wait(wait);
        for n in 0..16_u64 {
            producer.publish(&n.to_ne_bytes()).unwrap();
            assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(_))));
        }
        Forger::new(&path, &ring).cell(consumer.cell(), CURSOR, 0);
        let receiver = std::thread::spawn(move || {
            for n in 16..48_u64 {
                let outcome = consumer.recv_timeout(PATIENCE).unwrap();
                assert_eq!(&*outcome.into_message().expect("a message"), n.to_ne_bytes());
            }
        });
        producer.set_wait(wait);
        for n in 16..48_u64 {
            assert_eq!(producer.publish_timeout(&n.to_ne_bytes(), PATIENCE), Ok(n), "{wait:?}");
        }
        receiver.join().unwrap();
    }
}

#[test]
fn a_producer_stops_at_the_end_of_all_sequences_and_says_so() {
    const LEFT: u64 = 3;
    let mut scene = Scene::new();
    scene.forger.page(HEAD, MAX_SEQ - LEFT);
    let mut producer = scene.ring.producer().unwrap();
    scene.consumer = scene.ring.consumer(Start::Latest).unwrap();
    assert_eq!(producer.try_publish_all(&[b"more"; 4]), Err(PublishError::Exhausted));
    assert_eq!(producer.try_publish_batch(&[b"more"; 8]), Ok(LEFT as usize));
    for _ in 0..2 {
        assert_eq!(producer.publish(b"more"), Err(PublishError::Exhausted));
        assert_eq!(producer.try_claim(1).unwrap_err(), PublishError::Exhausted);
        assert_eq!(producer.publish_batch(&[b"more"]).unwrap_err().error, PublishError::Exhausted);
    }
    for seq in MAX_SEQ - LEFT..MAX_SEQ {
        let message =
            scene.consumer.try_recv().unwrap().into_message().expect("what was published can be read");
        assert_eq!((message.seq(), &*message), (seq, b"more".as_slice()));
    }
    drop(producer);
    // Nor does a successor go further, whatever lies there.
    scene.forger.slot(MAX_SEQ % 8, STAMP, 2 * MAX_SEQ + 2);
    assert!(matches!(scene.ring.producer(), Err(AttachError::Damaged(Damaged { what: "stamp", .. }))));
}

/// A batch is looked at when it is made, and each of its messages again when it is its turn.
#[test]
#[allow(unsafe_code, reason = "to trust the peers on a ring in a file is to promise something")]
fn damage_in_a_batch_ends_it_and_is_found_again() {
    for (word, value, what) in [(LENGTH, 1 << 20, "length"), (STAMP, 1 << 20, "stamp")] {
        let scene = Scene::new();
        // SAFETY: borrowed messages change here only in what a reader copies before it uses it.
        let ring = unsafe { ringway_file::open(scene.ring.path()).unwrap().trust_peers() };
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let Outcome::Message(batch) = consumer.try_recv_batch(8).unwrap() else {
            panic!("three messages are there")
        };
        assert_eq!((batch.len(), batch.iter().count()), (3, 3));
        let mut further = batch.iter();
        assert_eq!(further.by_ref().take(2).count(), 2);
        scene.forger.slot(1, word, value);
        assert_eq!(batch.iter().map(|message| message.to_vec()).collect::<Vec<_>>(), [b"one"]);
        assert_eq!((further.size_hint(), further.count()), ((0, Some(0)), 0));
        drop(batch);
        assert_eq!(consumer.next_seq(), 1);
        let found = consumer.try_recv().unwrap_err();
        assert!(
            matches!(found, RecvError::Damaged(Damaged { what: found, .. }) if found == what),
            "{found:?}"
        );
    }
}
