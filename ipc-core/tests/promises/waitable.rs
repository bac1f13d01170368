//! Handles that are waited for elsewhere than in their own calls: what they say before the sleep, and what the next
//! call tells.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ringway_core::{
    Config, Consumer, Observer, Outcome, Producer, PublishError, Readiness, RecvError, Resume, Ring,
    SleepTicket, Slept, Start, Waitable, sleep_any,
};

use crate::common::{BLOCKED_ON, CURSOR, EPOCH_STATE, Kind, REGISTERED, TestRing};

const SLOTS: u64 = 8;
const SHORT: Duration = Duration::from_millis(1);

fn a_ring(kind: Kind) -> TestRing {
    kind.ring(&Config::new().slots(SLOTS).payload_capacity(8).max_consumers(2))
}

fn filled(producer: &mut Producer) {
    while producer.try_publish(b"message").is_ok() {}
}

/// The ticket of a handle that isn't ready.
fn ticket(handle: &mut dyn Waitable, asks: bool) -> SleepTicket {
    match handle.prepare_sleep(asks) {
        Readiness::Sleep(ticket) => ticket,
        ready => panic!("{ready:?}"),
    }
}

fn is_ready(handle: &mut dyn Waitable) -> bool {
    handle.prepare_sleep(false).is_ready()
}

#[test]
fn a_consumer_that_is_to_be_woken_raises_the_flag_and_names_the_doorbell() {
    let ring = a_ring(Kind::Copied);
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    let ticket = ticket(&mut consumer, false);
    assert_eq!(ticket.address(), ring.doorbell().as_ptr().addr());
    assert_eq!(ticket.value(), ring.doorbell().load(Relaxed));
    assert_eq!(ring.sleepers().load(Relaxed), 1);
    producer.try_publish(b"message").unwrap();
    assert_ne!(ticket.value(), ring.doorbell().load(Relaxed), "the producer rings");
    assert!(matches!(sleep_any(&[ticket], Duration::MAX), Slept::Changed | Slept::Denied));
    assert!(is_ready(&mut consumer) && consumer.try_recv().unwrap().is_message());
}

#[test]
fn an_observer_that_is_to_be_woken_writes_nothing_and_looks_again_soon() {
    let ring = a_ring(Kind::Copied);
    let mut producer = ring.producer().unwrap();
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    let before = ring.sleepers().load(Relaxed);
    let ticket = ticket(&mut observer, false);
    assert_eq!(ticket.address(), ring.doorbell().as_ptr().addr());
    assert_eq!((ticket.longest(), ring.sleepers().load(Relaxed)), (SHORT, before));
    producer.try_publish(b"message").unwrap();
    assert!(is_ready(&mut observer) && observer.try_recv().unwrap().is_message());
    for _ in 0..=SLOTS {
        producer.try_publish(b"message").unwrap();
    }
    assert!(is_ready(&mut observer) && matches!(observer.try_recv(), Ok(Outcome::Lagged(_))));
}

/// Whether this call tells that the producer is lost.
type Tells<H> = fn(&mut H) -> bool;

#[test]
fn a_loss_that_asking_found_is_told_by_whichever_call_comes_next() {
    let calls: [Tells<Consumer>; 6] = [
        |consumer| matches!(consumer.try_recv(), Ok(Outcome::ProducerLost)),
        |consumer| matches!(consumer.recv(), Ok(Outcome::ProducerLost)),
        |consumer| matches!(consumer.try_recv_batch(4), Ok(Outcome::ProducerLost)),
        |consumer| matches!(consumer.try_recv_into(&mut [0; 8]), Ok(Outcome::ProducerLost)),
        |consumer| matches!(consumer.try_recv_raw(), Ok(Outcome::ProducerLost)),
        |consumer| matches!(consumer.peek(), Ok(Outcome::ProducerLost)),
    ];
    for (kind, call) in Kind::ALL.into_iter().flat_map(|kind| calls.map(|call| (kind, call))) {
        let ring = a_ring(kind);
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        assert!(!is_ready(&mut consumer));
        producer.try_publish(b"last").unwrap();
        drop(producer);
        assert!(consumer.prepare_sleep(true).is_ready() && consumer.try_recv().unwrap().is_message());
        assert!(consumer.prepare_sleep(true).is_ready());
        // Until it is told.
        assert!(is_ready(&mut consumer));
        assert!(call(&mut consumer));
        // It is told once, and then the next producer is waited for.
        assert!(consumer.try_recv().unwrap().is_empty());
        assert!(!consumer.prepare_sleep(true).is_ready());
        let _producer = ring.producer().unwrap();
        assert!(is_ready(&mut consumer));
        assert!(matches!(consumer.try_recv(), Ok(Outcome::EpochChanged { epoch: 2, .. })));
        assert!(!is_ready(&mut consumer));
    }
    let calls: [Tells<Observer>; 2] = [
        |observer| matches!(observer.try_recv(), Ok(Outcome::ProducerLost)),
        |observer| matches!(observer.recv_into(&mut [0; 8]), Ok(Outcome::ProducerLost)),
    ];
    for call in calls {
        let ring = a_ring(Kind::Copied);
        drop(ring.producer());
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        assert!(observer.prepare_sleep(true).is_ready() && call(&mut observer));
        assert!(!observer.prepare_sleep(true).is_ready());
    }
}

