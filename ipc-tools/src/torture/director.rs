//! The directing process: it starts the others, kills and stops them as the plan says, and replaces them.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ringway::{Observer, Resume, Start};

use super::crew::Crew;
use super::ledger::{Ledger, Phase, now};
use super::place::Place;
use super::plan::{Deed, Plan, Victim};
use super::role::Role;
use super::takeover::Takeovers;
use crate::progress;
use crate::signals::Signals;

/// Bounds what can only take that long if something is wrong.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two looks at what the others do.
const LOOK: Duration = Duration::from_micros(500);
/// After so many failed processes the ring has shown enough.
const ENOUGH: u64 = 20;

/// What was done.
pub(super) struct Conduct {
    pub(super) kills: u64,
    pub(super) stops: u64,
    /// Processes that ended by themselves, or didn't when they should have; rings that stood still or were taken
    /// over from the living.
    pub(super) failures: u64,
    /// Whether the user cut it short.
    pub(super) interrupted: bool,
    pub(super) takeovers: Takeovers,
}

pub(super) struct Director<'a> {
    crew: Crew<'a>,
    ledger: &'a Ledger,
    signals: &'a Signals,
    /// An eye on the ring.
    watch: Observer,
    /// The producer that is stopped, and its epoch, which must stay that of the ring.
    stopped_holder: Option<((usize, u64), u64)>,
    conduct: Conduct,
}

impl<'a> Director<'a> {
    pub(super) fn new(
        crew: Crew<'a>,
        ledger: &'a Ledger,
        place: &'a Place,
        signals: &'a Signals,
    ) -> anyhow::Result<Self> {
        let watch = place.ring().observer(Start::Latest, Resume::Latest)?;
        let takeovers = Takeovers::new()?;
        let conduct = Conduct { kills: 0, stops: 0, failures: 0, interrupted: false, takeovers };
        Ok(Self { crew, ledger, signals, watch, stopped_holder: None, conduct })
    }

    /// Carries out the plan, until something is very wrong or the user has enough of it.
    pub(super) fn run(&mut self, plan: Plan) -> anyhow::Result<()> {
        self.start()?;
        let progress = progress::bar(plan.kills(), "kills");
        for event in plan {
            let due = Instant::now() + event.after;
            self.wait(|_| Instant::now() >= due)?;
            let victim = match event.victim {
                Victim::Holder => self.holder()?,
                Victim::Successor(index) => Some(self.successor(index)),
                Victim::Consumer(index) => Some(self.crew.cast.consumer(index)),
                Victim::Observer(index) => Some(self.crew.cast.observer(index)),
                Victim::BestEffort(index) => Some(self.crew.cast.best_effort(index)),
            };
            let Some(victim) = victim else { return Ok(()) };
            if self.conduct.interrupted || self.conduct.failures >= ENOUGH {
                return Ok(());
            }
            match event.deed {
                Deed::Kill => {
                    self.kill(victim)?;
                    self.crew.start(victim)?;
                }
                Deed::Vacate => {
                    self.kill(victim)?;
                    let goes_on = self.goes_on()?;
                    self.crew.start(victim)?;
                    if !goes_on {
                        return Ok(());
                    }
                }
                Deed::Stop(duration) => self.stop(victim, duration)?,
            }
            progress.set_position(self.conduct.kills);
        }
        Ok(())
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let first = self.crew.cast.consumer(0);
        self.crew.start(first)?;
        // It is there before the first message, and so gets all of them.
        if !self.wait(|director| director.crew.is_ready(first))? {
            bail!("the first consumer doesn't join the ring");
        }
        (0..self.crew.cast.len())
            .filter(|&number| number != first)
            .try_for_each(|number| self.crew.start(number))
    }

    /// Looks after the others until `done` says so. Returns whether it did, rather than the user lost patience, or
    /// the director.
    fn wait(&mut self, mut done: impl FnMut(&mut Self) -> bool) -> anyhow::Result<bool> {
        let began = Instant::now();
        loop {
            self.tend()?;
            if done(self) {
                return Ok(true);
            }
            if self.signals.stopped() {
                self.conduct.interrupted = true;
                return Ok(false);
            }
            if began.elapsed() >= PATIENCE {
                return Ok(false);
            }
            sleep(LOOK);
        }
    }

    /// Does what is due: a process that was stopped for long enough goes on, and one that ended is replaced.
    fn tend(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        if let Some((number, _)) = self.live_holder() {
            self.conduct.takeovers.note(self.ledger.desk(number));
        }
        for number in 0..self.crew.cast.len() {
            let Some(member) = self.crew.member(number) else { continue };
            if member.stopped_until.is_some_and(|until| until <= now) {
                self.go_on(number)?;
                continue;
            }
            if let Some(status) = member.ended()? {
                let role = self.crew.cast.role(number).name();
                self.fail(format_args!("{role} {number} ended by itself: {status}"));
                self.crew.forget(number);
                self.crew.start(number)?;
            }
        }
        Ok(())
    }

    fn fail(&mut self, what: std::fmt::Arguments<'_>) {
        self.conduct.failures += 1;
        crate::say(format_args!("ringway torture: {what}"));
    }

