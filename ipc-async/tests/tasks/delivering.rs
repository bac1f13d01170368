//! What tasks read and publish.

use std::cell::Cell;

use futures_util::StreamExt;
use ringway::aio::{AsyncBestEffortReader, AsyncObserver, AsyncProducer};
use ringway::{Outcome, Resume, Ring, Start};
use testkit::roles::{Sender, reader, sender, verify_in};
use testkit::{Kind, Peer, Post, TestRing, payload, role};

use crate::{config, consumer, read_to_the_end, with_peers};

const MESSAGES: u64 = 20_000;

/// Publishes as many messages as it is told to, each time.
pub fn on_demand(ring: &TestRing, post: &mut Post) {
    let mut sender = Sender::new(ring.producer().expect("no other producer"));
    post.say("ready");
    loop {
        match post.hear().as_str() {
            "close" => return sender.close(),
            count => sender.send_many(count.parse().expect("a number")),
        }
    }
}

fn start_sender(ring: &TestRing) -> Peer {
    ring.start(role!(sender))
}

pub fn start_on_demand(ring: &TestRing) -> Peer {
    ring.start(("on_demand", on_demand))
}

pub fn a_task_gets_every_message(kind: Kind) {
    for (runtime, ring, mut peer) in with_peers(kind, &config(), start_sender) {
        peer.expect("ready");
        let consumer = consumer(&ring);
        peer.say(MESSAGES);
        let count = runtime.block_on(async { tokio::spawn(read_to_the_end(consumer)).await });
        assert_eq!(count.expect("no panic"), MESSAGES);
        peer.succeed();
    }
}

pub fn a_waiting_task_wakes_for_each_message(kind: Kind) {
    for (runtime, ring, mut peer) in with_peers(kind, &config(), start_on_demand) {
        peer.expect("ready");
        let mut consumer = consumer(&ring);
        runtime.block_on(async {
            for seq in 0..100 {
                let length = payload::length(seq, 0, 101);
                let mut buffer = [0; 101];
                // The first is polled first: it waits by the time that the message is asked for.
                let (outcome, ()) =
                    tokio::join!(biased; consumer.recv_into(&mut buffer), async { peer.say(1) });
                let copied = outcome.expect("a sound ring").into_message().expect("a message");
                assert_eq!((copied.seq, copied.len), (seq, length));
                verify_in(ring.geometry(), seq, copied.tag, &buffer[..length]);
            }
            let (outcome, ()) = tokio::join!(biased; consumer.recv(), async { peer.say("close") });
            assert!(outcome.expect("a sound ring").is_closed());
        });
        peer.succeed();
    }
}

pub fn a_best_effort_task_accounts_for_every_message(kind: Kind) {
    for (runtime, ring, mut peer) in with_peers(kind, &config(), start_sender) {
        peer.expect("ready");
        let mut reader =
            AsyncBestEffortReader::new(ring.best_effort_reader(Start::Oldest).expect("a free cell"));
        peer.say(MESSAGES);
        runtime.block_on(async {
            // How many it loses is up to the machine: it gives way to other tasks.
            let mut lost = 0;
            loop {
                match reader.recv().await.expect("a sound ring") {
                    Outcome::Message(message) => {
                        verify_in(ring.geometry(), message.seq(), message.tag(), &message);
                    }
                    Outcome::Lagged(n) => lost += n,
                    Outcome::Closed => break,
                    other => panic!("{other:?}"),
                }
            }
            let reader = reader.get_ref();
            assert_eq!(
                (reader.next_seq(), reader.received() + lost, reader.lost()),
                (MESSAGES, MESSAGES, lost)
            );
        });
        assert!(
            runtime
                .block_on(reader.into_stream().next())
                .expect("an event")
                .expect("a sound ring")
                .is_closed()
        );
        peer.succeed();
    }
}

