//! How long a producer waits for best-effort readers, and what it does then. A consumer plays each of them: what
//! the producer goes by is the state in the cell's word, which the test changes.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringway_core::{
    Config, Consumer, Name, Outcome, Patience, Producer, PublishError, Resume, Ring, Start, Stats, WaitSet,
    Waitable,
};

use crate::common::{CURSOR, EPOCH_STATE, Kind, TestRing, WORD};
use crate::said::full;

pub const SLOTS: u64 = 8;
/// Words of the producer page and of a cell.
const TIMES_PASSED_OVER: u64 = 280;
const LOST: u64 = 40;
/// State of a best-effort reader's cell.
const BEST_EFFORT: u64 = 2;
/// A patience that no test uses up.
pub const LONG: Patience = Patience::Time(AN_HOUR);
const AN_HOUR: Duration = Duration::from_secs(3600);

pub fn a_ring(patience: Patience) -> (TestRing, Producer) {
    let ring = Kind::Copied.ring(&Config::new().slots(SLOTS).payload_capacity(8).max_consumers(3));
    let mut producer = ring.producer().unwrap();
    producer.set_patience(patience);
    (ring, producer)
}

pub fn best_effort_reader(ring: &TestRing) -> Consumer {
    let reader = ring.consumer(Start::Oldest).unwrap();
    let word = ring.cell(reader.cell() as u64, WORD);
    word.store(word.load(Relaxed) & !3 | BEST_EFFORT, Relaxed);
    reader
}

pub fn publish(producer: &mut Producer, count: u64) {
    for _ in 0..count {
        producer.try_publish(b"message").unwrap();
    }
}

/// Cell, times and whether it is ignored, of each reader that was passed over.
pub fn told(producer: &mut Producer) -> Vec<(usize, u64, bool)> {
    let readers = producer.passed_over().unwrap();
    readers.iter().map(|reader| (reader.cell, reader.times, reader.is_ignored)).collect()
}

#[test]
fn a_best_effort_reader_holds_the_producer_back_as_long_as_its_patience_lasts() {
    for patience in [Patience::Endless, LONG, Patience::default()] {
        let (ring, mut producer) = a_ring(patience);
        let mut reader = best_effort_reader(&ring);
        assert_eq!((producer.patience(), producer.consumer_count()), (patience, Ok(1)));
        publish(&mut producer, SLOTS);
        assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
        drop(reader.try_recv());
        publish(&mut producer, 1);
        assert_eq!(producer.times_passed_over(), Ok(0));
    }
}

#[test]
fn a_reader_that_is_a_lap_behind_is_passed_over_at_once_if_the_patience_says_so() {
    for patience in [Patience::Lap, Patience::Time(Duration::ZERO)] {
        let (ring, mut producer) = a_ring(patience);
        let reader = best_effort_reader(&ring);
        publish(&mut producer, SLOTS);
        assert_eq!((producer.consumer_count(), told(&mut producer)), (Ok(1), vec![]));
        let cell = || core::array::from_fn::<_, 16, _>(|word| ring.cell(0, 8 * word as u64).load(Relaxed));
        let before = cell();
        publish(&mut producer, 3 * SLOTS);
        assert_eq!((producer.consumer_count(), told(&mut producer)), (Ok(0), vec![(0, 1, true)]));
        assert_eq!(cell(), before, "the cell is the reader's alone");
        assert_eq!(producer.times_passed_over(), Ok(1));
        assert_eq!(ring.page(TIMES_PASSED_OVER).load(Relaxed), 1);
        drop(reader);
        assert_eq!(told(&mut producer), [(0, 1, false)]);
    }
}

#[test]
fn all_readers_that_leave_no_room_are_passed_over_at_once_and_no_other() {
    let (ring, mut producer) = a_ring(Patience::Endless);
    let (_one, mut near, _other) =
        (best_effort_reader(&ring), best_effort_reader(&ring), best_effort_reader(&ring));
    publish(&mut producer, SLOTS);
    drop(near.try_recv());
    assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
    producer.set_patience(Patience::Lap);
    publish(&mut producer, 1);
    assert_eq!(told(&mut producer), [(0, 1, true), (2, 1, true)]);
    assert_eq!((producer.consumer_count(), producer.times_passed_over()), (Ok(1), Ok(2)));
}

