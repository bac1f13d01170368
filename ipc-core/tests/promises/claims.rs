//! Messages that are written where they will lie, or seem to be.

use std::io::Write;

use ringway_core::{Config, Outcome, PublishError, Ring, Start};

use crate::common::Kind;

#[test]
fn a_claim_is_written_as_far_as_it_goes() {
    for kind in Kind::ALL {
        let ring = kind.ring(&Config::new().slots(4).payload_capacity(16));
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut claim = producer.claim(10).unwrap();
        assert_eq!((claim.seq(), claim.len(), claim.written()), (0, 10, 0));
        assert_eq!(claim.write(b"slot").unwrap(), 4);
        assert_eq!(claim.written(), 4);
        assert_eq!(claim.write(b" machine").unwrap(), 6);
        assert_eq!((claim.written(), claim.write(b"s").unwrap()), (10, 0));
        claim.flush().unwrap();
        assert_eq!(&claim[..], b"slot machi");
        claim[9] = b'o';
        assert_eq!(claim.commit_len_tagged(9, 3), Ok(0));
        {
            let Outcome::Message(message) = consumer.try_recv().unwrap() else { panic!("it was committed") };
            assert_eq!((&message[..], message.tag()), (&b"slot mach"[..], 3));
        }

        producer.claim(10).unwrap().fill(b'-');
        let claim = producer.claim(3).unwrap();
        assert_eq!(claim.seq(), 1, "what was dropped was published");
        assert!(matches!(claim.commit_len(4), Err(PublishError::BeyondClaim { len: 4, claimed: 3 })));
        let mut claim = producer.claim(3).unwrap();
        claim.copy_from_slice(b"all");
        assert_eq!(claim.commit_tagged(7), Ok(1));
        {
            let Outcome::Message(message) = consumer.try_recv().unwrap() else { panic!("it was committed") };
            assert_eq!((&message[..], message.tag(), message.seq()), (&b"all"[..], 7, 1));
        }
        assert!(matches!(producer.claim(17), Err(PublishError::TooLong { len: 17, capacity: 16 })));
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Empty)));
    }
}
