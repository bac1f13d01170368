//! When the producer of a full ring is woken, what it says that it waits for, and what it makes
//! of the consumers' cells.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ringway_core::{AttachError, Config, Producer, PublishError, Ring, Start, Wait, WakeMode};

use crate::common::{BLOCKED_ON, Kind, LOOK, TIMES_FULL, TestRing, WAKE_AT, WORD};
use crate::said::full;

const SLOTS: u64 = 8;
const CELLS: usize = 3;
/// Bounds a wait that the test itself ends.
const PATIENCE: Duration = Duration::from_secs(10);

fn a_ring() -> (TestRing, Producer) {
    let ring = Kind::Copied.ring(&Config::new().slots(SLOTS).payload_capacity(8).max_consumers(CELLS as u64));
    let producer = ring.producer().unwrap();
    (ring, producer)
}

/// Fills a ring whose consumers have read all.
fn fill(producer: &mut Producer) {
    for _ in 0..SLOTS {
        producer.try_publish(b"message").unwrap();
    }
    producer.try_publish(b"message").unwrap_err();
}

/// How often a cell's bell is rung meanwhile.
fn rings<R>(ring: &TestRing, cell: u64, act: impl FnOnce() -> R) -> u32 {
    let before = ring.space(cell).load(Relaxed);
    act();
    ring.space(cell).load(Relaxed).wrapping_sub(before)
}

#[test]
fn a_release_rings_once_for_the_producer_that_waits_for_it() {
    for (cell, look) in [(0, 0), (0, LOOK), (1, 0), (1, LOOK)] {
        let (ring, mut producer) = a_ring();
        let mut consumers = [(); 2].map(|()| ring.consumer(Start::Oldest).unwrap());
        fill(&mut producer);
        let mut release = |consumer: usize, bell: u64, messages: usize| {
            rings(&ring, bell, || {
                drop(consumers[consumer].try_recv_batch(messages));
            })
        };
        let (waited_for, other) = (cell, 1 - cell);
        let wait_for = |wake_at: u64| {
            ring.page(WAKE_AT).store(wake_at, Relaxed);
            ring.page(BLOCKED_ON).store(look | (waited_for + 1), Relaxed);
        };
        assert_eq!(release(waited_for as usize, waited_for, 1), 0, "nobody waits");
        wait_for(3);
        assert_eq!(release(waited_for as usize, waited_for, 1), 0, "a quarter isn't free yet");
        assert_eq!(release(other as usize, other, 4), 0, "the other one is waited for");
        assert_eq!(release(waited_for as usize, waited_for, 1), 1, "at the cursor that is waited for");
        assert_eq!(release(waited_for as usize, waited_for, 1), 0, "it has been told");
        wait_for(5);
        assert_eq!(release(waited_for as usize, waited_for, 2), 1, "past the cursor that is waited for");
        wait_for(9);
        assert_eq!(release(waited_for as usize, waited_for, 1), 0, "not yet again");
        let [one, two] = consumers;
        let (leaver, stayer) = if cell == 0 { (one, two) } else { (two, one) };
        assert_eq!(rings(&ring, other, || drop(stayer)), 0, "nobody waits for it");
        assert_eq!(rings(&ring, waited_for, || drop(leaver)), 1, "leaving");
    }
}

#[test]
fn a_joiner_rings_for_the_producer_that_waits_for_its_cell() {
    let (ring, mut producer) = a_ring();
    fill_without_readers(&mut producer);
    ring.page(BLOCKED_ON).store(1, Relaxed);
    ring.page(WAKE_AT).store(producer.next_seq(), Relaxed);
    let mut joined = None;
    assert_eq!(rings(&ring, 0, || joined = ring.consumer(Start::Latest).ok()), 1);
    assert_eq!(rings(&ring, 0, || joined = None), 1);
    // It is refused, and leaves.
    let refused = || assert!(matches!(ring.consumer(Start::At(0)), Err(AttachError::Overwritten { .. })));
    assert_eq!(rings(&ring, 0, refused), 1);
}

fn fill_without_readers(producer: &mut Producer) {
    for _ in 0..2 * SLOTS {
        producer.try_publish(b"message").unwrap();
    }
}

