//! A process that may write the ring does: all over it, while producers, consumers and observers run in another.
//!
//! It may cost them messages. It may not cost them their lives, their time or their memory: each call returns,
//! with an outcome or an error of those it has. Once it is gone, and the ring made anew, all works.
//!
//! `RINGWAY_HOSTILE_SECONDS` says how long each test goes on, `RINGWAY_HOSTILE_SEED` what the stores follow from.
//! Peers that scribble can't be trusted, so there is no run on a ring in a file whose users trust each other. In
//! an anonymous ring messages are borrowed: there their bytes aren't looked at, only their lengths.

mod calls;
mod scribbler;
mod tally;

use std::time::{Duration, Instant};

use calls::{consume, observe, produce};
use nix::unistd::alarm;
use ringway::{Config, PublishError, RecvError, Resume, Ring, Start, Stride, file};
use scribbler::{Numbers, Scribbler};
use tally::{Tally, name};
use testkit::peer::Role;
use testkit::roles::{Sender, read_to_the_end};
use testkit::{Kind, Peer, Post, TestRing, named, role, suite};

/// How long a ring is scribbled over before the next one is made.
const ROUND: Duration = Duration::from_millis(500);

fn main() {
    suite::run_on(
        &[Kind::Anonymous, Kind::File],
        named![a_producer_survives_a_hostile_peer, readers_survive_a_hostile_peer],
        named![hostile_consumer, hostile_producer],
    );
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

fn seconds() -> u64 {
    number("RINGWAY_HOSTILE_SECONDS", 4)
}

/// Whatever still runs long after its time hangs.
fn set_alarm() {
    alarm::set(u32::try_from(seconds()).expect("a short time") + 60);
}

fn configs() -> [Config; 5] {
    let config = Config::new().max_consumers(4);
    [
        config.clone().slots(64).payload_capacity(200),
        config.clone().slots(4).payload_capacity(13).stride(Stride::Packed),
        config.clone().slots(8).payload_capacity(56).stride(Stride::Line),
        config.clone().slots(32).payload_capacity(64).stride(Stride::Split),
        config.slots(16).payload_capacity(9000),
    ]
}

/// Runs `victim` on one ring after another, each with a hostile peer that plays `role`.
fn rounds(
    kind: Kind,
    role: Role,
    mut victim: impl FnMut(&TestRing, Instant, &mut Numbers, &mut Tally),
) -> Tally {
    set_alarm();
    let mut tally = Tally::new();
    let mut numbers = Numbers(number("RINGWAY_HOSTILE_SEED", 1));
    let mut stores = 0;
    let end = Instant::now() + Duration::from_secs(seconds());
    for config in configs().iter().cycle() {
        let ring = kind.ring(config);
        let mut peer: Peer = ring.start(role);
        peer.say(numbers.next());
        peer.expect("ready");
        peer.say(ROUND.as_millis());
        victim(&ring, Instant::now() + ROUND, &mut numbers, &mut tally);
        stores += peer.hear_number();
        peer.succeed();
        // What the peer left behind lies still now.
        victim(&ring, Instant::now() + ROUND / 50, &mut numbers, &mut tally);
        drop(ring);
        a_ring_made_anew_works(kind, config);
        if Instant::now() >= end {
            break;
        }
    }
    tally.check_memory();
    println!("{role}, {kind:?}: {stores} bursts of stores; {tally}", role = role.0);
    tally
}

fn a_ring_made_anew_works(kind: Kind, config: &Config) {
    let ring = kind.ring(config);
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut sender = Sender::new(ring.producer().unwrap());
    sender.send_many(ring.geometry().slots());
    sender.close();
    assert_eq!(read_to_the_end(&mut consumer), ring.geometry().slots());
}

/// A consumer that reads now and then, and scribbles.
fn hostile_consumer(ring: &TestRing, post: &mut Post) {
    let mut consumer = None;
    scribble(ring, post, |numbers| {
        let Some(reader) = &mut consumer else {
            consumer = ring.consumer(Start::Oldest).ok();
            return;
        };
        for _ in 0..numbers.below(40) {
            if reader.try_recv().is_err() {
                consumer = None;
                return;
            }
        }
    });
}

/// A producer that publishes now and then, and scribbles.
fn hostile_producer(ring: &TestRing, post: &mut Post) {
    let message = vec![0x5a; ring.geometry().payload_capacity() as usize];
    let fixed = ring.geometry().stride_kind().is_fixed_length();
    let mut producer = None;
    scribble(ring, post, |numbers| {
        let Some(writer) = &mut producer else {
            producer = ring.producer().ok();
            return;
        };
        // Its successor puts right what only an entering producer writes.
        if numbers.below(20) == 0 {
            producer = None;
            return;
        }
        for _ in 0..numbers.below(40) {
            let length = if fixed { message.len() } else { numbers.below(message.len() as u64 + 1) as usize };
            match writer.try_publish(&message[..length]) {
                Ok(_) => {}
                Err(PublishError::Full(_)) => break,
                Err(_) => {
                    producer = None;
                    return;
                }
            }
        }
    });
}

/// Scribbles for as long as it is told to, in bursts, and does `what` between them.
fn scribble(ring: &TestRing, post: &mut Post, mut what: impl FnMut(&mut Numbers)) {
    set_alarm();
    let mut numbers = Numbers(post.hear_number());
    let mut scribbler = Scribbler::new(ring, numbers.next());
    what(&mut numbers);
    post.say("ready");
    let end = Instant::now() + Duration::from_millis(post.hear_number());
    let mut bursts: u64 = 0;
    while Instant::now() < end {
        for _ in 0..numbers.below(6) {
            scribbler.step();
        }
        for _ in 0..numbers.below(4) {
            what(&mut numbers);
        }
        bursts += 1;
    }
    post.say(bursts);
}

fn a_producer_survives_a_hostile_peer(kind: Kind) {
    let tally = rounds(kind, role!(hostile_consumer), |ring, until, numbers, tally| {
        let mut producer = None;
        while Instant::now() < until {
            match &mut producer {
                None => drop(tally.call(|| {
                    let taken =
                        ring.producer().map_err(|error| format!("producer: {}", attaching(&error)))?;
                    producer = Some(taken);
                    Ok("producer".into())
                })),
                Some(_) if numbers.below(500) == 0 => drop(tally.call(|| {
                    let closed = producer.take().expect("a producer").close();
                    closed.map(|()| "close".into()).map_err(|error| publishing(("close", error)))
                })),
                Some(taken) => {
                    let before = taken.next_seq();
                    let mut over = false;
                    tally.call(|| {
                        let made = produce(taken, numbers);
                        over =
                            matches!(made, Err((_, PublishError::Deposed { .. } | PublishError::Exhausted)));
                        made.map_err(publishing)
                    });
                    assert!(taken.next_seq() >= before);
                    if over {
                        producer = None;
                    }
                }
            }
            open_anew(ring, numbers, tally);
        }
    });
    for came_about in ["publish", "claim", "producer: Damaged"] {
        assert!(tally.count(came_about) > 0, "{came_about}");
    }
}

fn readers_survive_a_hostile_peer(kind: Kind) {
    let tally = rounds(kind, role!(hostile_producer), |ring, until, numbers, tally| {
        let (mut consumer, mut observer) = (None, None);
        while Instant::now() < until {
            let start = match numbers.below(3) {
                0 => Start::Latest,
                1 => Start::Oldest,
                _ => Start::At(numbers.below(1000)),
            };
            match &mut consumer {
                None => drop(tally.call(|| {
                    let joined = ring.consumer(start);
                    consumer = Some(joined.map_err(|error| format!("consumer: {}", attaching(&error)))?);
                    Ok("consumer".into())
                })),
                Some(joined) => {
                    let fine = tally.call(|| consume(joined, numbers).map_err(failed));
                    if numbers.below(if fine { 100 } else { 10 }) == 0 {
                        consumer = None;
                    }
                }
            }
            match &mut observer {
                None => drop(tally.call(|| {
                    let resume = [Resume::OldestSafe, Resume::Latest][numbers.below(2) as usize];
                    let attached = ring.observer(start, resume);
                    observer = Some(attached.map_err(|error| format!("observer: {}", attaching(&error)))?);
                    Ok("observer".into())
                })),
                Some(attached) => {
                    let fine = tally.call(|| observe(attached, numbers).map_err(failed));
                    // Where seeks go back and head to and fro, sums wrap.
                    let counted = attached.received().wrapping_add(attached.lost());
                    let moved = attached.next_seq().wrapping_sub(attached.start());
                    assert_eq!(counted.wrapping_add_signed(attached.skipped()), moved);
                    if numbers.below(if fine { 100 } else { 10 }) == 0 {
                        observer = None;
                    }
                }
            }
            open_anew(ring, numbers, tally);
        }
    });
    for came_about in ["recv: Message", "observe: Message", "Damaged"] {
        assert!(tally.count(came_about) > 0, "{came_about}");
    }
}

/// Now and then, opens the ring's file by its name, as a process that has just come.
fn open_anew(ring: &TestRing, numbers: &mut Numbers, tally: &mut Tally) {
    let TestRing::File { path, .. } = ring else { return };
    if numbers.below(50) == 0 {
        tally.call(|| {
            let opened = if numbers.below(2) == 0 { file::open(path) } else { file::open_read_only(path) };
            let known = ["Geometry", "OtherBoot", "WrongPlacement"];
            let opened = opened.map_err(|error| format!("open: {}", expected(&error, &known)))?;
            assert_eq!(opened.geometry(), ring.geometry());
            Ok("open".into())
        });
    }
}

fn failed((call, error): (&'static str, RecvError)) -> String {
    format!("{call}: {}", expected(&error, &["Damaged", "TooSmall"]))
}

fn publishing((call, error): (&'static str, PublishError)) -> String {
    format!(
        "{call}: {}",
        expected(&error, &["Full", "TimedOut", "TooLong", "FixedLength", "NoTags", "Deposed", "Exhausted"])
    )
}

fn attaching(error: &ringway::AttachError) -> String {
    expected(error, &["Damaged", "Geometry", "Overwritten", "NoFreeCell"])
}

/// The name of an error, which is to be one of these.
fn expected(error: &impl std::fmt::Debug, names: &[&str]) -> String {
    let found = name(error);
    assert!(names.iter().any(|name| found.starts_with(name)), "{error:?}");
    found
}
