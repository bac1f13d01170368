//! The calls that a victim makes, chosen at random, each with a bounded wait; and the checks of what they give.

use std::time::Duration;

use ringway::{Consumer, Observer, Outcome, Producer, PublishError, RecvError, Wait, WakeMode};

use crate::scribbler::Numbers;
use crate::tally::name;

/// How long a call may wait.
pub const MOMENT: Duration = Duration::from_millis(1);

/// A way to wait, chosen at random.
fn a_wait(numbers: &mut Numbers) -> Wait {
    [Wait::Spin, Wait::Yield, Wait::Park, Wait::Park][numbers.below(4) as usize]
}

/// One call of a producer's, chosen at random.
pub fn produce(
    producer: &mut Producer,
    numbers: &mut Numbers,
) -> Result<String, (&'static str, PublishError)> {
    let capacity = producer.geometry().payload_capacity();
    let fixed = producer.geometry().stride_kind().is_fixed_length() && numbers.below(4) != 0;
    let length = if fixed { capacity } else { numbers.below(capacity + 2) } as usize;
    producer.set_wait(a_wait(numbers));
    let message = vec![0xa5; length];
    match numbers.below(9) {
        0 | 1 => producer
            .publish_timeout(&message, MOMENT)
            .map(|_| "publish".into())
            .map_err(|error| ("publish", error)),
        2..=4 => {
            let tag = numbers.next() as u32;
            let published = producer.try_publish_tagged(&message, tag);
            published.map(|_| "try_publish".into()).map_err(|error| ("try_publish", error))
        }
        5 => {
            let batch = vec![&message[..]; numbers.below(100) as usize];
            let published = producer.publish_batch_timeout(&batch, MOMENT);
            published.map(|()| "publish_batch".into()).map_err(|failed| {
                assert!(failed.published < batch.len());
                ("publish_batch", failed.error)
            })
        }
        6 => {
            let failed = |error| ("claim", error);
            let mut claim = producer.try_claim(length).map_err(failed)?;
            claim.fill(1);
            if numbers.below(2) == 0 {
                return Ok("claim, dropped".into());
            }
            claim.commit_tagged(3).map(|_| "claim, committed".into()).map_err(failed)
        }
        7 => {
            let mode = [WakeMode::Fenced, WakeMode::Asymmetric][numbers.below(2) as usize];
            let chosen = producer.set_wake_mode(mode);
            chosen.map(|_| "set_wake_mode".into()).map_err(|error| ("set_wake_mode", error))
        }
        _ => {
            let most = producer.geometry().max_consumers() as usize;
            assert!(producer.consumer_count().expect("no fork") <= most);
            Ok("consumers".into())
        }
    }
}

/// What a call came to; or which call failed, and why.
pub type Call = Result<String, (&'static str, RecvError)>;

/// One call of a consumer's, chosen at random.
pub fn consume(consumer: &mut Consumer, numbers: &mut Numbers) -> Call {
    consumer.set_wait(a_wait(numbers));
    let capacity = consumer.geometry().payload_capacity() as usize;
    let (next, in_place) = (consumer.next_seq(), consumer.in_place());
    let look = |seq, bytes: &[u8]| {
        assert!(seq >= next && bytes.len() <= capacity);
        if !in_place {
            std::hint::black_box(bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
        }
    };
    match numbers.below(8) {
        0 => came_to("recv", consumer.recv_timeout(MOMENT), |guard| look(guard.seq(), &guard)),
        1..=3 => came_to("recv", consumer.try_recv(), |guard| look(guard.seq(), &guard)),
        4 => {
            let mut buffer = vec![0; numbers.below(capacity as u64 + 1) as usize];
            let room = buffer.len();
            let received = consumer.recv_into_timeout(&mut buffer, MOMENT);
            came_to("recv_into", received, |copied| assert!(copied.seq == next && copied.len <= room))
        }
        5 | 6 => {
            let max = 1 + numbers.below(100) as usize;
            came_to("recv_batch", consumer.recv_batch_timeout(max, MOMENT), |batch| {
                assert!(!batch.is_empty() && batch.len() <= max);
                batch.iter().for_each(|message| look(message.seq(), &message));
            })
        }
        _ => {
            let asked = |error| ("consumer's questions", error);
            consumer.len().map_err(asked)?;
            consumer.count_room().map_err(asked)?;
            let skipped = consumer.skip(numbers.below(3)).map_err(asked)?;
            assert_eq!(consumer.next_seq(), next + skipped);
            consumer.state().map_err(asked)?;
            consumer.epoch().expect("no fork");
            consumer.producer_alive().expect("no fork");
            Ok("consumer's questions".into())
        }
    }
}

/// One call of an observer's, chosen at random.
pub fn observe(observer: &mut Observer, numbers: &mut Numbers) -> Call {
    observer.set_wait(a_wait(numbers));
    let capacity = observer.geometry().payload_capacity() as usize;
    let next = observer.next_seq();
    match numbers.below(8) {
        0 => came_to("observe", observer.recv_timeout(MOMENT), |message| {
            assert!(message.seq() == next && message.len() <= capacity);
        }),
        1..=4 => came_to("observe", observer.try_recv(), |message| {
            assert!(message.seq() == next && message.len() <= capacity);
        }),
        5 | 6 => {
            let mut buffer = vec![0; numbers.below(capacity as u64 + 1) as usize];
            let room = buffer.len();
            came_to("observe into", observer.recv_into_timeout(&mut buffer, MOMENT), |copied| {
                assert!(copied.seq == next && copied.len <= room);
            })
        }
        _ => {
            let asked = |error| ("observer's questions", error);
            observer.lag().map_err(asked)?;
            let to = next.wrapping_sub(numbers.below(100));
            if observer.seek(to).is_ok() {
                assert_eq!(observer.next_seq(), to);
            }
            observer.state().map_err(asked)?;
            let most = observer.geometry().max_consumers() as usize;
            assert!(observer.consumers().map_err(asked)?.len() <= most);
            Ok("observer's questions".into())
        }
    }
}

/// What a call came to, by name; `look` gets the message, if it is one.
fn came_to<M>(call: &'static str, result: Result<Outcome<M>, RecvError>, look: impl FnOnce(M)) -> Call {
    let outcome = match result.map_err(|error| (call, error))? {
        Outcome::Message(message) => {
            look(message);
            "Message"
        }
        Outcome::Empty => "Empty",
        Outcome::TimedOut => "TimedOut",
        Outcome::Lagged(_) => "Lagged",
        Outcome::EpochChanged { .. } => "EpochChanged",
        Outcome::ProducerLost => "ProducerLost",
        Outcome::Closed => "Closed",
        other => panic!("{call}: {}", name(&other.map(drop))),
    };
    Ok(format!("{call}: {outcome}"))
}
