//! Tasks that never wait.

use std::time::{Duration, Instant};

use ringway::Ring;
use testkit::{Kind, PATIENCE};

use crate::{config, consumer, current_thread};

pub fn a_ring_that_always_has_a_message_stops_no_timer(kind: Kind) {
    let ring = kind.ring(&config());
    let mut consumer = consumer(&ring);
    let mut producer = ring.producer().expect("no other producer");
    // A runtime with one thread: the reader must let go of it for the timer to end.
    current_thread().block_on(async move {
        let began = Instant::now();
        let reader = tokio::spawn(async move {
            loop {
                producer.try_publish(b"again").expect("there is room");
                assert!(consumer.recv_with(|_, _, _| ()).await.expect("a sound ring").is_message());
                assert!(began.elapsed() < PATIENCE, "no other task has run");
            }
        });
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(!reader.is_finished());
        reader.abort();
        assert!(reader.await.expect_err("it reads for ever").is_cancelled());
    });
}
