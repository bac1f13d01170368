//! A ring over many looks: rates, and which consumers don't move.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::sight::{Reader, Sight};

/// Rates that are kept: one for each column of a wide terminal.
const KEPT: usize = 400;
/// How long a consumer must stay where it is, with a message to read, before it is called stopped.
const STILL: Duration = Duration::from_secs(1);

/// Events in a second, by what two looks found.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Rates {
    pub(super) messages: f64,
    /// How often the producer found the ring full.
    pub(super) full: f64,
    /// Rings of the doorbell.
    pub(super) wakes: f64,
}

/// A consumer at the latest look.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Pace {
    pub(super) reader: Reader,
    /// Since when it is at that message, with something to read. `None` if it moves, or has nothing to read.
    since: Option<Instant>,
    /// How long that is, if it is long enough to be called stopped.
    pub(super) stopped: Option<Duration>,
}

/// A ring, and what the looks at it found.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) path: PathBuf,
    /// The latest look, or why there is none.
    pub(super) sight: Result<Sight, String>,
    /// `None` until the ring was seen twice.
    pub(super) rates: Option<Rates>,
    /// Messages a second, the latest last.
    pub(super) history: VecDeque<u64>,
    pub(super) paces: Vec<Pace>,
    /// When `sight` was taken, unless rates must start anew.
    at: Option<Instant>,
}

impl Track {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            sight: Err("not looked at yet".into()),
            rates: None,
            history: VecDeque::new(),
            paces: Vec::new(),
            at: None,
        }
    }

    /// Adds what a look at this time found.
    pub(super) fn add(&mut self, at: Instant, found: Result<Sight, String>) {
        let same = matches!((&self.sight, &found), (Ok(old), Ok(new)) if old.ring_id == new.ring_id);
        if !same {
            (self.rates, self.at) = (None, None);
            self.paces.clear();
            // Another ring: what was seen of the last one isn't its past. One that can't be seen for a while goes on.
            if found.is_ok() {
                self.history.clear();
            }
        }
        if let (Ok(old), Ok(new), Some(then)) = (&self.sight, &found, self.at) {
            let rates = rates(old, new, at.saturating_duration_since(then));
            if self.history.len() == KEPT {
                self.history.pop_front();
            }
            self.history.push_back(rates.messages as u64);
            self.rates = Some(rates);
        }
        if let Ok(new) = &found {
            self.paces = new.readers.iter().map(|&reader| pace(&self.paces, reader, at)).collect();
        }
        self.at = found.is_ok().then_some(at);
        self.sight = found;
    }

    /// Has the next rate start with the next look, as after a pause.
    pub(super) fn forget_time(&mut self) {
        self.at = None;
        self.rates = None;
        self.paces.clear();
    }

    /// The part of the ring that the slowest reader has not read, those passed over apart, if there is one; past 1 by a
    /// cursor that no reader left there.
    pub(super) fn fill(&self) -> Option<f64> {
        let sight = self.sight.as_ref().ok()?;
        let gating = sight.readers.iter().filter(|reader| !reader.is_passed_over(sight.slots));
        gating.map(|reader| fill(reader, sight.slots)).reduce(f64::max)
    }

    /// Whether a consumer is called stopped.
    pub(super) fn is_stuck(&self) -> bool {
        self.paces.iter().any(|pace| pace.stopped.is_some())
    }
}

/// The part of the ring that a consumer has not read.
pub(super) fn fill(reader: &Reader, slots: u64) -> f64 {
    reader.lag as f64 / slots.max(1) as f64
}

fn rates(old: &Sight, new: &Sight, passed: Duration) -> Rates {
    let seconds = passed.as_secs_f64().max(1e-6);
    let per_second = |count: u64| count as f64 / seconds;
    Rates {
        // A count that went back was forged, or is the next producer's: it tells nothing.
        messages: per_second(new.head.saturating_sub(old.head)),
        full: per_second(new.times_full.saturating_sub(old.times_full)),
        wakes: per_second(new.doorbell.wrapping_sub(old.doorbell).into()),
    }
}

