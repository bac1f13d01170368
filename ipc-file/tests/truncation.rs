//! A file that is cut short under its roles: death without the guard, an error with it, and nobody else's
//! faults taken away.

use std::io::pipe;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use ringway_core::{
    AttachError, Config, Outcome, Producer, PublishError, RecvError, Resume, Ring, Start, Stride, Truncated,
    Wait,
};
use ringway_file::{FileRing, guard_truncation};
use testkit::child::{child, hear, tell};
use testkit::files::{cut, made, next, small};
use testkit::harness::run_alone;
use testkit::{PATIENCE, named};

const LARGE: usize = 1 << 20;

fn main() {
    run_alone(named![
        without_the_guard_the_process_dies_of_it,
        a_role_taken_before_the_guard_is_not_guarded,
        a_thread_that_blocks_the_signal_dies_all_the_same,
        a_waiting_consumer_is_told,
        a_waiting_observer_is_told,
        a_waiting_producer_is_told,
        every_call_of_a_handle_that_lost_its_file_says_so,
        a_copy_that_misses_its_end_is_not_given_out,
        what_is_borrowed_in_place_turns_to_zeros_and_the_process_lives,
        a_message_whose_header_is_lost_is_no_empty_one,
        a_message_that_head_counts_and_whose_payload_is_lost_is_none,
        messages_are_whole_until_the_file_is_cut_short,
        a_handle_that_lost_a_part_changes_nothing_of_the_rest,
        a_file_made_anew_is_used_by_new_handles,
    ]);
}

fn large() -> Config {
    Config::new().slots(4).payload_capacity(LARGE as u64).max_consumers(2)
}

fn without_the_guard_the_process_dies_of_it() {
    let (_directory, path, ring) = made(&small());
    let (mut told, mut telling) = pipe().unwrap();
    let waiting = child(|| {
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        consumer.set_wait(Wait::Yield);
        tell(&mut telling);
        let _ = consumer.recv_timeout(PATIENCE);
    });
    hear(&mut told);
    cut(&path, 0);
    waiting.dies_by(Signal::SIGBUS);
}

fn a_role_taken_before_the_guard_is_not_guarded() {
    let (_directory, path, ring) = made(&small());
    child(|| {
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        guard_truncation().unwrap();
        cut(&path, 0);
        let _ = consumer.try_recv();
    })
    .dies_by(Signal::SIGBUS);
}

fn a_thread_that_blocks_the_signal_dies_all_the_same() {
    let (_directory, path, ring) = made(&small());
    child(|| {
        guard_truncation().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        SigSet::from(Signal::SIGBUS).thread_block().unwrap();
        cut(&path, 0);
        let _ = consumer.try_recv();
    })
    .dies_by(Signal::SIGBUS);
}

/// Cuts the file short while a child is in `wait`.
fn while_waiting(wait: impl FnOnce(&FileRing, &mut dyn FnMut())) {
    let (_directory, path, ring) = made(&small());
    let (mut told, mut telling) = pipe().unwrap();
    let waiting = child(|| {
        guard_truncation().unwrap();
        wait(&ring, &mut || tell(&mut telling));
        // The process is as well as before.
        let (_directory, _, ring) = made(&small());
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        ring.producer().unwrap().publish(b"well").unwrap();
        assert_eq!(next(&mut consumer), b"well");
    });
    hear(&mut told);
    cut(&path, 0);
    waiting.succeed();
}

fn a_waiting_consumer_is_told() {
    for wait in [Wait::Spin, Wait::Yield] {
        while_waiting(|ring, waiting| {
            let mut producer = ring.producer().unwrap();
            let mut consumer = ring.consumer(Start::Oldest).unwrap();
            consumer.set_wait(wait);
            producer.publish(b"before").unwrap();
            assert_eq!(next(&mut consumer), b"before");
            waiting();
            let told = consumer.recv_timeout(PATIENCE).unwrap_err();
            assert_eq!(told, RecvError::Truncated(Truncated));
        });
    }
}

fn a_waiting_observer_is_told() {
    while_waiting(|ring, waiting| {
        let mut producer = ring.producer().unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        observer.set_wait(Wait::Yield);
        producer.publish(b"before").unwrap();
        assert_eq!(&*observer.try_recv().unwrap().into_message().unwrap(), b"before");
        waiting();
        assert_eq!(observer.recv_timeout(PATIENCE).unwrap_err(), RecvError::Truncated(Truncated));
    });
}