#[test]
fn an_end_that_was_found_before_a_sleep_is_not_told_once_a_successor_has_come() {
    let ends: [fn(Producer); 2] = [drop, |mut producer| producer.close().unwrap()];
    for (kind, end) in Kind::ALL.into_iter().flat_map(|kind| ends.map(|end| (kind, end))) {
        let ring = a_ring(kind);
        let producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        end(producer);
        assert!(consumer.prepare_sleep(true).is_ready() && observer.prepare_sleep(true).is_ready());
        let mut successor = ring.producer().unwrap();
        assert!(is_ready(&mut consumer) && is_ready(&mut observer));
        assert!(matches!(consumer.try_recv(), Ok(Outcome::EpochChanged { epoch: 2, .. })));
        assert!(matches!(observer.try_recv(), Ok(Outcome::EpochChanged { epoch: 2, .. })));
        assert!(!is_ready(&mut consumer) && !is_ready(&mut observer));
        successor.try_publish(b"message").unwrap();
        assert!(consumer.try_recv().unwrap().is_message() && observer.try_recv().unwrap().is_message());
    }
}

#[test]
fn a_bell_that_changed_without_a_message_has_the_kernel_asked() {
    let ring = a_ring(Kind::Copied);
    let producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    assert!(!is_ready(&mut consumer));
    // It rings.
    drop(producer);
    assert!(is_ready(&mut consumer));
    assert!(matches!(consumer.try_recv(), Ok(Outcome::ProducerLost)));
}

#[test]
fn events_make_a_reader_ready_and_are_told_by_the_next_call() {
    let ring = a_ring(Kind::Copied);
    let first = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
    drop(first);
    let mut producer = ring.producer().unwrap();
    for _ in 0..2 {
        assert!(is_ready(&mut consumer) && is_ready(&mut observer));
    }
    assert!(matches!(consumer.try_recv(), Ok(Outcome::EpochChanged { epoch: 2, .. })));
    assert!(matches!(observer.try_recv(), Ok(Outcome::EpochChanged { epoch: 2, .. })));
    assert!(!is_ready(&mut consumer) && !is_ready(&mut observer));
    producer.close().unwrap();
    for _ in 0..2 {
        assert!(is_ready(&mut consumer) && matches!(consumer.try_recv(), Ok(Outcome::Closed)));
        assert!(is_ready(&mut observer) && matches!(observer.try_recv(), Ok(Outcome::Closed)));
    }
}

#[test]
fn a_reader_from_before_the_first_producer_waits_on_as_it_comes() {
    let ring = a_ring(Kind::Copied);
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let _producer = ring.producer().unwrap();
    assert!(!is_ready(&mut consumer));
}

#[test]
fn a_consumer_that_holds_messages_waits_for_the_next_to_peek_at() {
    for kind in Kind::ALL {
        let ring = a_ring(kind);
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        for seq in 0..SLOTS {
            assert!(!is_ready(&mut consumer));
            producer.try_publish(b"message").unwrap();
            assert!(is_ready(&mut consumer));
            assert!(matches!(consumer.peek(), Ok(Outcome::Message(message)) if message.seq() == seq));
        }
        // It holds all that there is room for, and no event is told before it releases some.
        drop(producer);
        assert!(!consumer.prepare_sleep(true).is_ready());
        assert!(consumer.peek().unwrap().is_empty());
        consumer.release_through(0).unwrap();
        assert!(consumer.prepare_sleep(true).is_ready());
        assert!(matches!(consumer.peek(), Ok(Outcome::ProducerLost)));
    }
}

