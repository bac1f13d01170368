//! How far apart the two cores are, as they measure it themselves.
//!
//! A virtual machine isn't told where the host runs its cores, and the host moves them: a bare round trip may take 50
//! ns now and 400 ns a minute later. Figures of two placements can't be compared.
//!
//! What tells the kinds apart is a ratio, since processors differ in what they take for the same. A bare round trip is
//! divided by [`alone`]: what one core takes for the same two stores and two pauses if nobody else has the line.
//! Below [`SIBLINGS`] the hand-off adds little to that, so it stays in caches of one core, which both are threads of.
//! Up to [`NEAR`] it goes through a cache that both cores have. Above, it goes from one such cache to another.

use std::fmt;
use std::time::Instant;

use serde::Serialize;

use super::lines::Lines;

/// What two threads of one core take at most for a bare round trip, in times of what one of them takes alone.
pub const SIBLINGS: f64 = 1.7;
/// The same of two cores that share a cache.
pub const NEAR: f64 = 6.0;
/// By how much a bare round trip differs, at least, where the host has moved a core. The kinds differ by 2 and more,
/// two looks at the same placement by a tenth.
pub const MOVED: f64 = 1.4;

/// Trips of one core alone in a part.
const TRIPS: u32 = 1_000;
/// Parts of the measuring: the middle one counts, so that what disturbs a few of them doesn't.
const PARTS: usize = 15;

/// How far apart two cores are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Two threads of one core.
    Siblings,
    /// Two cores that share a cache.
    Near,
    /// Two cores with no cache in common.
    Far,
}

impl Kind {
    /// What a bare round trip tells, by what one core takes alone; both in nanoseconds.
    pub fn of(round_trip: f64, alone: f64) -> Self {
        match round_trip / alone {
            ratio if ratio < SIBLINGS => Kind::Siblings,
            ratio if ratio < NEAR => Kind::Near,
            _ => Kind::Far,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Siblings => "siblings",
            Kind::Near => "near",
            Kind::Far => "far",
        })
    }
}

/// Whether two bare round trips were made in one placement.
pub fn same(one: f64, other: f64) -> bool {
    one.max(other) <= one.min(other) * MOVED
}

/// Nanoseconds that the calling core takes for its part and the other's of a bare round trip: two numbers stored, each
/// until no store is under way any more, and two pauses.
///
/// # Errors
/// What the system says.
pub fn alone() -> nix::Result<f64> {
    let pair = Lines::new()?.pair(0);
    let mut parts = [0.0; PARTS];
    for part in &mut parts {
        let began = Instant::now();
        for trip in 0..TRIPS {
            for line in [pair.ping, pair.pong] {
                line.pass_at_once(trip.into());
                std::hint::spin_loop();
            }
        }
        *part = began.elapsed().as_nanos() as f64 / f64::from(TRIPS);
    }
    parts.sort_by(f64::total_cmp);
    Ok(parts[PARTS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placement_is_told_by_its_ratio_to_one_core_alone() {
        // A processor with short pauses, and one with long ones.
        for (round_trip, alone, kind) in [
            (50.0, 40.0, Kind::Siblings),
            (100.0, 40.0, Kind::Near),
            (400.0, 40.0, Kind::Far),
            (110.0, 75.0, Kind::Siblings),
            (310.0, 75.0, Kind::Near),
            (700.0, 75.0, Kind::Far),
        ] {
            assert_eq!(Kind::of(round_trip, alone), kind, "{round_trip} ns, alone {alone} ns");
        }
    }

    #[test]
    fn a_core_that_was_moved_is_noticed_in_both_directions() {
        assert!(same(290.0, 290.0) && same(290.0, 320.0) && same(320.0, 290.0));
        assert!(!same(50.0, 100.0) && !same(100.0, 50.0) && !same(100.0, 400.0));
    }

    #[test]
    fn one_core_alone_takes_some_time() {
        assert!(alone().expect("a mapping") > 0.0);
    }
}
