//! One operation on one placement, killed at each of its positions.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use nix::unistd::alarm;
use ringway::Stride;

use super::fence;
use super::message::{Broken, Kind, LINE, fix};
use super::operation::Operation;
use super::scene::Scene;
use super::shared::Shared;
use super::trace::Trace;

/// A round, or a recording, that takes longer than so many seconds hangs. A recording steps through up to a hundred
/// thousand instructions, each of which waits for a processor on a busy machine.
const SECONDS: u32 = 600;
/// How long an operation is run again and again to get to positions that it doesn't always run through: a sum
/// of nanoseconds may carry in one part of each second alone.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same after a single recording. If a position is left then, there are more recordings.
const HASTE: Duration = Duration::from_millis(500);
/// As many rounds at least, too: on a busy machine the time holds few of them.
const ROUNDS: u32 = 300;
/// Kills for each long operation at positions that others can't tell from the one before, in a program that isn't
/// optimised.
const SAMPLE: usize = 100;
/// So many broken promises are told one by one.
const TOLD: u64 = 20;

/// An operation on a placement, with or without readers in the middle of reading.
#[derive(Clone, Copy)]
pub struct Case {
    pub operation: Operation,
    pub kind: testkit::Kind,
    pub stride: Stride,
    pub readers: bool,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readers = if self.readers { "_beside_readers" } else { "" };
        let stride = match self.stride {
            Stride::Aligned => String::new(),
            other => format!("_{other:?}").to_lowercase(),
        };
        write!(f, "{}{stride}{readers}::{:?}", self.operation.name, self.kind)
    }
}

/// Which positions of each operation there are kills at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    All,
    /// All of the short operations. Of the long ones each that others can tell from the one before, that one, and an
    /// even sample of so many.
    Sample(usize),
}

impl Choice {
    /// All if the program is optimised: else the long operations take too long.
    pub fn new() -> Self {
        match std::env::var("RINGWAY_KILLS").as_deref() {
            Ok("all") => Self::All,
            Ok(number) => Self::Sample(number.parse().expect("RINGWAY_KILLS is `all` or a number")),
            Err(_) if cfg!(debug_assertions) => Self::Sample(SAMPLE),
            Err(_) => Self::All,
        }
    }

    /// How often the same way must be recorded at first: a single recording may be of a longer one, whose positions are
    /// never met again. A sample rarely has one of these, and recording takes most of its time.
    fn recordings(self) -> u32 {
        if self == Self::All { 3 } else { 1 }
    }

    /// The positions of a case, of so many, of which others can tell `apart` from the one before.
    fn of(self, case: &Case, positions: usize, apart: &BTreeSet<usize>) -> VecDeque<usize> {
        let sample = match self {
            Self::Sample(most) if !case.is_short() => most.clamp(1, positions),
            _ => return (0..positions).collect(),
        };
        let sample = (0..sample).map(|at| at * positions / sample);
        // On both sides of what others notice.
        let noticed = apart.iter().flat_map(|&at| [at.saturating_sub(1), at]);
        noticed.chain(sample).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// What came of a case, or of several.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    pub positions: u64,
    /// Positions that others can tell from the one before.
    pub apart: u64,
    /// Positions at which a child was to be killed: all of them, or those around what others can tell, and a sample.
    pub chosen: u64,
    /// Positions at which one was.
    pub killed: u64,
    /// Broken promises, by [`Kind`].
    pub broken: [u64; Kind::ALL.len()],
}

impl Case {
    /// Kills the operation at each position that `choice` says.
    pub fn run(&self, choice: Choice) -> Tally {
        if choice != Choice::All {
            let tally = self.attempt(choice, choice.recordings(), HASTE);
            if tally.killed == tally.chosen || tally.broken != [0; Kind::ALL.len()] {
                return tally;
            }
        }
        self.attempt(choice, choice.recordings().max(2), PATIENCE)
    }

    fn attempt(&self, choice: Choice, recordings: u32, patience: Duration) -> Tally {
        alarm::set(SECONDS);
        let mut scene = self.scene();
        let (trace, apart) = record(&mut scene, recordings, self.operation.cells() > 2);
        assert!(apart.len() > 1, "an operation that others notice");
        let mut left = choice.of(self, trace.len(), &apart);
        let [positions, apart, chosen] = [trace.len(), apart.len(), left.len()].map(|count| count as u64);
        let mut tally = Tally { positions, apart, chosen, ..Tally::default() };
        let (mut progress, mut rounds) = (Instant::now(), 0);
        while let Some(k) = left.pop_front()
            && (progress.elapsed() < patience || rounds < ROUNDS)
        {
            alarm::set(SECONDS);
            rounds += 1;
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
                (progress, rounds) = (Instant::now(), 0);
            } else {
                left.push_back(k);
            }
        }
        tally
    }

    /// Whether it has few instructions, even if the program isn't optimised.
    fn is_short(&self) -> bool {
        self.operation.short && self.stride == Stride::Aligned
    }

    fn scene(&self) -> Scene {
        if self.stride.is_fixed_length() {
            fix(LINE);
        }
        Scene::new(self.kind, self.operation, self.stride, self.readers)
    }

    fn tell(&self, trace: &Trace, k: usize, broken: &Broken) {
        let address = trace.address(k);
        let mut at = format!("{address:#x}");
        backtrace::resolve(address as *mut _, |symbol| {
            if let Some(name) = symbol.name() {
                at += &format!(" in {name:#}");
            }
            if let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) {
                at += &format!(" ({}:{line})", file.display());
            }
        });
        let Broken { kind, what } = broken;
        eprintln!("{self}: killed at position {k} of {}, {at}: {kind:?}: {what}", trace.len());
    }
}

/// The instructions of the operation, the shortest way. The clock knows longer ones, with a few instructions
/// more between registers: a look at it that its tick interrupts is repeated. So the way must come up in
/// several recordings. With it the positions that others could tell from the one before in any of them.
fn record(scene: &mut Scene, recordings: u32, leaves_cells: bool) -> (Trace, BTreeSet<usize>) {
    let mut shortest: Option<(Trace, BTreeSet<usize>)> = None;
    let mut times = 0;
    let mut left_cells = !leaves_cells;
    while times < recordings {
        alarm::set(SECONDS);
        let (mut trace, mut apart) = (None, BTreeSet::new());
        let recording = scene.round(|child| {
            let mut shared = Shared::new();
            let look = |k| {
                if shared.changed(child) {
                    apart.insert(k);
                }
            };
            trace = Some(Trace::record(child, look));
        });
        recording.expect("the whole operation");
        let trace = trace.expect("an operation that was recorded");
        // The first leaves cells behind that were never used before: from then on it is the same each time.
        if !core::mem::replace(&mut left_cells, true) {
            continue;
        }
        match &mut shortest {
            Some((before, known)) if trace == *before => {
                known.append(&mut apart);
                times += 1;
            }
            Some((before, _)) if trace.len() >= before.len() => {}
            _ => (shortest, times) = (Some((trace, apart)), 1),
        }
    }
    let (mut trace, apart) = shortest.expect("at least one recording");
    // Where breakpoints in hardware don't work there are steps.
    let mut met = false;
    scene.round(|child| met = child.run_to(fence::end_address(), 1)).expect("the whole operation");
    if !met {
        eprintln!("no breakpoints in hardware: stepping to each position, which takes long");
        trace.step_only();
    }
    (trace, apart)
}