fn a_waiting_producer_is_told() {
    while_waiting(|ring, waiting| {
        let _consumer = ring.consumer(Start::Oldest).unwrap();
        let mut producer = ring.producer().unwrap();
        while producer.try_publish(b"x").is_ok() {}
        producer.set_wait(Wait::Yield);
        waiting();
        assert_eq!(producer.publish_timeout(b"y", PATIENCE), Err(PublishError::Truncated(Truncated)));
    });
}

fn every_call_of_a_handle_that_lost_its_file_says_so() {
    guard_truncation().unwrap();
    let lost = Err(RecvError::Truncated(Truncated));
    let refused = Err(PublishError::Truncated(Truncated));
    // Each of them as the first to meet it, and then the second.
    type Call = fn(&mut ringway_core::Consumer) -> Result<(), RecvError>;
    let consumers: [Call; 8] = [
        |consumer| consumer.try_recv().map(drop),
        |consumer| consumer.recv_timeout(PATIENCE).map(drop),
        |consumer| consumer.try_recv_into(&mut [0; 48]).map(drop),
        |consumer| consumer.try_recv_batch(2).map(drop),
        |consumer| consumer.recv_batch_timeout(2, PATIENCE).map(drop),
        |consumer| consumer.len().map(drop),
        |consumer| consumer.state().map(drop),
        |consumer| consumer.epoch().map(drop),
    ];
    for (first, call) in consumers.iter().enumerate() {
        let (_directory, path, ring) = made(&small());
        let mut producer = ring.producer().unwrap();
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        consumer.set_wait(Wait::Yield);
        producer.publish(b"unread").unwrap();
        cut(&path, 0);
        assert_eq!(call(&mut consumer), lost, "call {first}");
        for (second, call) in consumers.iter().enumerate() {
            assert_eq!(call(&mut consumer), lost, "call {second} after {first}");
        }
        // The locks are as they were.
        assert_eq!(consumer.producer_alive(), Ok(true));
    }

    type Look = fn(&mut ringway_core::Observer) -> Result<(), RecvError>;
    let observers: [Look; 8] = [
        |observer| observer.try_recv().map(drop),
        |observer| observer.recv_timeout(PATIENCE).map(drop),
        |observer| observer.try_recv_into(&mut [0; 48]).map(drop),
        |observer| observer.head().map(drop),
        |observer| observer.lag().map(drop),
        |observer| observer.consumers().map(drop),
        |observer| observer.state().map(drop),
        |observer| observer.epoch().map(drop),
    ];
    for (first, call) in observers.iter().enumerate() {
        let (_directory, path, ring) = made(&small());
        ring.producer().unwrap().publish(b"unread").unwrap();
        let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        cut(&path, 0);
        assert_eq!(call(&mut observer), lost, "call {first}");
        assert_eq!(observer.try_recv().map(drop), lost, "after {first}");
        assert_eq!(observer.received() + observer.lost(), 0);
    }

    // A publish that needn't look around may say yes once; no call does twice.
    type Write = fn(&mut Producer) -> Result<(), PublishError>;
    let producers: [Write; 7] = [
        |producer| producer.try_publish(b"x").map(drop),
        |producer| producer.publish(b"x").map(drop),
        |producer| producer.try_claim(1).and_then(|claim| claim.commit()).map(drop),
        |producer| producer.publish_batch(&[b"x"]).map_err(|batch| batch.error),
        |producer| producer.try_publish_batch(&[b"x"]).map(drop),
        |producer| producer.try_publish_batch_with(1, 1, |_, bytes| bytes.fill(1)).map(drop),
        |producer| producer.consumer_count().map(drop),
    ];
    for (first, call) in producers.iter().enumerate() {
        let (_directory, path, ring) = made(&small());
        let mut producer = ring.producer().unwrap();
        producer.publish(b"x").unwrap();
        cut(&path, 0);
        let _ = call(&mut producer);
        for (second, call) in producers.iter().enumerate() {
            assert_eq!(call(&mut producer), refused, "call {second} after {first}");
        }
        assert_eq!(producer.close(), refused);
    }
    let (_directory, path, ring) = made(&small());
    let mut producer = ring.producer().unwrap();
    cut(&path, 0);
    assert_eq!(producer.close(), refused);
    // A consumer that comes now finds the file too short.
    assert!(matches!(ring.consumer(Start::Oldest), Err(AttachError::Geometry(_))));
}