pub fn a_stream_ends_where_the_ring_is_closed(kind: Kind) {
    for (runtime, ring, mut peer) in with_peers(kind, &config(), start_sender) {
        peer.expect("ready");
        let mut stream = consumer(&ring).into_stream();
        let observer = ring.observer(Start::Oldest, Resume::OldestSafe).expect("an observer");
        let mut observed = AsyncObserver::new(observer).into_stream();
        peer.say(MESSAGES);
        runtime.block_on(async {
            for expected in 0..MESSAGES {
                let message = stream.next().await.expect("more").expect("a sound ring");
                let message = message.into_message().expect("a message");
                assert_eq!(message.seq, expected);
                verify_in(ring.geometry(), message.seq, message.tag, &message);
            }
            assert!(stream.next().await.expect("more").expect("a sound ring").is_closed());
            assert!(stream.next().await.is_none());

            let (mut next, mut closed) = (0, false);
            while let Some(outcome) = observed.next().await {
                match outcome.expect("a sound ring") {
                    Outcome::Message(message) => {
                        assert_eq!(message.seq, next);
                        verify_in(ring.geometry(), message.seq, message.tag, &message);
                        next += 1;
                    }
                    Outcome::Lagged(lost) => next += lost,
                    Outcome::Closed => closed = true,
                    other => panic!("expected message {next}, got {other:?}"),
                }
            }
            assert!(closed);
            assert_eq!(next, MESSAGES);
        });
        assert!(stream.into_inner().into_inner().try_recv().expect("a sound ring").is_closed());
        peer.succeed();
    }
}

pub fn an_observing_task_counts_what_it_lost(kind: Kind) {
    for (runtime, ring, mut peer) in with_peers(kind, &config(), start_sender) {
        peer.expect("ready");
        let observer = ring.observer(Start::Oldest, Resume::OldestSafe).expect("an observer");
        let mut observer = AsyncObserver::new(observer);
        let geometry = ring.geometry().clone();
        peer.say(MESSAGES);
        let (received, lost) = runtime.block_on(async move {
            let (mut received, mut lost) = (0, 0);
            loop {
                let look = |bytes: &[u8], seq, tag| verify_in(&geometry, seq, tag, bytes);
                match observer.recv_with(look).await.expect("a sound ring") {
                    Outcome::Message(()) => received += 1,
                    Outcome::Lagged(some) => lost += some,
                    Outcome::Closed => return (received, lost),
                    other => panic!("unexpected {other:?}"),
                }
            }
        });
        assert_eq!(received + lost, MESSAGES);
        peer.succeed();
    }
}

pub fn a_publishing_task_waits_for_room(kind: Kind) {
    for (runtime, ring, mut peer) in with_peers(kind, &config(), |ring| ring.start(role!(reader))) {
        peer.hear_number();
        let mut producer = AsyncProducer::new(ring.producer().expect("no other producer"));
        runtime.block_on(async {
            let message = |seq| {
                let mut bytes = vec![0; payload::length(seq, 0, 101)];
                payload::fill(seq, &mut bytes);
                bytes
            };
            for seq in 0..MESSAGES {
                let bytes = message(seq);
                if seq % 2 == 0 {
                    assert_eq!(producer.publish_tagged(&bytes, payload::tag(seq)).await, Ok(seq));
                } else {
                    let mut claim = producer.claim(bytes.len()).await.expect("room");
                    claim.copy_from_slice(&bytes);
                    assert_eq!(claim.commit_tagged(payload::tag(seq)), Ok(seq));
                }
            }
        });
        producer.get_mut().close().expect("this process's own ring to close");
        assert_eq!(peer.hear_number(), MESSAGES);
        peer.succeed();
    }
}

/// A message that counts how often its bytes are asked for.
struct Asked<'c>(&'c Cell<u64>);

impl AsRef<[u8]> for Asked<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0.set(self.0.get() + 1);
        b"one of many"
    }
}

pub fn a_long_batch_is_not_looked_through_again_for_each_part(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = consumer(&ring);
    let mut producer = AsyncProducer::new(ring.producer().expect("no other producer"));
    let asked = Cell::new(0);
    let messages: Vec<_> = (0..MESSAGES).map(|_| Asked(&asked)).collect();
    crate::current_thread().block_on(async {
        let reading = async {
            for expected in 0..MESSAGES {
                let seq = consumer.recv_with(|_, seq, _| seq).await.expect("a sound ring").into_message();
                assert_eq!(seq, Some(expected));
            }
        };
        let (published, ()) = tokio::join!(producer.publish_batch(&messages), reading);
        assert_eq!(published, Ok(()));
    });
    // Once for all lengths, and then for those that fit, and those that are written.
    assert!(asked.get() < 20 * MESSAGES, "asked {} times for {MESSAGES} messages", asked.get());
}
