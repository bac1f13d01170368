//! Observers of a producer, another process, that runs at full speed: what they accept is intact, and what
//! they lost is counted exactly.

use ringway::{AttachError, Config, Observer, Outcome, Resume, Ring, Start, State, Stride, Wait};
use testkit::roles::{Sender, reader, sender, verify};
use testkit::{Kind, PATIENCE, Peer, Post, TestRing, named, payload, role, suite};

/// Enough for thousands of laps.
const MESSAGES: u64 = 20_000;

fn main() {
    suite::run(
        named![
            what_an_observer_accepts_is_intact_and_what_it_lost_is_counted,
            an_observer_in_its_own_buffers_counts_the_same,
            observers_in_other_processes_count_alike,
            an_observer_beside_consumers_slows_and_harms_nobody,
            an_observer_starts_where_it_is_told,
            an_observer_goes_on_where_its_policy_says,
            a_stopped_observer_holds_nobody_back,
        ],
        named![flood, flood_in_place, sender, reader, observer],
    );
}

fn config(slots: u64, stride: Stride) -> Config {
    Config::new().slots(slots).payload_capacity(1024).stride(stride).max_consumers(2)
}

/// Counts what an observer says, and checks each word of it.
struct Tally<'a> {
    observer: &'a mut Observer,
    wait: Wait,
    steps: u64,
    messages: u64,
    lost: u64,
}

impl<'a> Tally<'a> {
    fn new(observer: &'a mut Observer) -> Self {
        Self { observer, wait: Wait::Yield, steps: 0, messages: 0, lost: 0 }
    }

    /// Observes until the ring is closed.
    fn until_closed(mut self) -> Self {
        while self.step() {}
        let observer = &*self.observer;
        assert_eq!((observer.received(), observer.lost()), (self.messages, self.lost));
        assert_eq!(observer.received() + observer.lost(), observer.head().unwrap() - observer.start());
        assert_eq!(observer.next_seq(), observer.head().unwrap());
        self
    }

    /// Waits until the next message is gone, or the ring closed.
    fn fall_behind(&self) {
        let gone = self.observer.next_seq() + self.observer.geometry().slots();
        while self.observer.head().unwrap() <= gone && self.observer.state().unwrap() == State::Open {
            std::thread::yield_now();
        }
    }

    /// Observes once; whether there is more to come. Now and then lets the producer overtake it first, so
    /// that there is something lost however slow the producer is.
    fn step(&mut self) -> bool {
        self.steps += 1;
        if self.steps.is_multiple_of(500) {
            self.fall_behind();
        }
        let expected = self.observer.next_seq();
        let mut lost = None;
        self.observer.set_wait(self.wait);
        match self.observer.recv_timeout(PATIENCE).unwrap() {
            Outcome::Message(message) => {
                assert_eq!(message.seq(), expected);
                verify(1024, expected, message.tag(), &message);
                self.messages += 1;
            }
            Outcome::Lagged(count) => lost = Some(count),
            Outcome::Closed => return false,
            other => panic!("expected message {expected}, got {other:?}"),
        }
        if let Some(count) = lost {
            assert!(count > 0);
            assert_eq!(self.observer.next_seq(), expected + count);
            self.lost += count;
        }
        true
    }
}

fn what_an_observer_accepts_is_intact_and_what_it_lost_is_counted(kind: Kind) {
    use Resume::{Latest, OldestSafe};
    let roles = [role!(flood), role!(flood_in_place)];
    for (stride, role) in [Stride::Aligned, Stride::Packed].into_iter().zip(roles) {
        for (slots, resume, least) in [(2, OldestSafe, 20), (8, OldestSafe, 200), (64, Latest, 0)] {
            let ring = kind.ring(&config(slots, stride));
            let mut observer = ring.observer(Start::Oldest, resume).unwrap();
            let mut producer = ring.start(role);
            // There are two processes and, most likely, two processors.
            let mut tally = Tally { wait: Wait::Spin, ..Tally::new(&mut observer) };
            // How many it gets of those depends on the machine: goes on until they are enough to mean
            // something. One that always goes on at the latest may get none on a busy machine.
            while tally.observer.next_seq() < MESSAGES || tally.messages < least || tally.lost == 0 {
                assert!(tally.step());
            }
            let enough = ring.consumer(Start::Latest).unwrap();
            let tally = tally.until_closed();
            assert_eq!(tally.observer.next_seq(), producer.hear_number());
            producer.succeed();
            drop(enough);
        }
    }
}

