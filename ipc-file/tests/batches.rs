//! How many messages a call takes, and how many bytes: what it does at the edges.

use ringway_core::{Consumer, Outcome, Producer, PublishError, Ring, Start};
use tempfile::TempDir;
use testkit::PATIENCE;
use testkit::files::{small, vacant};

const SLOTS: u64 = 1024;

/// A ring with a consumer that has read nothing of the `published` messages.
fn ring(published: u64) -> (Producer, Consumer, TempDir) {
    let (directory, path) = vacant();
    let ring = ringway_file::create(&path, &small().slots(SLOTS)).unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let mut producer = ring.producer().unwrap();
    for _ in 0..published {
        producer.try_publish(b"single").unwrap();
    }
    (producer, consumer, directory)
}

fn write(_: u64, bytes: &mut [u8]) {
    bytes.fill(b'b');
}

/// What publishes as many as there is room for, what publishes all or none, and a name for both.
type Ways = [(fn(&mut Producer, usize) -> Result<usize, PublishError>, &'static str); 2];

const AS_MANY: Ways = [
    (|producer, count| producer.try_publish_batch(&vec![b"batch"; count]), "slices"),
    (|producer, count| producer.try_publish_batch_with(count, 5, write), "in place"),
];

const ALL: Ways = [
    (|producer, count| producer.try_publish_all(&vec![b"batch"; count]).map(|()| count), "slices"),
    (|producer, count| producer.try_publish_all_with(count, 5, write).map(|()| count), "in place"),
];

#[test]
fn a_batch_takes_all_the_room_there_is() {
    for (publish, how) in AS_MANY {
        // One message before the producer looks at the consumers again.
        let (mut producer, mut consumer, _directory) = ring(SLOTS / 2 - 1);
        assert_eq!(publish(&mut producer, 100), Ok(100), "{how}");
        let left = (SLOTS / 2 - 99) as usize;
        assert_eq!(publish(&mut producer, 5000), Ok(left), "{how}");
        assert!(
            matches!(publish(&mut producer, 1), Err(PublishError::Full(full)) if full.lag == SLOTS),
            "{how}"
        );
        assert_eq!(publish(&mut producer, 0), Ok(0), "{how}");
        let count = (0..).take_while(|_| matches!(consumer.try_recv(), Ok(Outcome::Message(_)))).count();
        assert_eq!(count as u64, SLOTS, "{how}");
    }
}

#[test]
fn a_batch_is_published_all_or_none() {
    const HALF: usize = SLOTS as usize / 2;
    for (publish, how) in ALL {
        let (mut producer, mut consumer, _directory) = ring(SLOTS / 2 - 1);
        assert_eq!(publish(&mut producer, 100), Ok(100), "{how}: past the private limit");
        let room = HALF - 99;
        for _ in 0..2 {
            let refused = publish(&mut producer, room + 1);
            assert!(
                matches!(refused, Err(PublishError::Full(full)) if full.lag == 611),
                "{how}: {refused:?}"
            );
            assert_eq!(producer.next_seq(), 611, "{how}: nothing was published");
        }
        let too_long = PublishError::BatchTooLong { count: HALF + 1, max: HALF };
        assert_eq!(publish(&mut producer, HALF + 1), Err(too_long), "{how}");
        assert_eq!(publish(&mut producer, 0), Ok(0), "{how}");
        // Room for one is there, whatever the last answer was.
        assert_eq!(producer.try_publish(b"single"), Ok(611), "{how}");
        assert_eq!(
            publish(&mut producer, room - 1),
            Ok(room - 1),
            "{how}: exactly as many as there is room for"
        );
        assert!(matches!(publish(&mut producer, 1), Err(PublishError::Full(_))), "{how}");
        assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(_))));
        assert_eq!(publish(&mut producer, 1), Ok(1), "{how}");
    }
}

#[test]
fn a_batch_with_a_message_that_is_too_long_publishes_none() {
    let (mut producer, _consumer, _directory) = ring(0);
    let batch = [&b"fits"[..], &[0; 49]];
    let too_long = PublishError::TooLong { len: 49, capacity: 48 };
    assert_eq!(producer.try_publish_all(&batch), Err(too_long));
    assert_eq!(producer.try_publish_all_with(1, 49, write), Err(too_long));
    assert_eq!(producer.next_seq(), 0);
}

#[test]
fn a_batch_of_no_messages_is_empty_at_once() {
    for published in [0, 1] {
        let (mut producer, mut consumer, _directory) = ring(published);
        // The end isn't what was asked for either.
        producer.close().unwrap();
        assert!(matches!(consumer.recv_batch_timeout(0, PATIENCE), Ok(Outcome::Empty)));
        assert!(matches!(consumer.try_recv_batch(0), Ok(Outcome::Empty)));
        assert_eq!(consumer.next_seq(), 0);
    }
}

#[test]
fn more_than_was_claimed_is_no_fault_of_the_rings_slots() {
    let (mut producer, _consumer, _directory) = ring(0);
    let claim = producer.try_claim(16).unwrap();
    let error = claim.commit_len(17).unwrap_err();
    assert_eq!(error, PublishError::BeyondClaim { len: 17, claimed: 16 });
    let text = error.to_string();
    assert!(text.contains("17 bytes to a claim of 16") && !text.contains("slots"), "{text}");
    assert_eq!(producer.next_seq(), 0);
    assert!(matches!(producer.try_claim(16).unwrap().commit_len(usize::MAX), Err(found) if found != error));
    assert_eq!(producer.try_claim(16).unwrap().commit_len(16), Ok(0));
}
