//! One operation on one placement, killed at each of its positions.

use std::fmt;
use std::time::{Duration, Instant};

use nix::unistd::alarm;

use super::fence;
use super::message::{Broken, Kind};
use super::operation::Operation;
use super::scene::Scene;
use super::trace::Trace;
use crate::common;

/// Whatever takes a round longer than so many seconds hangs.
const SECONDS: u32 = 60;
/// How long an operation is run again and again to get to a position. The clock has a say in the way that it
/// goes: a sum of nanoseconds may carry in one part of each second alone.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many broken promises are told one by one.
const TOLD: u64 = 20;

/// An operation on a placement, with or without readers in the middle of reading.
#[derive(Clone, Copy)]
pub struct Case {
    pub operation: Operation,
    pub kind: common::Kind,
    pub readers: bool,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readers = if self.readers { "_beside_readers" } else { "" };
        write!(f, "{}{readers}::{:?}", self.operation.name, self.kind)
    }
}

/// What came of a case, or of several.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    pub positions: u64,
    /// Positions at which a child was killed.
    pub killed: u64,
    /// Broken promises, by [`Kind`].
    pub broken: [u64; Kind::ALL.len()],
}

impl Case {
    /// Kills the operation at each position.
    pub fn run(&self) -> Tally {
        alarm::set(SECONDS);
        let mut scene = self.scene();
        let trace = record(&mut scene);
        let mut tally = Tally { positions: trace.len() as u64, ..Tally::default() };
        for k in 0..trace.len() {
            let began = Instant::now();
            while began.elapsed() < PATIENCE {
                alarm::set(SECONDS);
                let mut stood = false;
                let verified = scene.round(|child| stood = trace.stand(child, k));
                if let Err(broken) = verified {
                    tally.broken[broken.kind as usize] += 1;
                    if tally.broken.iter().sum::<u64>() <= TOLD {
                        self.tell(&trace, k, &broken);
                    }
                    // Whatever is broken stays broken.
                    drop(scene);
                    scene = self.scene();
                }
                if stood {
                    tally.killed += 1;
                    break;
                }
            }
        }
        tally
    }

    fn scene(&self) -> Scene {
        Scene::new(self.kind, self.operation, self.readers)
    }

    fn tell(&self, trace: &Trace, k: usize, broken: &Broken) {
        let address = trace.address(k);
        let mut place = format!("{address:#x}");
        backtrace::resolve(address as *mut _, |symbol| {
            if let Some(name) = symbol.name() {
                place += &format!(" in {name:#}");
            }
            if let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) {
                place += &format!(" ({}:{line})", file.display());
            }
        });
        let Broken { kind, what } = broken;
        eprintln!("{self}: killed at position {k} of {}, {place}: {kind:?}: {what}", trace.len());
    }
}

/// The instructions of the operation: the way that it went twice.
fn record(scene: &mut Scene) -> Trace {
    let mut before = None;
    loop {
        let mut trace = None;
        scene.round(|child| trace = Some(Trace::record(child, |_| ()))).expect("the whole operation");
        if trace == before {
            break;
        }
        before = trace;
    }
    let mut trace = before.expect("a trace");
    // Where breakpoints in hardware don't work there are steps.
    let mut met = false;
    scene.round(|child| met = child.run_to(fence::end_address(), 1)).expect("the whole operation");
    if !met {
        eprintln!("no breakpoints in hardware: stepping to each position, which takes long");
        trace.step_only();
    }
    trace
}