/// Publishes at full speed until a consumer joins.
fn flood(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().unwrap());
    while sender.producer.consumer_count() == Ok(0) {
        sender.send_many(1);
    }
    post.say(sender.producer.next_seq());
    sender.close();
}

/// Does the same, and writes in the slots; abandons some of them.
fn flood_in_place(ring: &TestRing, post: &mut Post) {
    let mut producer = ring.producer().unwrap();
    while producer.consumer_count() == Ok(0) {
        let seq = producer.next_seq();
        if seq.is_multiple_of(5) {
            producer.claim(1024).unwrap().fill(0xAB);
        }
        let length = payload::length(seq, 0, 1024);
        let mut claim = producer.claim(length).unwrap();
        payload::fill(seq, &mut claim);
        claim.commit_tagged(payload::tag(seq)).unwrap();
    }
    post.say(producer.next_seq());
    producer.close().unwrap();
}

/// Starts a process that publishes all the messages as fast as it can.
fn start_sender(ring: &TestRing) -> Peer {
    let mut producer = ring.start(role!(sender));
    producer.expect("ready");
    producer.say(MESSAGES);
    producer
}

fn an_observer_in_its_own_buffers_counts_the_same(kind: Kind) {
    let ring = kind.ring(&config(8, Stride::Aligned));
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    observer.set_wait(Wait::Yield);
    let producer = start_sender(&ring);
    let mut buffer = vec![0; 1024];
    let (mut messages, mut lost) = (0, 0);
    loop {
        let expected = observer.next_seq();
        match observer.recv_into_timeout(&mut buffer, PATIENCE).unwrap() {
            Outcome::Message(copied) => {
                assert_eq!(copied.seq, expected);
                verify(1024, expected, copied.tag, &buffer[..copied.len]);
                messages += 1;
            }
            Outcome::Lagged(count) => lost += count,
            Outcome::Closed => break,
            other => panic!("{other:?}"),
        }
        assert_eq!(observer.next_seq(), messages + lost);
    }
    assert_eq!((observer.received(), observer.lost()), (messages, lost));
    assert_eq!(messages + lost, MESSAGES);
    producer.succeed();
}

/// Observes to the end, and says when it has begun.
fn observer(ring: &TestRing, post: &mut Post) {
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    post.say("there");
    let tally = Tally::new(&mut observer).until_closed();
    // It fell behind, and in the end the producer stood still.
    assert!(tally.lost > 0 && tally.messages > 0);
    assert_eq!(tally.observer.next_seq(), MESSAGES);
}

fn observers_in_other_processes_count_alike(kind: Kind) {
    let ring = kind.ring(&config(16, Stride::Packed));
    let mut observers = [(); 3].map(|()| ring.start(role!(observer)));
    for observer in &mut observers {
        observer.expect("there");
    }
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(MESSAGES);
    sender.close();
    observers.into_iter().for_each(Peer::succeed);
}

fn an_observer_beside_consumers_slows_and_harms_nobody(kind: Kind) {
    let ring = kind.ring(&config(16, Stride::Aligned));
    let mut readers = [(); 2].map(|()| ring.start(role!(reader)));
    for reader in &mut readers {
        reader.hear_number();
    }
    let mut watching = ring.start(role!(observer));
    watching.expect("there");
    let mut observer = ring.observer(Start::Oldest, Resume::Latest).unwrap();
    let producer = start_sender(&ring);
    let tally = Tally::new(&mut observer).until_closed();
    assert_eq!(tally.messages + tally.lost, MESSAGES);
    for mut reader in readers {
        assert_eq!(reader.hear_number(), MESSAGES);
        reader.succeed();
    }
    watching.succeed();
    producer.succeed();
}

