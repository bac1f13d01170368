//! Which process is killed or stopped, and when: a function of the seed alone.

use std::time::Duration;

use fastrand::Rng;

use super::Args;

/// Longest pause before an event of a flurry, in which deaths hit processes that deal with deaths.
const FLURRY: u64 = 1_500;
/// Longest pause before any other event. In microseconds, both.
const CALM: u64 = 12_000;
/// Longest that a process is stopped, in microseconds: long enough for a ring to fill.
const STOP: u64 = 25_000;

/// What happens to a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    /// It is killed, and replaced at once.
    Kill,
    /// It, a consumer, is killed, and replaced only when the ring has gone on for some laps without it.
    Vacate,
    /// It is stopped for so long, unless it is killed before.
    Stop(Duration),
}

/// The process that it happens to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Victim {
    /// The producer that has the ring; one that is just taking it over is waited for.
    Holder,
    /// One of the producers that wait.
    Successor(usize),
    Consumer(usize),
    Observer(usize),
    BestEffort(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Event {
    /// Time since the last event.
    pub(super) after: Duration,
    pub(super) victim: Victim,
    pub(super) deed: Deed,
}

/// The events, until so many processes have been killed.
pub(super) struct Plan {
    rng: Rng,
    kills: u64,
    consumers: usize,
    observers: usize,
    best_effort: usize,
    successors: usize,
}

impl Plan {
    pub(super) fn new(args: &Args) -> Self {
        Self {
            rng: Rng::with_seed(args.seed),
            kills: args.kills,
            consumers: args.consumers.into(),
            observers: args.observers.into(),
            best_effort: args.best_effort.into(),
            successors: args.successors.into(),
        }
    }

    /// Number of kills left.
    pub(super) fn kills(&self) -> u64 {
        self.kills
    }

    fn victim(&mut self, kill: bool) -> Victim {
        // The first consumer lives to see everything.
        let first = usize::from(kill);
        match self.rng.u32(..100) {
            0..35 if self.consumers > first => Victim::Consumer(self.rng.usize(first..self.consumers)),
            35..45 if self.observers > 0 => Victim::Observer(self.rng.usize(..self.observers)),
            45..60 if self.best_effort > 0 => Victim::BestEffort(self.rng.usize(..self.best_effort)),
            60..70 => Victim::Successor(self.rng.usize(..self.successors)),
            _ => Victim::Holder,
        }
    }
}

impl Iterator for Plan {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.kills == 0 {
            return None;
        }
        let longest = if self.rng.bool() { FLURRY } else { CALM };
        let after = Duration::from_micros(self.rng.u64(..=longest));
        let kill = self.rng.u32(..4) > 0;
        let victim = self.victim(kill);
        let deed = if kill {
            self.kills -= 1;
            let vacate = self.rng.u32(..4) == 0;
            if vacate && matches!(victim, Victim::Consumer(_)) { Deed::Vacate } else { Deed::Kill }
        } else {
            Deed::Stop(Duration::from_micros(self.rng.u64(..=STOP)))
        };
        Some(Event { after, victim, deed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64, consumers: usize, observers: usize) -> Vec<Event> {
        let best_effort = observers;
        Plan { rng: Rng::with_seed(seed), kills: 2000, consumers, observers, best_effort, successors: 2 }
            .collect()
    }

    #[test]
    fn a_plan_follows_from_its_seed() {
        assert_eq!(plan(1, 3, 2), plan(1, 3, 2));
        assert_ne!(plan(1, 3, 2), plan(2, 3, 2));
    }

    #[test]
    fn as_many_are_killed_as_asked_for_and_never_the_first_consumer() {
        for (consumers, observers) in [(1, 0), (3, 2)] {
            let plan = plan(7, consumers, observers);
            let killed: Vec<_> = plan
                .iter()
                .filter(|event| !matches!(event.deed, Deed::Stop(_)))
                .map(|event| event.victim)
                .collect();
            assert_eq!(killed.len(), 2000);
            assert!(!killed.contains(&Victim::Consumer(0)));
            assert!(killed.contains(&Victim::Holder) && killed.contains(&Victim::Successor(1)));
            assert_eq!(killed.contains(&Victim::Observer(1)), observers > 1);
            assert_eq!(killed.contains(&Victim::BestEffort(1)), observers > 1);
        }
    }
}
