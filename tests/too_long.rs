//! Messages longer than the slots: refused by every call that publishes, and nothing else is lost.

use ringway::{Config, PublishError, Ring, Start};
use testkit::roles::{Sender, read, verify};
use testkit::suite::next;
use testkit::{Kind, named, suite};

fn main() {
    suite::run(named![a_message_longer_than_the_slots_is_refused], &[]);
}

fn a_message_longer_than_the_slots_is_refused(kind: Kind) {
    let ring = kind.ring(&Config::new().slots(32).payload_capacity(101).max_consumers(4));
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut sender = Sender::new(ring.producer().unwrap());
    let refused = PublishError::TooLong { len: 102, capacity: 101 };
    assert_eq!(sender.producer.publish(&[0; 102]), Err(refused));
    assert_eq!(sender.producer.try_publish(&[0; 102]), Err(refused));
    assert_eq!(sender.producer.claim(102).map(|claim| claim.seq()), Err(refused));
    // One that is too long spoils the batch.
    assert_eq!(sender.producer.try_publish_batch(&[vec![1; 3], vec![2; 102]]), Err(refused));
    let error = sender.producer.publish_batch(&[vec![1; 3], vec![2; 102]]).unwrap_err();
    assert_eq!((error.published, error.error), (0, refused));
    let error = sender.producer.publish_batch_with(2, 102, |_, _| unreachable!("too long")).unwrap_err();
    assert_eq!((error.published, error.error), (0, refused));
    assert_eq!(sender.producer.try_publish_batch_with(2, 102, |_, _| unreachable!("too long")), Err(refused));
    assert_eq!(sender.producer.try_publish_batch_with(0, 101, |_, _| unreachable!("none is wanted")), Ok(0));
    assert_eq!(sender.producer.next_seq(), 0);
    sender.send_many(3);
    read(&mut consumer, 3);
    next(&mut { ring.consumer(Start::At(2)).unwrap() }, |seq, tag, bytes| verify(101, seq, tag, bytes));
}
