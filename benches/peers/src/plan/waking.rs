//! What waiting asleep, and waking a sleeper, is measured by.

use std::time::Duration;

use super::{Experiment, SLOTS};
use crate::floors::futex;
use crate::peer::Across;
use crate::peers::ringway_asleep::{Parks, ParksAsItComes, ParksFenced, Spins, SpinsFenced, Waiting, Way};
use crate::peers::streams::{Pipes, UnixSockets};
use crate::work::waking_cost::{self, Build, SPIN_ONLY};
use crate::work::{bursts, parked, wakes};

/// The round trips' name, for programs.
pub const PARKED: &str = "parked";
/// How far apart messages are, in microseconds; as close as can be at first.
const PACES: [u64; 4] = [0, 2, 20, 200];
/// Messages published at once.
const BURSTS: [u64; 2] = [1, 16];
/// How often the round trips are made in each round: how long the kernel takes to switch differs from one pair of
/// processes to the next.
const TRIP_TURNS: usize = 3;
/// The same of publishing with nobody asleep: the difference to be seen is small.
const COST_TURNS: usize = 5;

/// All of it.
pub fn all() -> Vec<Experiment> {
    let mut all = vec![parked()];
    all.extend(PACES.map(paced));
    all.extend(BURSTS.map(in_bursts));
    for work in ["publish", "publish-receive"] {
        all.extend(SLOTS.map(|slots| cost(slots, work)));
    }
    all
}

/// The names of those that tell what a publish costs that wakes nobody.
pub fn publish_costs() -> [String; 2] {
    SLOTS.map(|slots| cost_id(slots, "publish"))
}

fn cost_id(slots: usize, work: &str) -> String {
    format!("{}-{work}-{slots}", waking_cost::ID)
}

fn parked() -> Experiment {
    let title = "round trip of sleepers, 48 B, pauses not counted";
    let beside = &["p99 ns", "mean ns", "trips"];
    let mut parked = Experiment::new(PARKED.into(), title.into(), "p50 ns", beside)
        .with(futex::NAME, Across::Processes, futex::run)
        .floor("÷ floor", futex::NAME);
    parked.add::<Waiting<ParksAsItComes>>("", parked::run::<Waiting<ParksAsItComes>, 6>);
    parked.add::<Waiting<Parks>>("", parked::run::<Waiting<Parks>, 6>);
    parked.add::<Waiting<ParksFenced>>("", parked::run::<Waiting<ParksFenced>, 6>);
    parked.add::<UnixSockets>("", parked::run::<UnixSockets, 6>);
    parked.add::<Pipes>("", parked::run::<Pipes, 6>);
    #[cfg(feature = "ipc-channel")]
    {
        use crate::peers::ipc_channel::IpcChannel;
        parked.add::<IpcChannel>("", parked::run::<IpcChannel, 6>);
    }
    parked.repeats = TRIP_TURNS;
    parked
}

fn paced(micros: u64) -> Experiment {
    let (id, pace) = match micros {
        0 => ("wakes-at-full-speed".into(), "at full speed".into()),
        _ => (format!("wakes-each-{micros}us"), format!("one each {micros} µs")),
    };
    let title = format!("wake-up calls, receiver parks, 48 B, {pace}");
    let mut paced = Experiment::new(id, title, "wakes/msg", &["sleeps/msg", "µs/msg"]);
    let every = Duration::from_micros(micros);
    paced
        .add::<Waiting<ParksAsItComes>>("", move |job| wakes::run::<ParksAsItComes, 6>(job, SLOTS[0], every));
    paced.add::<Waiting<Parks>>("", move |job| wakes::run::<Parks, 6>(job, SLOTS[0], every));
    paced.add::<Waiting<ParksFenced>>("", move |job| wakes::run::<ParksFenced, 6>(job, SLOTS[0], every));
    paced
}

fn in_bursts(burst: u64) -> Experiment {
    let title = format!("publish 48 B to a sleeper, {burst} at a time, with a look at the clock");
    let id = format!("publish-to-sleeper-{burst}");
    let mut bursts =
        Experiment::new(id, title, "ns", &["p99 ns", "mean ns", "clock ns"]).floor("÷ polled", Spins::NAME);
    fn with<K: Way>(bursts: &mut Experiment, burst: u64) {
        bursts.add::<Waiting<K>>("", move |job| bursts::run::<K, 6>(job, SLOTS[0], burst));
    }
    with::<Spins>(&mut bursts, burst);
    with::<SpinsFenced>(&mut bursts, burst);
    with::<ParksAsItComes>(&mut bursts, burst);
    with::<Parks>(&mut bursts, burst);
    with::<ParksFenced>(&mut bursts, burst);
    bursts
}

fn cost(slots: usize, work: &'static str) -> Experiment {
    let title = format!("{} 48 B, nobody asleep, {slots} slots", work.replace('-', " and "));
    let run = |build, mode| move |job: &_| waking_cost::run(job, build, slots, &[work, mode, "trusted"]);
    let as_it_comes =
        move |job: &_| waking_cost::run(job, Build::Waking, slots, &[work, "asymmetric", "as-it-comes"]);
    let mut cost = Experiment::new(cost_id(slots, work), title, "ns", &[])
        .with(SPIN_ONLY, Across::Nothing, run(Build::SpinOnly, "asymmetric"))
        .with(ParksAsItComes::NAME, Across::Nothing, as_it_comes)
        .with(Parks::NAME, Across::Nothing, run(Build::Waking, "asymmetric"))
        .with(ParksFenced::NAME, Across::Nothing, run(Build::Waking, "fenced"))
        .floor("÷ floor", SPIN_ONLY);
    cost.repeats = COST_TURNS;
    cost
}