fn an_observer_starts_where_it_is_told(kind: Kind) {
    let ring = kind.ring(&config(16, Stride::Aligned));
    let mut early = [Start::Latest, Start::Oldest, Start::At(0)]
        .map(|start| ring.observer(start, Resume::OldestSafe).unwrap());
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(10);
    for observer in &mut early {
        assert_eq!((observer.start(), observer.received()), (0, 0));
        assert!(Tally::new(observer).step());
    }
    let first = |start| ring.observer(start, Resume::OldestSafe).map(|observer| observer.start());
    assert_eq!(first(Start::Oldest).unwrap(), 0);
    sender.send_many(30);
    // A whole lap is kept for observers; half of it for consumers.
    assert_eq!(first(Start::Latest).unwrap(), 40);
    assert_eq!(first(Start::Oldest).unwrap(), 24);
    assert_eq!(first(Start::At(24)).unwrap(), 24);
    assert_eq!(first(Start::At(77)).unwrap(), 77);
    let gone = first(Start::At(23)).unwrap_err();
    assert!(matches!(gone, AttachError::Overwritten { asked: 23, oldest: 24 }), "{gone}");
    // A claim takes the oldest slot, whatever comes of it.
    sender.producer.claim(1).unwrap().fill(0xAB);
    assert_eq!(first(Start::Oldest).unwrap(), 25);

    let mut observer = ring.observer(Start::At(38), Resume::OldestSafe).unwrap();
    sender.send_many(1);
    let mut tally = Tally::new(&mut observer);
    for _ in 38..41 {
        assert!(tally.step());
    }
    assert_eq!((tally.messages, tally.lost), (3, 0));
    assert!(matches!(observer.try_recv().unwrap(), Outcome::Empty));
}

fn an_observer_goes_on_where_its_policy_says(kind: Kind) {
    let ring = kind.ring(&config(16, Stride::Aligned));
    let mut oldest = ring.observer(Start::At(0), Resume::OldestSafe).unwrap();
    let mut latest = ring.observer(Start::At(0), Resume::Latest).unwrap();
    let mut sender = Sender::new(ring.producer().unwrap());
    for round in 1..10 {
        // 34 more than a lap: message 34 of each round's is the first that is kept.
        sender.send_many(50);
        let head = 50 * round;
        let expected = if round == 1 { head - 16 } else { 34 };
        assert!(matches!(oldest.try_recv().unwrap(), Outcome::Lagged(lost) if lost == expected));
        assert_eq!(oldest.next_seq(), head - 16);
        assert!(matches!(latest.try_recv().unwrap(), Outcome::Lagged(50)));
        assert_eq!(latest.next_seq(), head);
        let mut tally = Tally::new(&mut oldest);
        (0..16).for_each(|_| assert!(tally.step()));
        assert_eq!(tally.messages, 16);
        assert!(matches!(oldest.try_recv().unwrap(), Outcome::Empty));
        assert!(matches!(latest.try_recv().unwrap(), Outcome::Empty));
    }
    // Overtaken again and again before it has read anything, it keeps further and further away from the
    // edge: up to half a lap.
    let mut left = Vec::new();
    for _ in 0..6 {
        sender.send_many(50);
        assert!(matches!(oldest.try_recv().unwrap(), Outcome::Lagged(_)));
        left.push(oldest.head().unwrap() - oldest.next_seq());
    }
    assert!(left.is_sorted_by(|nearer, farther| nearer >= farther), "{left:?}");
    assert_eq!((left[0], left[5]), (16, 8));
}

fn a_stopped_observer_holds_nobody_back(kind: Kind) {
    let ring = kind.ring(&config(16, Stride::Aligned));
    let mut watching = ring.start(role!(observer));
    watching.expect("there");
    watching.stop();
    let mut sender = Sender::new(ring.producer().unwrap());
    for seq in 0..MESSAGES - 1000 {
        assert_eq!(sender.try_send(), Ok(seq));
    }
    watching.go_on();
    sender.send_many(1000);
    sender.close();
    watching.succeed();
}