#[test]
fn readers_that_leave_less_room_than_is_needed_are_passed_over() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS - 2);
    producer.try_publish_all(&[b"message"; 2]).unwrap();
    drop(reader);
    let reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS / 2 - 1);
    assert_eq!((reader.len(), told(&mut producer)), (Ok(SLOTS - 1), vec![]));
    producer.try_publish_all(&[b"message"; 2]).unwrap();
    assert_eq!(told(&mut producer), [(0, 1, true)]);
}

#[test]
fn no_consumer_is_passed_over_and_none_is_helped_by_passing_over_others() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let _reader = best_effort_reader(&ring);
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    publish(&mut producer, SLOTS);
    for _ in 0..3 {
        assert_eq!(producer.try_publish(b"message"), Err(full(1, SLOTS).into()));
    }
    assert_eq!(told(&mut producer), []);
    drop(consumer.try_recv());
    publish(&mut producer, 1);
    assert_eq!(told(&mut producer), [(0, 1, true)]);
    assert_eq!(producer.try_publish(b"message"), Err(full(1, SLOTS).into()));
    // Nothing that the consumer is to read was overwritten.
    for seq in 1..=SLOTS {
        assert_eq!(consumer.try_recv().unwrap().into_message().unwrap().seq(), seq);
    }
}

#[test]
fn a_reader_that_was_only_slow_counts_again_within_half_a_lap_of_head() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS + 1);
    // A message further back: it isn't there yet.
    ring.cell(0, CURSOR).store(producer.next_seq() - SLOTS / 2 - 1, Relaxed);
    publish(&mut producer, SLOTS / 2);
    assert_eq!(told(&mut producer), [(0, 1, true)]);
    // As far as half a lap behind head at the next scan, which room for no message forces.
    let near = producer.next_seq() - SLOTS / 2;
    ring.cell(0, CURSOR).store(near, Relaxed);
    producer.set_patience(Patience::Endless);
    assert_eq!(producer.count_room(), Ok(SLOTS / 2));
    assert_eq!((producer.consumer_count(), told(&mut producer)), (Ok(1), vec![(0, 1, false)]));
    publish(&mut producer, SLOTS / 2);
    assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
    drop(reader);
}

#[test]
fn others_see_who_was_passed_over_and_count_the_room_without_it() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    let mut reader = ring.best_effort_reader(Start::Oldest).unwrap();
    let monitor = ring.monitor().unwrap();
    let kinds = |stats: Stats| stats.consumers.iter().map(|reader| reader.is_best_effort).collect::<Vec<_>>();
    assert_eq!(kinds(monitor.stats().unwrap()), [false, true]);
    drop(consumer);
    publish(&mut producer, SLOTS);
    assert_eq!((monitor.stats().unwrap().room(), observer.count_room()), (0, Ok(0)));
    publish(&mut producer, 1);
    let stats = monitor.stats().unwrap();
    assert_eq!((stats.room(), observer.count_room(), stats.times_passed_over), (SLOTS, Ok(SLOTS), 1));
    assert!(matches!(reader.try_recv(), Ok(Outcome::Lagged(5))));
    let stats = monitor.stats().unwrap();
    let [shown] = stats.consumers[..] else { panic!("one reader") };
    assert_eq!((shown.lost, shown.times_lagged, stats.room()), (5, 1, SLOTS / 2));
    assert_eq!(producer.passed_over().unwrap()[0].lost, 5);
}

#[test]
fn a_cursor_that_no_reader_stores_lets_no_reader_count_again() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS + 1);
    for cursor in [producer.next_seq() + 1, u64::MAX, 0] {
        ring.cell(0, CURSOR).store(cursor, Relaxed);
        assert_eq!((producer.count_room(), producer.consumer_count()), (Ok(SLOTS), Ok(0)), "{cursor}");
    }
}

#[test]
fn a_reader_that_joins_again_in_its_cell_holds_the_producer_back_again() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    drop(best_effort_reader(&ring));
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS + 1);
    // The cursor comes first, and the word after it.
    ring.cell(0, CURSOR).store(producer.next_seq() - SLOTS / 2, Relaxed);
    ring.cell(0, WORD).fetch_add(4, Relaxed);
    publish(&mut producer, SLOTS / 2);
    assert_eq!((producer.consumer_count(), told(&mut producer)), (Ok(1), vec![(0, 1, false)]));
    publish(&mut producer, SLOTS);
    assert_eq!((producer.consumer_count(), told(&mut producer)), (Ok(0), vec![(0, 2, true)]));
    assert_eq!(producer.times_passed_over(), Ok(2));
}

