//! A source and its sinks on real rings, over links that lose, repeat and reorder what they carry, while each of them
//! and the producer die and come back. There are no threads and no clock: the test chooses each event.

mod side;
mod world;

use std::time::Duration;

use proptest::prelude::*;
use ringway::{Outcome, Ring, Start};

use self::world::{Event, FIRST, SLOTS, World};
use crate::pace::{Forgotten, SILENT_AFTER};
use crate::policy::Policy;
use crate::sink::FAR;

fn event(kills_source: bool) -> impl Strategy<Value = Event> {
    let [kill_source, kill_all] =
        if kills_source { [Event::KillSource, Event::KillAll] } else { [Event::Send, Event::Turn] };
    prop_oneof![
        8 => any::<u8>().prop_map(Event::Produce),
        8 => Just(Event::Send),
        3 => Just(Event::Beat),
        2 => Just(Event::Record),
        10 => any::<u8>().prop_map(|at| Event::Deliver(at % 4)),
        6 => any::<u8>().prop_map(|at| Event::Come(at % 4)),
        2 => any::<u8>().prop_map(|at| Event::ComeToBusy(at % 4)),
        3 => any::<u8>().prop_map(Event::Lose),
        2 => any::<u8>().prop_map(Event::Repeat),
        6 => Just(Event::Ack),
        5 => Just(Event::DeliverAck),
        1 => Just(Event::LoseAck),
        4 => Just(Event::Ask),
        4 => Just(Event::Answer),
        1 => Just(Event::LoseAnswer),
        8 => any::<u8>().prop_map(Event::Read),
        4 => any::<u16>().prop_map(Event::Wait),
        1 => Just(Event::KillSink),
        1 => Just(kill_source),
        1 => Just(kill_all),
        8 => Just(Event::Turn),
        1 => Just(Event::Succeed),
    ]
}

fn run(policy: Policy, sinks: usize, events: &[Event]) -> World {
    let mut world = World::with_sinks(policy, sinks);
    if sinks > 1 {
        // What the source releases for one sink before another has come, the other loses.
        world.introduce();
    }
    for &event in events {
        world.happen(event);
    }
    world.settle();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_mirror_never_differs_from_its_source(
        policy in prop_oneof![Just(Policy::Reliable), Just(Policy::History), Just(Policy::Lossy)],
        sinks in 1..3_usize,
        events in prop::collection::vec(event(true), 1..400),
    ) {
        // `World::read` compares each message.
        run(policy, sinks, &events);
    }

    #[test]
    fn what_is_received_and_skipped_adds_up(
        policy in prop_oneof![Just(Policy::History), Just(Policy::Lossy)],
        sinks in 1..3_usize,
        events in prop::collection::vec(event(true), 1..400),
    ) {
        run(policy, sinks, &events).check_sums();
    }

    #[test]
    fn reliable_loses_nothing_over_a_link_that_loses_and_repeats(
        sinks in 1..3_usize,
        events in prop::collection::vec(event(false), 1..400),
    ) {
        let world = run(Policy::Reliable, sinks, &events);
        world.check_sums();
        prop_assert_eq!(world.all_lagged(), 0);
    }

    #[test]
    fn reliable_survives_a_source_that_is_killed(
        sinks in 1..3_usize,
        events in prop::collection::vec(event(true), 1..400),
    ) {
        let mut world = World::with_sinks(Policy::Reliable, sinks);
        world.introduce();
        world.produce(9);
        world.settle();
        for &event in &events {
            if !matches!(event, Event::KillSource | Event::KillAll) || world.is_covered() {
                world.happen(event);
            }
        }
        world.settle();
        world.check_sums();
        prop_assert_eq!(world.all_lagged(), 0);
    }
}

#[test]
fn a_slow_sink_stops_the_producer_of_a_reliable_ring() {
    let mut world = World::new(Policy::Reliable);
    // A sink that never came, or that has nothing yet, lets the producer publish one lap.
    for _ in 0..20 {
        world.produce(10);
    }
    assert_eq!(world.producer.next_seq(), FIRST + SLOTS);
    for _ in 0..20 {
        world.produce(10);
        world.ack();
        world.deliver_ack();
        world.record();
        world.send();
        world.deliver(0);
    }
    // The mirror is full since nobody reads it, and the source's ring is full up to what the gate keeps.
    assert_eq!(world.head(), FIRST + SLOTS);
    assert_eq!(world.producer.next_seq(), FIRST + SLOTS + SLOTS / 2);
    assert!(world.link.len() as u64 <= SLOTS / 4);
    world.settle();
    world.check_sums();
    assert_eq!(world.lagged, 0);
}

#[test]
fn a_ring_with_another_consumer_isnt_covered() {
    let mut world = World::new(Policy::Reliable);
    world.introduce();
    world.produce(9);
    world.settle();
    assert!(world.is_covered());
    let other = world.ring.consumer(Start::Latest).unwrap();
    assert!(!world.is_covered(), "its producer goes on while the gateway is away");
    drop(other);
    assert!(world.is_covered());
}