/// How `reader` goes, by what it did before.
fn pace(before: &[Pace], reader: Reader, at: Instant) -> Pace {
    let same = |pace: &&Pace| {
        let Reader { cell, pid, next, .. } = pace.reader;
        (cell, pid, next) == (reader.cell, reader.pid, reader.next)
    };
    let since = match before.iter().find(same) {
        _ if reader.lag == 0 => None,
        Some(pace) => pace.since.or(Some(at)),
        None => Some(at),
    };
    let still = since.map(|since| at.saturating_duration_since(since));
    Pace { reader, since, stopped: still.filter(|&still| still >= STILL) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::inspect::kind::Kind;
    use crate::cli::inspect::snapshot::Standing;

    fn sight(head: u64, next: u64) -> Sight {
        Sight {
            ring_id: [1; 16],
            standing: Standing::Open,
            epoch: 1,
            head,
            producer_pid: 1,
            producer_uid: None,
            producer_name: None,
            producer_alive: true,
            slots: 64,
            can_skip: false,
            max_consumers: 8,
            times_full: head / 10,
            times_passed_over: 0,
            doorbell: u32::MAX.wrapping_add(head as u32),
            readers: vec![Reader {
                cell: 0,
                pid: 2,
                next,
                lag: head.saturating_sub(next),
                uid: None,
                name: None,
                kind: Kind::Consumer,
                lost: 0,
                times_lagged: 0,
            }],
            observers: Vec::new(),
        }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn rates_are_by_the_time_between_two_looks() {
        let (mut track, start) = (Track::new("ring".into()), Instant::now());
        track.add(start, Ok(sight(0, 0)));
        assert_eq!(track.rates, None);
        track.add(start + seconds(2), Ok(sight(100, 100)));
        assert_eq!(track.rates, Some(Rates { messages: 50.0, full: 5.0, wakes: 50.0 }));
        track.add(start + seconds(2), Ok(sight(5, 5)));
        assert_eq!(track.rates.unwrap().messages, 0.0, "head went back, and no time passed");
        assert_eq!(track.history, [50, 0]);
    }

    #[test]
    fn a_ring_that_replaces_another_starts_anew() {
        let (mut track, start) = (Track::new("ring".into()), Instant::now());
        for second in 0..3 {
            track.add(start + seconds(second), Ok(sight(second * 10, 0)));
        }
        track.add(start + seconds(3), Err("gone".into()));
        assert_eq!((track.rates, track.history.len()), (None, 2));
        track.add(start + seconds(4), Ok(Sight { ring_id: [2; 16], ..sight(1000, 0) }));
        assert_eq!((track.rates, track.history.len()), (None, 0));
    }

    #[test]
    fn a_consumer_that_stays_with_something_to_read_is_called_stopped() {
        let (mut track, start) = (Track::new("ring".into()), Instant::now());
        track.add(start, Ok(sight(0, 0)));
        track.add(start + seconds(5), Ok(sight(0, 0)));
        assert!(!track.is_stuck(), "there is nothing to read");
        track.add(start + seconds(6), Ok(sight(5, 0)));
        assert!(!track.is_stuck(), "seen behind for the first time");
        track.add(start + seconds(8), Ok(sight(9, 0)));
        assert_eq!(track.paces[0].stopped, Some(seconds(2)));
        track.add(start + seconds(9), Ok(sight(9, 1)));
        assert!(!track.is_stuck(), "it moved");
    }

    #[test]
    fn a_pause_leaves_no_rate_behind() {
        let (mut track, start) = (Track::new("ring".into()), Instant::now());
        track.add(start, Ok(sight(0, 0)));
        track.forget_time();
        track.add(start + seconds(100), Ok(sight(1000, 0)));
        assert_eq!((track.rates, track.is_stuck()), (None, false));
    }

    #[test]
    fn a_cursor_that_no_consumer_left_there_is_past_the_whole_ring() {
        let mut track = Track::new("ring".into());
        track.add(Instant::now(), Ok(sight(1 << 62, 0)));
        assert!(track.fill().unwrap() > 1.0);
    }
}