fn a_copy_that_misses_its_end_is_not_given_out() {
    guard_truncation().unwrap();
    let message = vec![7; LARGE];
    let lost = RecvError::Truncated(Truncated);
    // Stamp and length are there, and half of the payload.
    let halved = || {
        let (directory, path, ring) = made(&large());
        ring.producer().unwrap().publish(&message).unwrap();
        let half = ring.geometry().slots_section().offset + LARGE as u64 / 2;
        let mut consumer = ring.consumer(Start::Oldest).unwrap();
        let other = ring.consumer(Start::Oldest).unwrap();
        let observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
        assert_eq!(next(&mut consumer), message);
        cut(&path, half);
        (directory, other, observer)
    };
    let (_directory, mut consumer, mut observer) = halved();
    assert_eq!(consumer.try_recv().unwrap_err(), lost);
    assert_eq!(observer.try_recv().unwrap_err(), lost);
    assert_eq!((consumer.next_seq(), observer.next_seq(), observer.lost()), (0, 0, 0));

    let (_directory, mut consumer, mut observer) = halved();
    let mut buffer = vec![0; LARGE];
    assert_eq!(consumer.try_recv_into(&mut buffer).unwrap_err(), lost);
    assert_eq!(observer.try_recv_into(&mut buffer).unwrap_err(), lost);
    assert_eq!((consumer.next_seq(), observer.next_seq()), (0, 0));

    let (_directory, mut consumer, _observer) = halved();
    assert_eq!(consumer.try_recv_batch(4).unwrap_err(), lost);
    assert_eq!(consumer.next_seq(), 0);
}

#[allow(unsafe_code)]
fn what_is_borrowed_in_place_turns_to_zeros_and_the_process_lives() {
    guard_truncation().unwrap();
    let (_directory, path, ring) = made(&large());
    // SAFETY: that somebody breaks the promise is what the test is about; the bytes are read one by one,
    // whatever they are, and by nobody else.
    let ring = unsafe { ring.trust_peers() };
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer(Start::Oldest).unwrap();
    producer.publish(&vec![7; LARGE]).unwrap();
    let message = consumer.try_recv().unwrap().into_message().unwrap();
    let mut claim = producer.claim(LARGE).unwrap();
    cut(&path, 0);
    let byte = |at: usize| std::hint::black_box(&message[at..=at])[0];
    assert_eq!((byte(0), byte(LARGE - 1)), (0, 0));
    claim.fill(9);
    assert_eq!(claim.commit(), Err(PublishError::Truncated(Truncated)));
    drop(message);
    assert_eq!(consumer.try_recv().unwrap_err(), RecvError::Truncated(Truncated));
}

#[allow(unsafe_code)]
fn a_message_whose_header_is_lost_is_no_empty_one() {
    guard_truncation().unwrap();
    // Slots of 56 bytes: the 73rd has its stamp at the end of one page, and its length on the next.
    let (split, page) = (73, 4096);
    let config = Config::new().slots(128).payload_capacity(40).stride(Stride::Packed);
    for trusted in [false, true] {
        let (_directory, path, ring) = made(&config);
        // SAFETY: that somebody breaks the promise is what the test is about; no byte is looked at.
        let ring = if trusted { unsafe { ring.trust_peers() } } else { ring };
        assert_eq!(ring.geometry().stride() * split + 8, page);
        let mut producer = ring.producer().unwrap();
        for _ in 0..=split {
            producer.publish_tagged(&[7; 40], 5).unwrap();
        }
        let mut consumer = ring.consumer(Start::At(split)).unwrap();
        cut(&path, ring.geometry().slots_section().offset + page);
        assert_eq!(consumer.try_recv().unwrap_err(), RecvError::Truncated(Truncated));
    }
}