#[test]
fn a_producer_says_whom_it_waits_for_before_it_sleeps() {
    for (slow, mode) in
        [0, 1].into_iter().flat_map(|slow| [(slow, WakeMode::Fenced), (slow, WakeMode::Asymmetric)])
    {
        let (ring, mut producer) = a_ring();
        let mode = producer.set_wake_mode(mode).unwrap();
        let look = if mode == WakeMode::Fenced { LOOK } else { 0 };
        let mut consumers = [(); 2].map(|()| ring.consumer(Start::Oldest).unwrap());
        fill(&mut producer);
        drop(consumers[1 - slow].try_recv_batch(usize::MAX));
        // The consumer dies once the producer says that it waits for it: the last scan before the sleep finds that.
        let found = Arc::new(Mutex::new(None));
        let noted = found.clone();
        ring.when_asked(move |ring| {
            let blocked_on = ring.page(BLOCKED_ON).load(Relaxed);
            if blocked_on & !LOOK != 0 {
                *noted.lock().unwrap() = Some((blocked_on, ring.page(WAKE_AT).load(Relaxed)));
                ring.free_cell(slow);
            }
        });
        producer.set_wait(Wait::Park);
        assert_eq!(producer.publish_timeout(b"message", PATIENCE), Ok(SLOTS));
        // A quarter of the ring is to be free.
        assert_eq!(*found.lock().unwrap(), Some((look | (slow as u64 + 1), SLOTS / 4)));
        assert_eq!(ring.page(BLOCKED_ON).load(Relaxed), look, "it waits no more");
    }
}

#[test]
fn a_consumer_that_dies_while_the_ring_is_full_is_found_dead() {
    let (ring, mut producer) = a_ring();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    fill(&mut producer);
    ring.kill(consumer);
    producer.set_wait(Wait::Spin);
    assert_eq!(producer.publish_timeout(b"message", PATIENCE), Ok(SLOTS));
}

#[test]
fn a_ring_that_was_found_full_just_now_is_not_scanned_again_until_some_time_later() {
    let (ring, mut producer) = a_ring();
    let _consumer = ring.consumer(Start::Oldest).unwrap();
    fill(&mut producer);
    let full = full(0, SLOTS);
    let end = Instant::now() + PATIENCE;
    // A scan that finds the ring full counts that. On a busy machine two calls may lie far apart.
    let mut call_until = |scans: bool| loop {
        let before = ring.page(TIMES_FULL).load(Relaxed);
        assert_eq!(producer.try_publish(b"message"), Err(PublishError::Full(full)));
        if (ring.page(TIMES_FULL).load(Relaxed) != before) == scans {
            return;
        }
        assert!(Instant::now() < end, "{}", if scans { "no call scans" } else { "each call scans" });
    };
    call_until(false);
    call_until(true);
    call_until(false);
}

#[test]
fn a_scan_asks_the_kernel_about_no_more_cells_than_there_are() {
    let (ring, mut producer) = a_ring();
    for consumer in [(); CELLS].map(|()| ring.consumer(Start::Oldest).unwrap()) {
        ring.kill(consumer);
    }
    // Somebody changes the words, so that none of the cells is ignored.
    let asked = Arc::new(Mutex::new(0));
    let count = asked.clone();
    ring.when_asked(move |ring| {
        *count.lock().unwrap() += 1;
        for cell in 0..CELLS as u64 {
            ring.cell(cell, WORD).fetch_add(4, Relaxed);
        }
    });
    fill(&mut producer);
    assert_eq!((producer.next_seq(), *asked.lock().unwrap()), (SLOTS, CELLS));
}

#[test]
fn a_cells_word_counts_its_consumers_and_says_whether_one_is_there() {
    let (ring, _producer) = a_ring();
    for incarnation in 1..=5 {
        let consumer = ring.consumer(Start::Latest).unwrap();
        assert_eq!(ring.cell(0, WORD).load(Relaxed), incarnation << 2 | 1);
        drop(consumer);
        assert_eq!(ring.cell(0, WORD).load(Relaxed), incarnation << 2);
    }
}

#[test]
fn a_joiner_may_start_half_a_lap_back_and_no_further() {
    let (ring, mut producer) = a_ring();
    fill_without_readers(&mut producer);
    let floor = producer.next_seq() - SLOTS / 2;
    for start in [floor, floor + 1, producer.next_seq(), producer.next_seq() + 9] {
        assert_eq!(ring.consumer(Start::At(start)).unwrap().next_seq(), start);
    }
    for asked in [0, floor - 1] {
        let refused = ring.consumer(Start::At(asked)).map(drop);
        assert!(
            matches!(refused, Err(AttachError::Overwritten { asked: a, oldest }) if (a, oldest) == (asked, floor))
        );
        assert_eq!(ring.cell(0, WORD).load(Relaxed) & 3, 0, "the cell is free again");
    }
}