#[test]
fn damage_that_asking_found_is_the_next_calls_error() {
    let ring = a_ring(Kind::Copied);
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    producer.try_publish(b"message").unwrap();
    let [stamp, _] = ring.slot(0);
    let was = stamp.swap(0, Relaxed);
    assert!(consumer.try_recv().unwrap().is_empty(), "a look at the slot doesn't tell");
    assert!(consumer.prepare_sleep(true).is_ready());
    assert!(matches!(consumer.try_recv(), Err(RecvError::Damaged(damaged)) if damaged.what == "stamp"));
    stamp.store(was, Relaxed);
    assert!(consumer.try_recv().unwrap().is_message());
}

#[test]
fn no_value_of_the_page_makes_a_reader_ready_for_ever_without_an_event() {
    let ring = a_ring(Kind::Copied);
    drop(ring.producer());
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    assert!(consumer.prepare_sleep(true).is_ready());
    let was = ring.page(EPOCH_STATE).swap(u64::MAX, Relaxed);
    assert!(consumer.try_recv().unwrap().is_empty() && !is_ready(&mut consumer));
    assert!(!consumer.prepare_sleep(true).is_ready());
    ring.page(EPOCH_STATE).store(was, Relaxed);
    assert!(is_ready(&mut consumer) && !consumer.try_recv().is_ok_and(|outcome| outcome.is_empty()));
}

#[test]
fn a_handle_that_missed_a_ring_sleeps_for_a_short_time() {
    let ring = a_ring(Kind::Copied);
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer(Start::Oldest).unwrap());
    let slept_through = ticket(&mut consumer, false);
    producer.try_publish(b"message").unwrap();
    consumer.slept(&slept_through, false);
    assert!(consumer.try_recv().unwrap().is_message());
    let whole = ticket(&mut consumer, false).longest();
    consumer.slept(&slept_through, true);
    assert_eq!(ticket(&mut consumer, false).longest(), SHORT);
    for _ in 0..1000 {
        let ticket = ticket(&mut consumer, false);
        consumer.slept(&ticket, true);
    }
    assert_eq!(ticket(&mut consumer, false).longest(), whole);
}

#[test]
fn a_producer_of_a_full_ring_names_the_bell_of_the_cell_that_fills_it() {
    for slow in 0..2 {
        let ring = a_ring(Kind::Copied);
        let mut producer = ring.producer().unwrap();
        let mut consumers = [(); 2].map(|()| ring.consumer(Start::Oldest).unwrap());
        assert!(is_ready(&mut producer));
        filled(&mut producer);
        drop(consumers[1 - slow].try_recv_batch(usize::MAX));
        let nobody = ring.page(BLOCKED_ON).load(Relaxed);
        let slept_on = ticket(&mut producer, false);
        assert_eq!(slept_on.address(), ring.space(slow as u64).as_ptr().addr());
        assert_eq!(ring.page(BLOCKED_ON).load(Relaxed), nobody | (slow as u64 + 1));
        // A quarter of the ring.
        drop(consumers[slow].try_recv_batch(2));
        assert_ne!(slept_on.value(), ring.space(slow as u64).load(Relaxed), "the consumer rings");
        producer.slept(&slept_on, false);
        assert_eq!(ring.page(BLOCKED_ON).load(Relaxed), nobody);
        assert!(is_ready(&mut producer));
        // A preparation that no sleep followed is taken back by the next.
        filled(&mut producer);
        let _unused = ticket(&mut producer, false);
        drop(consumers[slow].try_recv());
        assert!(is_ready(&mut producer));
        assert_eq!(ring.page(BLOCKED_ON).load(Relaxed), nobody);
        assert_eq!(producer.try_publish(b"message"), Ok(SLOTS + 2));
    }
}

