//! Handles and forks: a role belongs to the process that took it, and no child of its disturbs it.

#![allow(unsafe_code, reason = "forking a process is unsafe")]

use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::ForkResult;
use ringway::anon::{ForkError, fork};
use ringway::{
    AttachError, Config, Consumer, Forked, Observer, Outcome, Producer, PublishError, RecvError, Resume,
    Ring, Start, Wait,
};
use testkit::child::apart;
use testkit::roles::{Sender, read, read_to_the_end};
use testkit::{Kind, PATIENCE, Post, TestRing, named, role, suite};

const SLOTS: u64 = 16;

fn main() {
    suite::run(
        named![
            inherited_handles_are_refused_and_dropping_them_harms_nobody,
            a_stream_is_not_read_on_in_a_child,
            a_child_takes_roles_of_its_own,
            a_child_does_not_keep_its_parents_roles_alive,
            a_killed_parents_roles_are_free_though_its_child_lives,
            messages_held_across_a_fork_stay_the_parents,
            a_fork_by_other_means_is_noticed_too,
            starting_a_program_disturbs_no_role,
            a_process_with_threads_is_not_forked,
        ],
        named![bystander, parent_with_a_child],
    );
}

fn config() -> Config {
    Config::new().slots(SLOTS).payload_capacity(101).max_consumers(1)
}

type Handles = (Producer, Consumer, Observer);

fn handles(ring: &TestRing) -> Handles {
    let producer = ring.producer().unwrap();
    let consumer = ring.consumer(Start::Oldest).unwrap();
    (producer, consumer, ring.observer(Start::Oldest, Resume::OldestSafe).unwrap())
}

/// Every call of every handle says `Forked`, the ones that wait without waiting.
fn assert_refused((mut producer, mut consumer, mut observer): Handles) {
    let forked = Err(PublishError::Forked(Forked));
    assert_eq!(producer.publish(b"x"), forked);
    assert_eq!(producer.publish_tagged(b"x", 1), forked);
    assert_eq!(producer.try_publish(b"x"), forked);
    assert_eq!(producer.try_publish_tagged(b"x", 1), forked);
    assert_eq!(producer.claim(1).map(|claim| claim.seq()), forked);
    assert_eq!(producer.try_claim(1).map(|claim| claim.seq()), forked);
    assert_eq!(producer.publish_batch(&[b"x"]).map_err(|e| e.error), Err(PublishError::Forked(Forked)));
    assert_eq!(producer.try_publish_batch(&[b"x"]), Err(PublishError::Forked(Forked)));
    assert_eq!(producer.try_publish_batch::<&[u8]>(&[]), Err(PublishError::Forked(Forked)));
    assert_eq!(
        producer.publish_batch_with(1, 1, |_, _| ()).map_err(|e| e.error),
        Err(PublishError::Forked(Forked))
    );
    assert_eq!(producer.try_publish_batch_with(1, 1, |_, _| ()), Err(PublishError::Forked(Forked)));
    assert_eq!(producer.consumer_count(), Err(PublishError::Forked(Forked)));
    assert_eq!(producer.close(), Err(PublishError::Forked(Forked)));

    let forked = RecvError::Forked(Forked);
    let mut buffer = [0; 101];
    assert_eq!(consumer.try_recv().unwrap_err(), forked);
    assert_eq!(consumer.recv_timeout(PATIENCE).unwrap_err(), forked);
    assert_eq!(consumer.try_recv_into(&mut buffer).unwrap_err(), forked);
    assert_eq!(consumer.recv_into_timeout(&mut buffer, PATIENCE).unwrap_err(), forked);
    assert_eq!(consumer.try_recv_batch(3).unwrap_err(), forked);
    assert_eq!(consumer.recv_batch_timeout(3, PATIENCE).unwrap_err(), forked);
    assert_eq!(consumer.len().unwrap_err(), forked);
    assert_eq!(consumer.state().unwrap_err(), forked);
    assert_eq!(consumer.epoch(), Err(RecvError::Forked(Forked)));
    assert_eq!(consumer.producer_alive(), Err(Forked));
    drop(consumer);

    assert_eq!(observer.try_recv().unwrap_err(), forked);
    assert_eq!(observer.recv_timeout(PATIENCE).unwrap_err(), forked);
    assert_eq!(observer.try_recv_into(&mut buffer).unwrap_err(), forked);
    assert_eq!(observer.recv_into_timeout(&mut buffer, PATIENCE).unwrap_err(), forked);
    assert_eq!(observer.head().unwrap_err(), forked);
    assert_eq!(observer.lag().unwrap_err(), forked);
    assert_eq!(observer.state().unwrap_err(), forked);
    assert_eq!(observer.epoch(), Err(RecvError::Forked(Forked)));
    assert_eq!(observer.producer_alive(), Err(Forked));
    // What the handle knows by itself it may tell.
    assert_eq!((observer.received(), observer.lost()), (0, 0));
}