#[test]
fn one_of_two_sinks_that_is_forgotten_stops_nothing() {
    let mut world = World::with_sinks(Policy::Reliable, 2);
    world.introduce();
    world.produce(9);
    world.settle();
    world.now += SILENT_AFTER;
    world.happen(Event::Turn);
    assert_eq!(world.forget(), Forgotten::Done);
    world.happen(Event::Turn);
    for round in 0..50 {
        if round == 25 {
            world.happen(Event::KillSource);
        }
        world.produce(if round < 40 { 4 } else { 0 });
        world.record();
        while world.send() {}
        while !world.link.is_empty() {
            world.deliver(0);
            world.read(u8::MAX);
        }
        world.ack();
        world.deliver_ack();
    }
    assert!(world.producer.next_seq() > FIRST + 5 * SLOTS);
    assert_eq!((FIRST + world.received, world.lagged), (world.producer.next_seq(), 0));
}

#[test]
fn nothing_is_released_before_the_sinks_are_recorded() {
    let mut world = World::new(Policy::Reliable);
    world.produce(u8::MAX);
    world.introduce();
    while world.send() {}
    while !world.link.is_empty() {
        world.deliver(0);
        world.read(u8::MAX);
        world.introduce();
        while world.send() {}
    }
    world.produce(u8::MAX);
    assert_eq!(world.producer.next_seq(), FIRST + SLOTS);
    world.record();
    world.introduce();
    world.produce(u8::MAX);
    assert_eq!(world.producer.next_seq(), FIRST + SLOTS + SLOTS / 2);
}

#[test]
fn history_repairs_what_the_ring_keeps() {
    let mut world = World::new(Policy::History);
    world.ack();
    world.deliver_ack();
    world.produce(4);
    world.send();
    world.link.clear();
    world.settle();
    assert_eq!((world.received, world.lagged), (4, 0));
    assert!(world.asked > 0);
}

#[test]
fn under_history_losses_take_no_room_in_the_window() {
    const WINDOW: u64 = SLOTS / 4;
    let mut world = World::new(Policy::History);
    world.ack();
    world.deliver_ack();
    // Two frames are in flight: one of half the window, and another.
    world.produce(2);
    world.send();
    for round in 0..50 {
        // The producer never pauses: it goes on for laps while the window is closed.
        for _ in 0..5 {
            world.produce(u8::MAX);
            world.send();
        }
        assert_eq!(world.messages_in_flight(), WINDOW, "in round {round}, with {} lost", world.lagged);
        world.deliver(0);
        world.ack();
        // What is skipped and what is published take turns with the mirror's reader.
        while world.parked() > 0 {
            world.read(u8::MAX);
            world.ack();
        }
        while !world.acks.is_empty() {
            world.deliver_ack();
        }
    }
    assert!(world.lagged > 0);
    world.settle();
    world.check_sums();
}

#[test]
fn a_true_loss_is_skipped_however_large_it_is() {
    for policy in [Policy::History, Policy::Lossy] {
        let mut world = World::new(policy);
        world.ack();
        world.deliver_ack();
        world.produce(4);
        world.settle();
        let to = world.producer.next_seq() + 2 * FAR;
        world.producer.skip_to_timeout(to, Duration::ZERO).unwrap();
        while world.send() {}
        world.produce(4);
        while world.send() {}
        while !world.link.is_empty() {
            world.deliver(0);
        }
        assert!(world.counts().far > 0 && world.counts().received == 4, "no pushed frame is believed");
        world.settle();
        world.check_sums();
        assert_eq!((world.received, world.lagged), (8, 2 * FAR), "{}", policy.name());
    }
}

#[test]
fn history_holds_nobody_while_no_sink_is_heard() {
    let mut world = World::new(Policy::History);
    let holders = |world: &World| world.producer.consumer_count().unwrap();
    world.send();
    assert_eq!(holders(&world), 0);
    for _ in 0..10 {
        world.produce(10);
    }
    assert_eq!(world.producer.next_seq(), FIRST + 100);
    world.ack();
    world.deliver_ack();
    world.send();
    assert_eq!(holders(&world), 1);
    world.now += SILENT_AFTER;
    world.send();
    assert_eq!(holders(&world), 0);
    world.settle();
    world.check_sums();
}

#[test]
fn lossy_skips_what_the_link_lost() {
    let mut world = World::new(Policy::Lossy);
    world.ack();
    world.deliver_ack();
    world.produce(4);
    world.send();
    world.link.clear();
    world.produce(4);
    world.settle();
    assert_eq!((world.received, world.lagged), (4, 4));
}

#[test]
fn a_closed_source_closes_its_mirror_and_a_successor_opens_it() {
    let mut world = World::new(Policy::Reliable);
    world.ack();
    world.deliver_ack();
    world.produce(4);
    world.producer.close().unwrap();
    world.settle();
    assert_eq!(world.received, 4);
    assert!(matches!(world.reader.try_recv(), Ok(Outcome::Closed)));
    world.happen(Event::KillSink);
    world.beat();
    world.deliver(0);
    assert!(matches!(world.reader.try_recv(), Ok(Outcome::Closed)), "a new sink leaves it closed");
    world.happen(Event::Succeed);
    world.produce(4);
    world.settle();
    assert_eq!((world.received, world.lagged), (8, 0));
}
