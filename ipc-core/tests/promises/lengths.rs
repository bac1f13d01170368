//! Messages of every length come as they were published, however they are received.

use ringway_core::{Config, Outcome, Ring, Start};

use crate::common::Kind;

/// Longer than what is copied in the caller's own code.
const LONGEST: usize = 130;

#[test]
fn a_message_of_any_length_comes_whole() {
    for kind in Kind::ALL {
        let ring = kind.ring(&Config::new().slots(4).payload_capacity(LONGEST as u64));
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
        // Shorter ones after longer ones, too.
        for len in (0..=LONGEST).chain((0..=LONGEST).rev()) {
            let message: Vec<u8> = (0..len).map(|byte| (byte * 7 + len) as u8).collect();
            for tag in [3, 4] {
                producer.try_publish_tagged(&message, tag).unwrap();
            }
            let Outcome::Message(guard) = consumer.try_recv().unwrap() else { panic!("it is there") };
            assert_eq!((&guard[..], guard.tag()), (&message[..], 3), "{kind:?}");
            drop(guard);
            let mut buffer = [0xAA; LONGEST + 1];
            let Outcome::Message(copied) = consumer.try_recv_into(&mut buffer).unwrap() else {
                panic!("it is there")
            };
            assert_eq!((&buffer[..copied.len], copied.tag), (&message[..], 4), "{kind:?}");
            assert!(buffer[len..].iter().all(|&byte| byte == 0xAA), "wrote past a message of {len} bytes");
        }
    }
}
