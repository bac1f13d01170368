//! How far apart the two cores are, looked at again and again: the host of a virtual machine moves them.

use std::time::Duration;

use ringway_tools::floor::placement::{self, Kind};
use serde::Serialize;

use crate::crew::isolated;
use crate::floors::lines;
use crate::report::stats::Spread;
use crate::rounds::Done;

/// Looks at the cores' placement, of which the last counts.
#[derive(Serialize)]
pub struct Watch {
    /// Nanoseconds of a bare round trip.
    #[serde(rename = "round_trip_ns")]
    last: f64,
    /// Nanoseconds that one core takes alone.
    #[serde(rename = "one_core_alone_ns")]
    alone: f64,
}

impl Watch {
    /// Looks for the first time.
    pub fn new() -> anyhow::Result<Self> {
        let [last, alone] = look()?;
        Ok(Self { last, alone })
    }

    /// Nanoseconds of a bare round trip, as last seen.
    pub fn last(&self) -> f64 {
        self.last
    }

    /// Looks again, and tells whether the cores are where they were at the last look. What seems to have changed is
    /// looked at twice: something else may have disturbed the look.
    pub fn is_still(&mut self) -> anyhow::Result<bool> {
        let before = self.last;
        [self.last, self.alone] = look()?;
        if !placement::same(before, self.last) {
            [self.last, self.alone] = look()?;
        }
        Ok(placement::same(before, self.last))
    }

    /// What is seen now.
    pub fn kind(&self) -> Kind {
        Kind::of(self.last, self.alone)
    }
}

impl std::fmt::Display for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { last, alone } = self;
        let kind = self.kind();
        write!(f, "cores {kind}: a bare round trip takes {last:.0} ns, one core alone {alone:.0} ns")
    }
}

fn look() -> anyhow::Result<[f64; 2]> {
    let looked = isolated(Duration::ZERO, &lines::look)?;
    Ok([looked.figures[lines::LOOKED], looked.figures[lines::ALONE]])
}

/// Where the cores were during an experiment.
#[derive(Clone, Debug, Serialize)]
pub struct Placement {
    /// How far apart, at its end.
    pub kind: Kind,
    /// Nanoseconds of a bare round trip, before the first run and after each.
    pub round_trip_ns: Spread,
    /// Runs that don't count, since the cores had been moved after them.
    pub discarded: u64,
    /// How often all was begun again, since the cores stayed where they had been moved to.
    pub begun_again: u64,
    /// Whether all that counts was measured in one placement.
    pub one: bool,
}

impl Placement {
    /// Whether all experiments were made in one placement.
    pub fn is_one_of_all(done: &[Done]) -> bool {
        let Some((first, others)) = done.split_first() else { return true };
        first.placement.one && others.iter().all(|other| first.placement.is_that_of(&other.placement))
    }

    /// Whether figures of the two may be compared.
    pub fn is_that_of(&self, other: &Placement) -> bool {
        let (this, that) = (self.round_trip_ns.median, other.round_trip_ns.median);
        self.one && other.one && placement::same(this, that)
    }
}

impl std::fmt::Display for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, round_trip_ns: Spread { median, min, max, .. }, discarded, begun_again, one } = self;
        write!(f, "cores {kind}, bare round trips {median:.0} ns ({min:.0} .. {max:.0})")?;
        if *discarded > 0 {
            write!(f, ", {discarded} runs discarded")?;
        }
        if *begun_again > 0 {
            write!(f, ", begun again {begun_again} times")?;
        }
        if !one {
            f.write_str("; THE CORES WERE MOVED: rows and rounds can't be compared")?;
        }
        Ok(())
    }
}