/// The handles work, and their roles are held.
fn assert_sound(ring: &TestRing, (producer, consumer, observer): Handles) {
    assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { .. })));
    assert!(matches!(ring.consumer(Start::Latest), Err(AttachError::NoFreeCell { max: 1, .. })));
    assert_eq!(producer.consumer_count(), Ok(1));
    assert_eq!(consumer.producer_alive(), Ok(true));
    let (mut sender, mut consumer, mut observer) = (Sender::new(producer), consumer, observer);
    while sender.try_send().is_ok() {}
    // The consumer's cell still holds the producer back.
    assert_eq!(consumer.len().unwrap(), SLOTS);
    for _ in 0..20 {
        read(&mut consumer, SLOTS / 2);
        sender.send_many(SLOTS / 2);
    }
    assert!(matches!(observer.try_recv().unwrap(), Outcome::Lagged(_)));
    sender.close();
    assert_eq!(read_to_the_end(&mut consumer), SLOTS);
}

fn inherited_handles_are_refused_and_dropping_them_harms_nobody(kind: Kind) {
    let ring = kind.ring(&config());
    let mut handles = Some(handles(&ring));
    for _ in 0..3 {
        let status = apart(|| {
            // The child's copies; a grandchild's are no better.
            let mut inherited = handles.take();
            assert!(apart(|| assert_refused(inherited.take().unwrap())).wait().unwrap().success());
            assert_refused(inherited.unwrap());
        })
        .wait();
        assert!(status.unwrap().success());
    }
    assert_sound(&ring, handles.unwrap());
}

fn a_child_takes_roles_of_its_own(kind: Kind) {
    let ring = kind.ring(&config().max_consumers(2));
    let mut own = ring.consumer(Start::Oldest).unwrap();
    let mut children = [0, 1].map(|child| {
        let inherited = &own;
        let ring = &ring;
        apart(move || {
            if child == 0 {
                let mut consumer = ring.consumer(Start::At(0)).unwrap();
                assert_eq!(consumer.cell(), 1);
                assert_eq!(read_to_the_end(&mut consumer), 1000);
            } else {
                let mut sender = Sender::new(ring.producer().unwrap());
                // The parent's consumer and the other child's.
                while sender.producer.consumer_count().unwrap() < 2 {
                    std::thread::yield_now();
                }
                sender.send_many(1000);
                sender.close();
            }
            // A handle of its own makes the inherited one no better.
            assert!(inherited.len().is_err());
        })
    });
    assert_eq!(read_to_the_end(&mut own), 1000);
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
}

fn a_child_does_not_keep_its_parents_roles_alive(kind: Kind) {
    let ring = kind.ring(&config());
    let (producer, consumer, mut observer) = handles(&ring);
    observer.set_wait(Wait::Yield);
    let mut child = ring.start(role!(bystander));
    child.expect("there");
    drop((producer, consumer));
    assert_eq!(observer.producer_alive(), Ok(false));
    assert!(matches!(observer.recv_timeout(PATIENCE).unwrap(), Outcome::ProducerLost));
    // While the child, which has seen both roles, goes on.
    let handles = handles(&ring);
    assert_eq!((handles.0.epoch(), handles.1.cell()), (2, 0));
    child.say("go on");
    child.succeed();
    assert_sound(&ring, handles);
}

fn a_killed_parents_roles_are_free_though_its_child_lives(kind: Kind) {
    let ring = kind.ring(&config());
    let mut parent = ring.start(role!(parent_with_a_child));
    parent.expect("the child is there");
    assert!(matches!(ring.producer(), Err(AttachError::ProducerTaken { .. })));
    assert!(matches!(ring.consumer(Start::Latest), Err(AttachError::NoFreeCell { max: 1, .. })));
    parent.kill_alone();
    // The child, which waits for the end of this, has copies of whatever it inherited.
    assert_sound(&ring, handles(&ring));
    drop(parent);
}