#[test]
fn a_best_effort_reader_that_died_is_retired_whatever_the_patience() {
    for patience in [Patience::Endless, LONG, Patience::Lap] {
        let (ring, mut producer) = a_ring(patience);
        let reader = best_effort_reader(&ring);
        let living = best_effort_reader(&ring);
        ring.kill(reader);
        publish(&mut producer, SLOTS);
        drop(living);
        publish(&mut producer, 2 * SLOTS);
        assert_eq!((told(&mut producer), producer.times_passed_over()), (vec![], Ok(0)));
    }
}

#[test]
fn of_the_readers_that_leave_no_room_the_dead_ones_are_retired() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let (living, dead) = (best_effort_reader(&ring), best_effort_reader(&ring));
    ring.kill(dead);
    publish(&mut producer, SLOTS + 1);
    assert_eq!((living.cell(), told(&mut producer)), (0, vec![(0, 1, true)]));
}

#[test]
fn a_successor_waits_for_the_reader_as_long_as_its_own_patience_lasts() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS + 1);
    drop(producer);
    let mut producer = ring.producer().unwrap();
    assert_eq!(producer.try_publish(b"message"), Err(full(0, SLOTS).into()));
    assert_eq!((told(&mut producer), producer.times_passed_over()), (vec![], Ok(1)));
    producer.set_patience(Patience::Lap);
    publish(&mut producer, 1);
    assert_eq!((told(&mut producer), producer.times_passed_over()), (vec![(0, 1, true)], Ok(2)));
}

#[test]
fn a_deposed_producer_counts_nobody_that_it_passes_over() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS);
    ring.page(EPOCH_STATE).fetch_add(4, Relaxed);
    assert!(matches!(producer.try_publish(b"message"), Err(PublishError::Deposed { .. })));
    assert_eq!(ring.page(TIMES_PASSED_OVER).load(Relaxed), 0);
}

#[test]
fn a_call_that_only_asks_passes_nobody_over() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS);
    assert_eq!((producer.count_room(), producer.len()), (Ok(0), Ok(SLOTS)));
    assert_eq!(told(&mut producer), []);
    // Nor does its answer stand in the way of the next message.
    publish(&mut producer, 1);
    assert_eq!(told(&mut producer), [(0, 1, true)]);
}

#[test]
fn a_wait_for_room_passes_nobody_over_until_a_message_is_written() {
    for patience in [Patience::Lap, Patience::Time(Duration::ZERO)] {
        let (ring, mut producer) = a_ring(patience);
        let reader = best_effort_reader(&ring);
        publish(&mut producer, SLOTS);
        for _ in 0..2 {
            let mut set = WaitSet::new();
            let ready = set.wait(&mut [&mut producer], None).unwrap();
            assert_eq!(ready.indices(), [0], "a call that publishes would go on");
            assert!(producer.prepare_sleep(false).is_ready());
        }
        assert_eq!(
            (reader.len(), producer.consumer_count(), told(&mut producer)),
            (Ok(SLOTS), Ok(1), vec![])
        );
        publish(&mut producer, 1);
        assert_eq!(told(&mut producer), [(0, 1, true)]);
    }
}

#[test]
fn a_wait_for_room_ends_when_the_patience_does_and_passes_nobody_over() {
    let (ring, mut producer) = a_ring(Patience::Time(Duration::from_micros(500)));
    let _reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS);
    assert_eq!(WaitSet::new().wait(&mut [&mut producer], None).unwrap().indices(), [0]);
    assert_eq!(told(&mut producer), []);
    publish(&mut producer, 1);
    assert_eq!(told(&mut producer), [(0, 1, true)]);
}

#[test]
fn a_reader_whose_wake_up_was_deferred_is_woken_before_it_uses_up_the_patience() {
    let put_off: [fn(&mut Producer); 2] =
        [|producer| producer.set_deferred_wake(true), |producer| producer.set_wake_every(AN_HOUR).unwrap()];
    let patiences = [Patience::Lap, Patience::Time(Duration::ZERO), LONG, Patience::Endless];
    for (put_off, patience) in put_off.into_iter().flat_map(|way| patiences.map(|patience| (way, patience))) {
        let (ring, mut producer) = a_ring(patience);
        let _reader = best_effort_reader(&ring);
        put_off(&mut producer);
        let mut rung = |act: &dyn Fn(&mut Producer)| {
            ring.sleepers().store(1, Relaxed);
            let before = ring.doorbell().load(Relaxed);
            act(&mut producer);
            ring.doorbell().load(Relaxed).wrapping_sub(before)
        };
        // The first ring of a time is due in any case.
        rung(&|producer| publish(producer, 1));
        assert_eq!(rung(&|producer| publish(producer, SLOTS - 1)), 0, "{patience:?}");
        assert_eq!(rung(&|producer| _ = producer.try_publish(b"message")), 1, "{patience:?}");
        // Once: the answer is repeated, or there is room.
        assert_eq!(rung(&|producer| _ = producer.try_publish(b"message")), 0, "{patience:?}");
    }
}

