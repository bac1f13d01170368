//! The books in the end: what everybody found, and what is left behind.

use ringway::{Resume, Start};

use super::crew::Cast;
use super::ledger::{Entry, Ledger};
use super::place::Place;
use super::role::Role;

/// What was found. Those from `torn` on must be 0.
pub(super) struct Findings {
    /// Number of messages published.
    pub(super) messages: u64,
    /// What all observers together got, and what they were told they lost.
    pub(super) observed: u64,
    pub(super) lost_by_observers: u64,
    /// The same of best-effort readers.
    pub(super) read_best_effort: u64,
    pub(super) lost_best_effort: u64,
    /// How often producers have passed one over.
    pub(super) times_passed_over: u64,
    /// How often a producer found no room in time.
    pub(super) times_full: u64,
    pub(super) torn: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
    pub(super) lost_by_consumers: u64,
    pub(super) uncounted_by_observers: u64,
    pub(super) uncounted_best_effort: u64,
    pub(super) leaked_cells: u64,
    pub(super) leaked_files: u64,
}

/// Looks at the ring, which has come to rest at `head` and which nobody uses any more, and removes it.
pub(super) fn audit(cast: &Cast, ledger: &Ledger, place: Place, head: u64) -> anyhow::Result<Findings> {
    let sum = |entry| (0..cast.len()).map(|number| ledger.desk(number).get(entry)).sum::<u64>();
    let of = |role, entry| -> u64 { cast.all(role).map(|number| ledger.desk(number).get(entry)).sum() };
    let over = |role, count: &dyn Fn(u64, u64, u64, u64) -> u64| -> u64 {
        let desks = cast.all(role).map(|number| ledger.desk(number));
        let entries = [Entry::Start, Entry::Next, Entry::Received, Entry::Lost];
        desks.map(|desk| entries.map(|entry| desk.get(entry))).map(|[s, n, r, l]| count(s, n, r, l)).sum()
    };
    // The ring was closed, and they read to its end.
    let unread = over(Role::Consumer, &|_, next, _, _| head.abs_diff(next));
    let uncounted = |role| {
        over(role, &|start, _, received, lost| head.abs_diff(start + received + lost))
            + of(role, Entry::Uncounted)
    };
    let times_passed_over = place.ring().monitor()?.stats()?.times_passed_over;
    Ok(Findings {
        messages: head,
        observed: of(Role::Observer, Entry::Received) + of(Role::Observer, Entry::ReceivedBefore),
        lost_by_observers: of(Role::Observer, Entry::Lost) + of(Role::Observer, Entry::LostBefore),
        read_best_effort: of(Role::BestEffort, Entry::Received) + of(Role::BestEffort, Entry::ReceivedBefore),
        times_passed_over,
        lost_best_effort: of(Role::BestEffort, Entry::Lost) + of(Role::BestEffort, Entry::LostBefore),
        times_full: sum(Entry::Full),
        torn: sum(Entry::Torn),
        duplicated: sum(Entry::Duplicated),
        reordered: sum(Entry::Reordered),
        lost_by_consumers: sum(Entry::Missed) + unread,
        uncounted_by_observers: uncounted(Role::Observer),
        uncounted_best_effort: uncounted(Role::BestEffort),
        leaked_cells: leaked_cells(&place)?,
        leaked_files: place.remove()?,
    })
}

/// Number of cells that seem to be in use, or can't be taken.
fn leaked_cells(place: &Place) -> anyhow::Result<u64> {
    let ring = place.ring();
    let in_use = ring.observer(Start::Latest, Resume::Latest)?.consumers()?.len() as u64;
    let cells = ring.geometry().max_consumers();
    let taken: Vec<_> = (0..cells).map_while(|_| ring.consumer(Start::Oldest).ok()).collect();
    Ok(in_use.max(cells - taken.len() as u64))
}
