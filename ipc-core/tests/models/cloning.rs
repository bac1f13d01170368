//! Consumers that are cloned while the producer looks for room: a clone may start a whole lap below head.

use ringway_core::placement::{AsConsumer, ModelRing};
use ringway_core::{Consumer, Producer, Start};

use super::{Kernel, both, consumer, consumer_with, drain, mortal, producer_with, publish, receive};

/// A clone of `consumer` in `cell`, whose lock is `kernel`'s.
fn clone_with(ring: &ModelRing, consumer: &Consumer, cell: usize, kernel: &Kernel) -> Consumer {
    let region = ring.region::<AsConsumer>(Box::new(kernel.clone()));
    // SAFETY: a model joins each cell once, on the ring of its consumer.
    unsafe { consumer.clone_into(region, cell) }.expect("a clone")
}

/// A ring of two messages, which are all that it holds, and a consumer of both in cell 1, behind the clone's.
fn lap_behind(kernel: &Kernel) -> (ModelRing, Producer, Consumer) {
    let ring = ModelRing::new(2, 1, 2);
    let mut tx = producer_with(&ring, kernel);
    let rx = consumer_with(&ring, 1, Start::Oldest, kernel);
    assert!(publish(&mut tx) && publish(&mut tx));
    (ring, tx, rx)
}

fn three(mut tx: Producer) -> impl FnOnce() -> Producer {
    move || {
        for _ in 0..3 {
            publish(&mut tx);
        }
        tx
    }
}

/// A clone gets what its original was to read next, though the original moves on at once. (`K1`/`G1`, `C1`/`G2`)
pub fn clone_beside() {
    let (ring, tx, mut rx) = lap_behind(&Kernel::default());
    let reader = move || {
        let mut clone = clone_with(&ring, &rx, 0, &Kernel::default());
        assert!(receive(&mut rx), "it was published before");
        assert!(receive(&mut clone), "its original hadn't read it");
        (rx, clone)
    };
    let (tx, (mut rx, mut clone)) = both(three(tx), reader);
    drain(&mut rx);
    drain(&mut clone);
    assert_eq!((rx.next_seq(), clone.next_seq()), (tx.next_seq(), tx.next_seq()));
}

/// A clone gets what its original was to read next, though the original leaves at once. (`K1`/`G1`, `L1`/`G2`)
pub fn clone_and_leave() {
    let (ring, tx, rx) = lap_behind(&Kernel::default());
    let reader = move || {
        let mut clone = clone_with(&ring, &rx, 0, &Kernel::default());
        drop(rx);
        assert!(receive(&mut clone), "its original hadn't read it");
        clone
    };
    let (tx, mut clone) = both(three(tx), reader);
    drain(&mut clone);
    assert_eq!(clone.next_seq(), tx.next_seq());
}

/// A clone of a clone gets what both were to read next. (`K1`/`G1`)
pub fn clone_of_clone() {
    let ring = ModelRing::new(2, 1, 3);
    let mut tx = producer_with(&ring, &Kernel::default());
    let first = consumer(&ring, 1, Start::Oldest);
    assert!(publish(&mut tx) && publish(&mut tx));
    let reader = move || {
        let second = clone_with(&ring, &first, 2, &Kernel::default());
        drop(first);
        let mut third = clone_with(&ring, &second, 0, &Kernel::default());
        drop(second);
        assert!(receive(&mut third), "none had read it");
        third
    };
    let writer = move || {
        publish(&mut tx);
        tx
    };
    let (_tx, mut third) = both(writer, reader);
    drain(&mut third);
}

/// A process dies while it clones a consumer: neither holds the producer back for long.
pub fn death_in_clone() {
    let kernel = Kernel::with_lock();
    assert!(kernel.take());
    let (ring, tx, rx) = lap_behind(&kernel);
    let process = move || {
        mortal(|| std::mem::forget(clone_with(&ring, &rx, 0, &kernel)));
        std::mem::forget(rx);
        kernel.free();
    };
    let (mut tx, ()) = both(three(tx), process);
    // Each scan's answer is repeated once in a model.
    let published = (0..6).filter(|_| publish(&mut tx)).count();
    assert!(published >= 4, "{published} of 6 published");
}
