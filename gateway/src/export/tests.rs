use std::thread;

use ringway::{Config, PublishError, Ring};

use super::*;
use crate::policy::Policy;
use crate::session::{self, Link};

/// As long as several attempts take.
const ATTEMPTS: Duration = PAUSE.saturating_mul(3);

#[test]
fn what_is_held_stays_held_while_a_ring_cant_be_served() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ring");
    let ring = ringway::file::create(&path, &Config::new().slots(16)).unwrap();
    let mut producer = ring.producer().unwrap();
    let session = session::open(&Link::default()).unwrap();
    // Each attempt fails as soon as it tells Zenoh of the ring.
    session.close().wait().unwrap();
    let export = Export {
        ring: path,
        name: "desk/quotes".into(),
        policy: Policy::Reliable,
        window: None,
        in_flight: None,
        sinks: 1,
        forget_after: None,
    };
    let stop = Stop::default();
    thread::scope(|scope| {
        let shown = Shown::default();
        let running = scope.spawn({
            let (stop, session, export) = (&stop, &session, &export);
            move || run(session, export, &shown, stop)
        });
        while producer.consumer_count().unwrap() == 0 {
            assert!(!running.is_finished());
            thread::yield_now();
        }
        let full = (0..100).find_map(|_| producer.publish_timeout(b"message", ATTEMPTS).err());
        let is_held = producer.next_seq() == 16 && matches!(full, Some(PublishError::TimedOut(_)));
        stop.set();
        running.join().unwrap().unwrap();
        assert!(is_held, "{full:?} at message {}", producer.next_seq());
    });
}
