//! Handles in tasks of tokio's, on both of its runtimes, with their peers in other processes.

mod cancelling;
mod delivering;
mod denied;
mod forking;
mod many;
mod missed;
mod peers;
mod turns;

use std::sync::{Arc, Condvar, Mutex};
use std::task::Wake;

use ringway::aio::{AsyncConsumer, AsyncObserver, AsyncProducer, Registration};
use ringway::{Config, Geometry, Outcome, Ring, Start};
use testkit::roles::{reader, reader_on_demand, sender, verify_in};
use testkit::{Kind, PATIENCE, TestRing, named, suite};
use tokio::runtime::{Builder, Runtime};

use cancelling::{
    a_runtime_that_ends_leaves_the_rings_as_they_are, cancelled_calls_lose_nothing,
    cancelled_publishing_publishes_nothing,
};
use delivering::{
    a_best_effort_task_accounts_for_every_message, a_long_batch_is_not_looked_through_again_for_each_part,
    a_publishing_task_waits_for_room, a_stream_ends_where_the_ring_is_closed, a_task_gets_every_message,
    a_waiting_task_wakes_for_each_message, an_observing_task_counts_what_it_lost, on_demand,
};
use denied::{
    short_of_memory_tasks_look_again_and_share_one_thread,
    without_futex_waitv_a_message_after_a_slices_end_leaves_the_next_slice_long,
    without_futex_waitv_a_publishing_task_waits_for_room, without_futex_waitv_a_task_gets_every_message,
    without_futex_waitv_a_task_that_missed_a_ring_sleeps_for_short_slices,
    without_futex_waitv_a_waiting_task_learns_that_its_producer_was_killed,
    without_futex_waitv_cancelled_calls_lose_nothing,
    without_futex_waitv_tasks_that_give_up_leave_few_threads_asleep,
    without_futex_waitv_threads_with_nothing_to_do_end,
    without_threads_a_task_polls_and_leaves_nothing_behind,
};
use forking::{
    a_child_with_its_parents_number_waits_with_threads_of_its_own,
    a_forked_child_waits_with_threads_of_its_own,
};
use many::{
    idle_observing_tasks_leave_the_processor_to_others, idle_tasks_take_no_processor_time,
    three_hundred_rings_lose_nothing,
};
use missed::{
    a_message_after_a_slices_end_leaves_the_next_slice_long,
    a_task_that_missed_a_ring_sleeps_for_short_slices,
};
use peers::{
    a_handle_that_is_gone_stops_no_other, a_publishing_task_learns_that_its_consumer_was_killed,
    a_waiting_task_learns_that_its_producer_was_killed, a_waker_that_panics_stops_no_other,
};
use turns::a_ring_that_always_has_a_message_stops_no_timer;

fn main() {
    suite::run(
        named![
            a_task_gets_every_message,
            a_waiting_task_wakes_for_each_message,
            a_best_effort_task_accounts_for_every_message,
            a_stream_ends_where_the_ring_is_closed,
            an_observing_task_counts_what_it_lost,
            a_publishing_task_waits_for_room,
            a_long_batch_is_not_looked_through_again_for_each_part,
            cancelled_calls_lose_nothing,
            cancelled_publishing_publishes_nothing,
            a_runtime_that_ends_leaves_the_rings_as_they_are,
            a_waiting_task_learns_that_its_producer_was_killed,
            a_publishing_task_learns_that_its_consumer_was_killed,
            a_handle_that_is_gone_stops_no_other,
            a_waker_that_panics_stops_no_other,
            a_message_after_a_slices_end_leaves_the_next_slice_long,
            a_task_that_missed_a_ring_sleeps_for_short_slices,
            a_forked_child_waits_with_threads_of_its_own,
            a_child_with_its_parents_number_waits_with_threads_of_its_own,
            a_ring_that_always_has_a_message_stops_no_timer,
            three_hundred_rings_lose_nothing,
            idle_tasks_take_no_processor_time,
            idle_observing_tasks_leave_the_processor_to_others,
            without_futex_waitv_a_task_gets_every_message,
            without_futex_waitv_cancelled_calls_lose_nothing,
            without_futex_waitv_a_waiting_task_learns_that_its_producer_was_killed,
            without_futex_waitv_a_publishing_task_waits_for_room,
            without_futex_waitv_a_message_after_a_slices_end_leaves_the_next_slice_long,
            without_futex_waitv_a_task_that_missed_a_ring_sleeps_for_short_slices,
            without_futex_waitv_threads_with_nothing_to_do_end,
            without_futex_waitv_tasks_that_give_up_leave_few_threads_asleep,
            short_of_memory_tasks_look_again_and_share_one_thread,
            without_threads_a_task_polls_and_leaves_nothing_behind,
        ],
        named![sender, reader, reader_on_demand, on_demand],
    );
}

