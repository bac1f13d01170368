//! A consumer of a stream looks at later slots, so as to fetch what is there, and goes by each
//! message's own all the same.
#![allow(clippy::disallowed_types, reason = "a test plays the peer that writes what it likes")]

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{Config, Outcome, Ring, Start};

use crate::common::Kind;

const SLOTS: u64 = 256;
const MESSAGES: u64 = 100;

#[test]
fn a_message_comes_once_its_own_stamp_says_so_whatever_later_ones_say() {
    fn published(seq: u64) -> u64 {
        2 * seq + 2
    }
    let hostile: [fn(u64) -> u64; 4] =
        [published, |seq| published(seq) - 1, |seq| published(seq + SLOTS), |_| u64::MAX];
    for kind in Kind::ALL {
        for stamp in hostile {
            let ring = kind.ring(&Config::new().slots(SLOTS).payload_capacity(8));
            let mut producer = ring.producer().unwrap();
            let mut consumer = ring.consumer(Start::Oldest).unwrap();
            for seq in 0..MESSAGES {
                producer.try_publish(&seq.to_ne_bytes()).unwrap();
            }
            // Everything but the stamp is there.
            ring.slot(MESSAGES)[1].store(8, Relaxed);
            for later in MESSAGES + 1..SLOTS {
                ring.slot(later)[0].store(stamp(later), Relaxed);
            }
            for seq in 0..MESSAGES {
                let outcome = consumer.recv_timeout(Duration::ZERO);
                assert!(
                    matches!(outcome, Ok(Outcome::Message(message)) if message[..] == seq.to_ne_bytes()),
                    "{kind:?}, {seq}"
                );
            }
            let none = consumer.recv_timeout(Duration::ZERO).map(|outcome| outcome.map(drop));
            assert!(matches!(none, Ok(Outcome::TimedOut)), "{kind:?}: {none:?}");
        }
    }
}