fn parent_with_a_child(ring: &TestRing, post: &mut Post) {
    let _handles = handles(ring);
    let _child = apart(|| {
        post.say("the child is there");
        post.hear_the_end();
    });
    loop {
        std::thread::park();
    }
}

fn bystander(_: &TestRing, post: &mut Post) {
    post.say("there");
    post.expect("go on");
}

fn messages_held_across_a_fork_stay_the_parents(kind: Kind) {
    let ring = kind.ring(&config().max_consumers(2));
    let (producer, mut consumer, _observer) = handles(&ring);
    let mut batches = ring.consumer(Start::Oldest).unwrap();
    let mut sender = Sender::new(producer);
    sender.send_many(SLOTS);
    let mut child = {
        let Outcome::Message(guard) = consumer.try_recv().unwrap() else { panic!("messages were sent") };
        let Outcome::Message(batch) = batches.try_recv_batch(5).unwrap() else {
            panic!("messages were sent")
        };
        let bytes = guard.to_vec();
        let child = apart(|| {
            // A copy is the child's own; the rest it leaves alone.
            let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe).unwrap();
            assert_eq!(*observer.try_recv().unwrap().into_message().unwrap(), bytes);
        });
        assert_eq!(guard.to_vec(), bytes);
        assert_eq!(batch.iter().map(|message| message.seq()).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        child
    };
    assert!(child.wait().unwrap().success());
    assert_eq!((consumer.next_seq(), batches.next_seq()), (1, 5));
    assert!(sender.try_send().is_ok() && sender.try_send().is_err());
    read(&mut consumer, SLOTS);
    read(&mut batches, SLOTS - 4);
}

/// A consumer of a stream looks beyond the next message, too, but not in a child.
fn a_stream_is_not_read_on_in_a_child(kind: Kind) {
    const BATCH: u64 = 16;
    let ring = kind.ring(&config().slots(8 * BATCH));
    let (producer, mut consumer, _observer) = handles(&ring);
    consumer.set_wait(Wait::Spin);
    let mut sender = Sender::new(producer);
    sender.send_many(4 * BATCH);
    let mut batch = || consumer.recv_batch_timeout(BATCH as usize, PATIENCE).map(|batch| batch.map(|_| ()));
    for _ in 0..2 {
        assert!(matches!(batch(), Ok(Outcome::Message(()))));
    }
    let mut child = apart(|| assert!(matches!(batch(), Err(RecvError::Forked(Forked)))));
    assert!(child.wait().unwrap().success());
    assert!(matches!(batch(), Ok(Outcome::Message(()))));
    assert_eq!((consumer.next_seq(), consumer.len().unwrap()), (3 * BATCH, BATCH));
}

fn a_fork_by_other_means_is_noticed_too(kind: Kind) {
    let ring = kind.ring(&config());
    let handles = handles(&ring);
    // SAFETY: the process has one thread, and the child ends without coming back here.
    match unsafe { nix::unistd::fork() }.unwrap() {
        ForkResult::Child => {
            let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| assert_refused(handles)));
            // SAFETY: ends the process; nothing of it is used afterwards.
            unsafe { nix::libc::_exit(if refused.is_ok() { 0 } else { 1 }) }
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
        }
    }
    assert_sound(&ring, handles);
}

fn starting_a_program_disturbs_no_role(kind: Kind) {
    let ring = kind.ring(&config());
    let handles = handles(&ring);
    for _ in 0..3 {
        assert!(Command::new("true").status().unwrap().success());
    }
    assert_sound(&ring, handles);
}

fn a_process_with_threads_is_not_forked(kind: Kind) {
    let ring = kind.ring(&config());
    let handles = handles(&ring);
    let (end, told) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || told.recv().unwrap());
    // SAFETY: no guard, claim or batch exists.
    let refused = unsafe { fork(|| unreachable!("there is another thread")) };
    assert!(matches!(refused, Err(ForkError::MultiThreaded { threads: 2 })), "{refused:?}");
    end.send(()).unwrap();
    thread.join().unwrap();
    // The kernel may count a thread for a moment after it was joined.
    let mut child = loop {
        // SAFETY: as above.
        match unsafe { fork(|| 0) } {
            Err(ForkError::MultiThreaded { .. }) => std::thread::sleep(Duration::from_millis(1)),
            other => break other.unwrap(),
        }
    };
    assert!(child.wait().unwrap().success());
    assert_sound(&ring, handles);
}