/// Tokio's runtimes.
fn runtimes() -> [Runtime; 2] {
    [current_thread(), Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")]
}

/// The one without threads of its own.
fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// How often a task was woken.
#[derive(Default)]
struct Wakes(Mutex<usize>, Condvar);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        *self.0.lock().expect("no panic") += 1;
        self.1.notify_all();
    }
}

impl Wakes {
    fn count(&self) -> usize {
        *self.0.lock().expect("no panic")
    }

    /// Waits until the task was woken so often.
    fn wait_for(&self, count: usize) {
        let few = |found: &mut usize| *found < count;
        let found = self.0.lock().expect("no panic");
        let (found, _) = self.1.wait_timeout_while(found, PATIENCE, few).expect("no panic");
        assert!(*found >= count, "woken {found} times");
    }
}

/// A ring of a few small slots.
fn config() -> Config {
    Config::new().slots(8).payload_capacity(101).max_consumers(3)
}

/// Reads messages of a `Sender` until the ring is closed, and asserts that none is missing, doubled or
/// changed. Returns how many.
async fn read_to_the_end(mut consumer: AsyncConsumer) -> u64 {
    let ring: Geometry = consumer.get_ref().geometry().clone();
    let first = consumer.get_ref().next_seq();
    let mut expected = first;
    loop {
        let outcome = consumer.recv_with(|bytes, seq, tag| {
            assert_eq!(seq, expected);
            verify_in(&ring, seq, tag, bytes);
        });
        match outcome.await.expect("a sound ring") {
            Outcome::Message(()) => expected += 1,
            Outcome::Closed => return expected - first,
            other => panic!("expected message {expected}, got {other:?}"),
        }
    }
}

/// A ring for each runtime, whose peers are started before there are threads.
fn with_peers<P>(kind: Kind, config: &Config, peer: impl Fn(&TestRing) -> P) -> Vec<(Runtime, TestRing, P)> {
    let rings: Vec<_> = (0..2).map(|_| kind.ring(config)).map(|ring| (peer(&ring), ring)).collect();
    rings.into_iter().zip(runtimes()).map(|((peer, ring), runtime)| (runtime, ring, peer)).collect()
}

/// What is spawned on several threads must be `Send`.
const _: fn(AsyncConsumer, AsyncObserver, AsyncProducer) = |mut consumer, mut observer, mut producer| {
    fn is_sent<T: Send>(_: T) {}
    is_sent(consumer.recv_with(|_, _, _| ()));
    is_sent(consumer.recv_into(&mut []));
    is_sent(consumer.recv_batch_with(1, |_| ()));
    is_sent(observer.recv_with(|_, _, _| ()));
    is_sent(observer.recv_into(&mut []));
    is_sent(producer.publish(&[]));
    is_sent(producer.publish_batch(&[[0]]));
    is_sent(consumer.into_stream());
    is_sent(observer.into_stream());
    is_sent(producer);
    is_sent(Registration::new());
};

/// A consumer for tasks.
fn consumer(ring: &impl Ring) -> AsyncConsumer {
    AsyncConsumer::new(ring.consumer(Start::Oldest).expect("a free cell"))
}