    /// The producer that has the ring, if it lives.
    fn live_holder(&self) -> Option<(usize, u64)> {
        self.ledger.holder().filter(|&(number, life)| self.crew.life(number) == Some(life))
    }

    /// Waits for a producer to have the ring.
    fn holder(&mut self) -> anyhow::Result<Option<usize>> {
        self.wait(|director| director.live_holder().is_some())?;
        let holder = self.live_holder();
        if holder.is_none() && !self.conduct.interrupted {
            self.fail(format_args!("no producer has taken the ring over for {PATIENCE:?}"));
        }
        Ok(holder.map(|(number, _)| number))
    }

    /// One of the producers that don't have the ring.
    fn successor(&self, index: usize) -> usize {
        let holder = self.ledger.holder().map_or(0, |(number, _)| number);
        (0..self.crew.cast.producers).filter(|&number| number != holder).nth(index).unwrap_or(holder)
    }

    fn kill(&mut self, number: usize) -> anyhow::Result<()> {
        let holds = self.live_holder().is_some_and(|(holder, _)| holder == number);
        if holds {
            // If it has just taken over, that counts.
            self.conduct.takeovers.note(self.ledger.desk(number));
            let mut others = self.crew.cast.all(Role::Producer).filter(|&other| other != number);
            let disturbed = others.any(|other| self.crew.is_stopped(other));
            self.conduct.takeovers.expect(now(), disturbed);
            self.stopped_holder = None;
        } else if self.crew.cast.role(number) == Role::Producer {
            self.conduct.takeovers.disturb();
        }
        let member = self.crew.member(number).context("a process to kill")?;
        member.kill()?;
        self.conduct.kills += 1;
        self.crew.forget(number);
        Ok(())
    }

    /// Waits until the ring has gone on for so long that the ring waits no more for the process just killed.
    /// Returns whether it has.
    fn goes_on(&mut self) -> anyhow::Result<bool> {
        let far = self.watch.head()? + 2 * self.watch.geometry().slots();
        let far_enough = self.wait(|director| director.watch.head().is_ok_and(|head| head >= far))?;
        if !far_enough && !self.conduct.interrupted {
            self.fail(format_args!("a consumer is dead, and the ring has stood still for {PATIENCE:?}"));
        }
        Ok(far_enough)
    }

    fn stop(&mut self, number: usize, duration: Duration) -> anyhow::Result<()> {
        let holder = self.live_holder().filter(|&(holder, _)| holder == number);
        if holder.is_none() && self.crew.cast.role(number) == Role::Producer {
            self.conduct.takeovers.disturb();
        }
        let member = self.crew.member(number).context("a process to stop")?;
        member.stop(Instant::now() + duration)?;
        self.conduct.stops += 1;
        if let Some(holder) = holder {
            self.stopped_holder = Some((holder, self.watch.epoch()?));
        }
        Ok(())
    }

    fn go_on(&mut self, number: usize) -> anyhow::Result<()> {
        if let Some((_, before)) = self.stopped_holder.take_if(|((holder, _), _)| *holder == number) {
            let epoch = self.watch.epoch()?;
            if epoch != before {
                self.fail(format_args!(
                    "producer {number} was stopped in epoch {before}, and before it went on there was epoch {epoch}"
                ));
            }
        }
        self.crew.member(number).context("a process to continue")?.go_on()?;
        Ok(())
    }

    /// Lets all processes come to an end: the waiting producers leave, the last one closes the ring, and the readers
    /// read to its end. Returns the number of messages.
    pub(super) fn end(&mut self) -> anyhow::Result<u64> {
        let all = 0..self.crew.cast.len();
        for number in all.clone() {
            if self.crew.is_stopped(number) {
                self.go_on(number)?;
            }
        }
        let began = Instant::now();
        while self.live_holder().is_none() && began.elapsed() < PATIENCE {
            self.tend()?;
            sleep(LOOK);
        }
        // The last takeover is one, too.
        self.tend()?;
        let holder = self.live_holder().map(|(number, _)| number);
        self.ledger.set_phase(Phase::NoSuccession);
        for number in self.crew.cast.all(Role::Producer).filter(|&number| Some(number) != holder) {
            self.see_off(number)?;
        }
        self.ledger.set_phase(Phase::Closing);
        all.into_iter().try_for_each(|number| self.see_off(number))?;
        Ok(self.watch.head()?)
    }

    /// Waits for a process to end, which it does by itself.
    fn see_off(&mut self, number: usize) -> anyhow::Result<()> {
        let role = self.crew.cast.role(number).name();
        let began = Instant::now();
        while let Some(member) = self.crew.member(number) {
            match member.ended()? {
                Some(status) => {
                    if !status.success() {
                        self.fail(format_args!("{role} {number} failed: {status}"));
                    }
                    self.crew.forget(number);
                }
                None if began.elapsed() >= PATIENCE => {
                    member.kill()?;
                    self.fail(format_args!("{role} {number} doesn't come to an end"));
                    self.crew.forget(number);
                }
                None => sleep(LOOK),
            }
        }
        Ok(())
    }

    /// Leaves the ring, and ends the processes that are left. Returns what was done.
    pub(super) fn leave(self) -> Conduct {
        self.conduct
    }
}
