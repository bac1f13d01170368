//! Messages as addresses: bounded like any message, held until they are released, and changed by peers without harm.
#![allow(
    unsafe_code,
    reason = "what an address leads to is looked at as the kernel would, without a reference"
)]

use std::sync::atomic::Ordering::Relaxed;

use ringway_core::{Config, Consumer, Outcome, Producer, PublishError, RawMessage, Ring, Start, Stride};

use crate::common::{Kind, TestRing, damaged};

const SLOTS: u64 = 8;

fn a_ring(kind: Kind, stride: Stride) -> (TestRing, Producer, Consumer) {
    let ring = kind.ring(&Config::new().slots(SLOTS).stride(stride).payload_capacity(16));
    let producer = ring.producer().expect("no other producer");
    let consumer = ring.consumer(Start::Oldest).expect("a free cell");
    (ring, producer, consumer)
}

fn next(consumer: &mut Consumer) -> RawMessage<'_> {
    let Outcome::Message(message) = consumer.try_recv_raw().unwrap() else { panic!("it was published") };
    message
}

fn bytes(message: &RawMessage<'_>) -> Vec<u8> {
    // SAFETY: the message is held, and as long as it says.
    (0..message.len()).map(|at| unsafe { message.as_ptr().add(at).read_volatile() }).collect()
}

/// Publishes through an address.
fn publish(producer: &mut Producer, message: &[u8], tag: u32) -> Result<u64, PublishError> {
    let claim = producer.try_claim_raw(16)?;
    for (at, &byte) in message.iter().enumerate() {
        // SAFETY: 16 bytes were claimed, and no message of this test has more.
        unsafe { claim.as_ptr().add(at).write_volatile(byte) };
    }
    claim.check()?;
    claim.commit_len_tagged(message.len(), tag)
}

#[test]
fn a_raw_message_comes_again_until_it_is_released() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind, Stride::Aligned);
        for seq in 0..3 * SLOTS {
            let message = seq.to_ne_bytes();
            assert_eq!(publish(&mut producer, &message, seq as u32), Ok(seq));
            for _ in 0..2 {
                let raw = next(&mut consumer);
                assert_eq!((raw.seq(), raw.tag(), bytes(&raw)), (seq, seq as u32, message.to_vec()));
                raw.check().unwrap();
            }
            assert_eq!(consumer.next_seq(), seq, "what is dropped isn't released");
            next(&mut consumer).release().unwrap();
            assert_eq!(consumer.next_seq(), seq + 1);
            assert!(consumer.try_recv_raw().unwrap().is_empty());
        }
    }
}

#[test]
fn a_raw_message_keeps_the_producer_from_its_slot() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind, Stride::Aligned);
        for _ in 0..SLOTS {
            publish(&mut producer, b"some", 0).unwrap();
        }
        let held = next(&mut consumer);
        assert!(matches!(producer.try_claim_raw(1), Err(PublishError::Full(_))));
        held.release().unwrap();
        publish(&mut producer, b"more", 0).unwrap();
    }
}

#[test]
fn a_length_past_the_slot_is_damage_to_a_raw_reader_too() {
    for kind in Kind::ALL {
        let (ring, mut producer, mut consumer) = a_ring(kind, Stride::Aligned);
        publish(&mut producer, b"some", 0).unwrap();
        for len in [17, u64::from(u32::MAX)] {
            ring.slot(0)[1].store(len, Relaxed);
            damaged(consumer.try_recv_raw(), "length");
        }
        ring.slot(0)[1].store(16, Relaxed);
        // What a peer writes into the length later changes nothing of what was found.
        let message = next(&mut consumer);
        ring.slot(0)[1].store(1 << 20, Relaxed);
        assert_eq!(message.len(), 16);
        message.release().unwrap();
    }
}

#[test]
fn a_raw_claim_publishes_no_more_than_was_claimed_and_nothing_if_dropped() {
    for kind in Kind::ALL {
        let (_ring, mut producer, mut consumer) = a_ring(kind, Stride::Aligned);
        assert!(matches!(producer.try_claim_raw(17), Err(PublishError::TooLong { .. })));
        let claim = producer.try_claim_raw(4).unwrap();
        assert!(matches!(claim.commit_len_tagged(5, 0), Err(PublishError::BeyondClaim { .. })));
        drop(producer.try_claim_raw(4).unwrap());
        assert!(consumer.try_recv_raw().unwrap().is_empty());
        assert_eq!(publish(&mut producer, b"", 7), Ok(0));
        let empty = next(&mut consumer);
        assert_eq!((empty.is_empty(), empty.tag()), (true, 7));
        empty.check().unwrap();
    }
}

#[test]
fn messages_of_one_length_pass_raw_without_tags() {
    for (kind, stride) in Kind::ALL.into_iter().flat_map(|kind| [(kind, Stride::Split), (kind, Stride::Line)])
    {
        let config = Config::new().slots(SLOTS).stride(stride);
        let len = if stride == Stride::Line { 56 } else { 16 };
        let ring = kind.ring(&config.payload_capacity(len as u64));
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
        for _ in 0..2 * SLOTS {
            let claim = producer.try_claim_raw(len).unwrap();
            assert!(claim.commit_len_tagged(len - 1, 0).is_err(), "all have one length");
            let claim = producer.try_claim_raw(len).unwrap();
            assert!(claim.commit_len_tagged(len, 1).is_err(), "none has a tag");
            producer.try_claim_raw(len).unwrap().commit_len_tagged(len, 0).unwrap();
            let message = next(&mut consumer);
            assert_eq!((message.len(), message.tag()), (len, 0));
            message.release().unwrap();
        }
    }
}