#[test]
fn a_producer_that_requires_readers_is_without_any_once_it_has_passed_them_over() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let _reader = best_effort_reader(&ring);
    producer.require_readers(true);
    publish(&mut producer, SLOTS);
    assert_eq!(producer.try_publish(b"message"), Err(PublishError::NoReaders));
    // Nothing was overwritten: the reader goes on where it is, and counts again once it is near.
    ring.cell(0, CURSOR).store(SLOTS / 2, Relaxed);
    publish(&mut producer, 1);
}

#[test]
fn what_was_lost_is_told_by_the_readers_own_word() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let reader = best_effort_reader(&ring);
    publish(&mut producer, SLOTS + 1);
    for lost in [7, u64::MAX] {
        ring.cell(0, LOST).store(lost, Relaxed);
        let [told] = producer.passed_over().unwrap() else { panic!("one reader") };
        assert_eq!((told.cell, told.pid, told.lost), (reader.cell(), std::process::id().into(), lost));
    }
    // Another process has the cell: the former reader's losses are what it said last.
    ring.cell(0, 16).store(1, Relaxed);
    ring.cell(0, LOST).store(1, Relaxed);
    assert_eq!(producer.passed_over().unwrap()[0].lost, u64::MAX);
    ring.cell(0, WORD).fetch_add(4, Relaxed);
    publish(&mut producer, SLOTS);
    let [told] = producer.passed_over().unwrap() else { panic!("one cell") };
    assert_eq!((told.pid, told.times, told.lost), (1, 1, 1));
}

#[test]
fn a_reader_that_was_passed_over_is_told_by_name_and_user_and_no_other_ones_losses_are_its_own() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let mut reader = ring.best_effort_reader(Start::Oldest).unwrap();
    let name = Name::new("display").unwrap();
    reader.set_name(Some(name)).unwrap();
    let said = ring.monitor().unwrap().stats().unwrap().consumers[0];
    publish(&mut producer, SLOTS + 1);
    assert!(reader.try_recv().unwrap().is_lagged());
    let lost = reader.lost();
    let [told] = producer.passed_over().unwrap() else { panic!("one reader") };
    assert_eq!((told.name, told.uid, told.pid, told.lost), (Some(name), said.uid, said.pid, lost));
    assert!(told.uid.is_some());
    // Words that are no name, of no user. A name that isn't UTF-8 is none.
    publish(&mut producer, SLOTS + 1);
    assert!(reader.try_recv().unwrap().is_lagged());
    ring.cell(0, 64).store(u64::MAX, Relaxed);
    ring.cell(0, 80).store(u64::MAX, Relaxed);
    publish(&mut producer, SLOTS + 1);
    let [told] = producer.passed_over().unwrap() else { panic!("one cell") };
    assert_eq!((told.name, told.uid, told.times), (None, None, 1), "another reader, as it says");
    let lost = told.lost;
    // A consumer of the same process says nothing of losses.
    drop(reader);
    let _consumer = ring.consumer(Start::Latest).unwrap();
    ring.cell(0, LOST).store(1 << 40, Relaxed);
    let [told] = producer.passed_over().unwrap() else { panic!("one cell") };
    assert_eq!((told.lost, told.is_ignored), (lost, false));
}

#[test]
fn a_call_that_passes_over_asks_the_kernel_about_no_more_cells_than_there_are() {
    let (ring, mut producer) = a_ring(Patience::Lap);
    let readers = [(); 3].map(|()| best_effort_reader(&ring));
    publish(&mut producer, SLOTS);
    let asked = Arc::new(Mutex::new(0));
    let count = asked.clone();
    // Each answer comes too late: the words that were read before are others by then.
    ring.when_asked(move |ring| {
        *count.lock().unwrap() += 1;
        (0..3).for_each(|cell| _ = ring.cell(cell, WORD).fetch_add(4, Relaxed));
    });
    assert_eq!(producer.try_publish(b"message"), Ok(SLOTS));
    assert_eq!((*asked.lock().unwrap(), producer.next_seq()), (readers.len(), SLOTS + 1));
}