#[test]
fn a_producer_turns_to_the_consumer_that_fills_the_ring_by_now() {
    let ring = a_ring(Kind::Copied);
    let mut producer = ring.producer().unwrap();
    let mut consumers = [(); 2].map(|()| ring.consumer(Start::Oldest).unwrap());
    for _ in 0..SLOTS {
        producer.try_publish(b"message").unwrap();
    }
    drop(consumers[1].try_recv());
    // While the kernel is asked about the first, it reads on past the other, by which there is no more room either.
    let mut times = 0;
    ring.when_asked(move |ring| {
        times += 1;
        if times == 1 {
            ring.cell(0, CURSOR).store(2, Relaxed);
            ring.cell(1, CURSOR).store(0, Relaxed);
        }
    });
    let ticket = ticket(&mut producer, false);
    assert_eq!(ticket.address(), ring.space(1).as_ptr().addr());
    assert!(ticket.longest() > SHORT, "it is sure to be woken");
}

#[test]
fn a_producer_that_can_not_be_sure_to_be_woken_sleeps_for_a_short_time() {
    let ring = a_ring(Kind::Copied);
    let mut producer = ring.producer().unwrap();
    let _consumer = ring.consumer(Start::Oldest).unwrap();
    filled(&mut producer);
    ring.cell(0, REGISTERED).store(0, Relaxed);
    let ticket = ticket(&mut producer, false);
    let asymmetric = producer.wake_mode() == Ok(ringway_core::WakeMode::Asymmetric);
    assert_eq!(ticket.longest() == SHORT, asymmetric);
}

#[test]
fn a_producer_is_ready_to_fail() {
    let ring = a_ring(Kind::Copied);
    let mut first = ring.producer().unwrap();
    let _consumer = ring.consumer(Start::Oldest).unwrap();
    filled(&mut first);
    let slept_on = ticket(&mut first, false);
    ring.free_producer();
    let mut second = ring.producer().unwrap();
    filled(&mut second);
    let _theirs = ticket(&mut second, false);
    let blocked_on = ring.page(BLOCKED_ON).load(Relaxed);
    // A deposed one leaves its successor's page alone.
    first.slept(&slept_on, true);
    assert!(is_ready(&mut first));
    assert_eq!(ring.page(BLOCKED_ON).load(Relaxed), blocked_on);
    assert!(matches!(first.try_publish(b"late"), Err(PublishError::Deposed { own: 1, found: 2 })));
    second.close().unwrap();
    assert!(is_ready(&mut second));
    assert_eq!(second.try_publish(b"late"), Err(PublishError::Closed));
}

#[test]
fn a_child_is_ready_to_be_refused_and_changes_nothing() {
    let ring = a_ring(Kind::Copied);
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    let mut observer = ring.observer(Start::Latest, Resume::Latest).unwrap();
    filled(&mut producer);
    let slept_on = ticket(&mut producer, false);
    drop(consumer.try_recv_batch(1));
    let words = || [ring.page(BLOCKED_ON), ring.cell(0, CURSOR)].map(|word| word.load(Relaxed));
    let (before, sleepers) = (words(), ring.sleepers().load(Relaxed));
    ring.in_a_child(|| {
        assert!(consumer.prepare_sleep(true).is_ready() && observer.prepare_sleep(true).is_ready());
        assert!(producer.prepare_sleep(true).is_ready());
        producer.slept(&slept_on, true);
    });
    assert_eq!((words(), ring.sleepers().load(Relaxed)), (before, sleepers));
}

#[test]
fn wrappers_pass_the_wait_on_to_their_handle() {
    let ring = a_ring(Kind::Copied);
    let mut producer = ring.producer().unwrap();
    let mut consumer = Box::new(ring.consumer(Start::Oldest).unwrap());
    {
        let mut handles: [&mut dyn Waitable; 2] = [&mut producer, &mut consumer];
        assert!(is_ready(&mut handles[0]) && !is_ready(&mut handles[1]));
    }
    filled(&mut producer);
    let mut handles: Vec<Box<dyn Waitable>> = vec![Box::new(producer), consumer];
    assert!(!is_ready(&mut handles[0]) && is_ready(&mut handles[1]));
    let ticket = ticket(&mut handles[0], false);
    handles[0].slept(&ticket, false);
    assert_eq!(ring.page(BLOCKED_ON).load(Relaxed) & 3, 0);
}