#[allow(unsafe_code)]
fn a_message_that_head_counts_and_whose_payload_is_lost_is_none() {
    guard_truncation().unwrap();
    // Stamps and head stay; of the payloads nothing does.
    let config = Config::new().slots(128).payload_capacity(64).stride(Stride::Split);
    for trusted in [false, true] {
        let (_directory, path, ring) = made(&config);
        // SAFETY: that somebody breaks the promise is what the test is about; no byte is looked at.
        let ring = if trusted { unsafe { ring.trust_peers() } } else { ring };
        let mut producer = ring.producer().unwrap();
        for _ in 0..100 {
            producer.publish(&[7; 64]).unwrap();
        }
        let mut consumer = ring.consumer(Start::At(99)).unwrap();
        let mut observer = ring.observer(Start::At(99), Resume::OldestSafe).unwrap();
        cut(&path, ring.geometry().slots_section().offset + 4096);
        assert_eq!(consumer.try_recv().unwrap_err(), RecvError::Truncated(Truncated));
        assert_eq!(observer.try_recv().unwrap_err(), RecvError::Truncated(Truncated));
    }
}

fn messages_are_whole_until_the_file_is_cut_short() {
    guard_truncation().unwrap();
    for round in 0..20 {
        let (_directory, path, ring) = made(&large());
        let (mut told, mut telling) = pipe().unwrap();
        let mut reader = |observe: bool| {
            child(|| {
                let mut buffer = vec![0; LARGE];
                let mut read: Box<dyn FnMut(&mut [u8]) -> _> = if observe {
                    let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
                    observer.set_wait(Wait::Yield);
                    Box::new(move |buffer| observer.recv_into_timeout(buffer, PATIENCE))
                } else {
                    let mut consumer = ring.consumer(Start::Oldest).unwrap();
                    consumer.set_wait(Wait::Yield);
                    Box::new(move |buffer| consumer.recv_into_timeout(buffer, PATIENCE))
                };
                tell(&mut telling);
                loop {
                    match read(&mut buffer) {
                        Ok(Outcome::Message(copied)) => {
                            let expected = copied.seq as u8 | 1;
                            assert_eq!(copied.len, LARGE);
                            assert!(buffer.iter().all(|&byte| byte == expected), "torn");
                        }
                        Ok(Outcome::Lagged(_)) => {}
                        Err(RecvError::Truncated(_)) => return,
                        other => panic!("{other:?}"),
                    }
                }
            })
        };
        let consumer = reader(false);
        hear(&mut told);
        let observer = reader(true);
        hear(&mut told);
        let mut producer = ring.producer().unwrap();
        let cutter = std::thread::spawn(move || {
            // Somewhere in the middle of the stream.
            std::thread::sleep(Duration::from_millis(5 + round));
            cut(&path, 0);
        });
        producer.set_wait(Wait::Yield);
        let told = loop {
            let seq = producer.next_seq();
            if let Err(error) = producer.publish_timeout(&vec![seq as u8 | 1; LARGE], PATIENCE) {
                break error;
            }
        };
        assert_eq!(told, PublishError::Truncated(Truncated));
        cutter.join().unwrap();
        consumer.succeed();
        observer.succeed();
    }
}

fn a_handle_that_lost_a_part_changes_nothing_of_the_rest() {
    guard_truncation().unwrap();
    let (_directory, path, ring) = made(&small());
    let mut producer = ring.producer().unwrap();
    producer.publish(b"counted").unwrap();
    // All that is left is what lies before the slots: the producer's page, and the cells.
    cut(&path, ring.geometry().slots_section().offset);
    let before = std::fs::read(&path).unwrap();
    while producer.try_publish(b"not counted").is_ok() {}
    assert_eq!(producer.try_publish(b"x"), Err(PublishError::Truncated(Truncated)));
    drop(producer);
    assert!(std::fs::read(&path).unwrap() == before);
}

fn a_file_made_anew_is_used_by_new_handles() {
    guard_truncation().unwrap();
    let (_directory, path, ring) = made(&small());
    let mut old = ring.consumer(Start::Oldest).unwrap();
    cut(&path, 0);
    assert!(matches!(old.try_recv(), Err(RecvError::Truncated(_))));
    std::fs::remove_file(&path).unwrap();
    let ring = ringway_file::create(&path, &small()).unwrap();
    let mut new = ring.consumer(Start::Oldest).unwrap();
    ring.producer().unwrap().publish(b"anew").unwrap();
    assert_eq!(next(&mut new), b"anew");
    assert!(matches!(old.try_recv(), Err(RecvError::Truncated(_))));
    drop(old);
    ring.producer().unwrap().publish(b"still").unwrap();
    assert_eq!(next(&mut new), b"still");
}
