//! A cursor that another process wrote over is put right by its consumer.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ipc_core::{Config, Outcome, Ring, Start};

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
