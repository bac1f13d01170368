//! A cursor that another process wrote over is put right by its consumer.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{Config, Outcome, RecvError, Ring, Start, Stride};

use crate::common::{BLOCKED_ON, CURSOR, Kind, SPACE, WAKE_AT};

const AN_INSTANT: Duration = Duration::from_nanos(1);

#[test]
fn a_stray_cursor_is_put_right_by_a_consumer_that_waits_and_the_producer_is_woken() {
    for kind in Kind::ALL {
        let ring = kind.ring(&Config::new().slots(8).payload_capacity(8));
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let bell = || ring.cell(0, SPACE).load(Relaxed);
        for seq in 0..5 {
            assert_eq!(producer.try_publish(b"message"), Ok(seq));
            assert!(matches!(consumer.try_recv(), Ok(Outcome::Message(_))));
        }
        for stray in [0, 4, 6, u64::MAX] {
            ring.cell(0, CURSOR).store(stray, Relaxed);
            assert!(matches!(consumer.recv_timeout(AN_INSTANT), Ok(Outcome::TimedOut)));
            assert_eq!(ring.cell(0, CURSOR).load(Relaxed), 5);
        }
        assert_eq!((consumer.next_seq(), consumer.len()), (5, Ok(0)));

        // A producer that waits for this consumer is woken by the message that it waits for, once.
        ring.page(WAKE_AT).store(6, Relaxed);
        ring.page(BLOCKED_ON).store(1, Relaxed);
        producer.try_publish(b"message").unwrap();
        let before = bell();
        drop(consumer.try_recv());
        let once = bell();
        assert_ne!(once, before, "the producer wasn't woken");
        assert!(matches!(consumer.recv_timeout(AN_INSTANT), Ok(Outcome::TimedOut)));
        assert_eq!(bell(), once, "nothing was put right");
        // It may have gone back to sleep by the stray cursor.
        ring.cell(0, CURSOR).store(0, Relaxed);
        assert!(matches!(consumer.recv_timeout(AN_INSTANT), Ok(Outcome::TimedOut)));
        assert_ne!(bell(), once, "the producer wasn't woken again");
        assert_eq!(ring.cell(0, CURSOR).load(Relaxed), 6);
    }
}

#[test]
fn messages_that_a_stray_cursor_had_overwritten_are_damage_and_never_others() {
    for stride in [Stride::Aligned, Stride::Packed, Stride::Line, Stride::Split] {
        let config = Config::new().slots(8).payload_capacity(8).stride(stride);
        let ring = Kind::Copied.ring(&config);
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut publish = |seq: u64| assert_eq!(producer.try_publish(&seq.to_ne_bytes()), Ok(seq));
        (0..8).for_each(&mut publish);
        let Ok(Outcome::Message(first)) = consumer.try_recv() else { panic!("it is there") };
        assert_eq!(first[..], 0_u64.to_ne_bytes());
        drop(first);
        // The producer takes messages 1 to 4 for read.
        ring.cell(0, CURSOR).store(5, Relaxed);
        (8..12).for_each(&mut publish);
        let damaged = |error| matches!(error, RecvError::Damaged(damaged) if damaged.what == "stamp");
        assert!(consumer.try_recv().is_err_and(damaged), "{stride:?}");
        assert!(consumer.try_recv_into(&mut [0; 8]).is_err_and(damaged), "{stride:?}");
        assert!(consumer.try_recv_batch(4).is_err_and(damaged), "{stride:?}");
        assert!(consumer.peek().is_err_and(damaged), "{stride:?}");
    }
}
