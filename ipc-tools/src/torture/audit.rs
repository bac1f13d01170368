//! The books in the end: what everybody found, and what is left behind.

use ringway::{Resume, Start};

use super::crew::Cast;
use super::ledger::{Entry, Ledger};
use super::place::Place;
use super::role::Role;

/// What was found. All but the first four must be 0.
pub(super) struct Findings {
    /// Number of messages published.
    pub(super) messages: u64,
    /// What all observers together got, and what they were told they lost.
    pub(super) observed: u64,
    pub(super) lost_by_observers: u64,
    /// How often a producer found no room in time.
    pub(super) times_full: u64,
    pub(super) torn: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
    pub(super) lost_by_consumers: u64,
    pub(super) uncounted_by_observers: u64,
    pub(super) leaked_cells: u64,
    pub(super) leaked_files: u64,
}

/// Looks at the ring, which has come to rest at `head` and which nobody uses any more, and removes it.
pub(super) fn audit(cast: &Cast, ledger: &Ledger, place: Place, head: u64) -> anyhow::Result<Findings> {
    let sum = |entry| (0..cast.len()).map(|number| ledger.desk(number).get(entry)).sum::<u64>();
    let over = |role, count: &dyn Fn(u64, u64, u64, u64) -> u64| -> u64 {
        let desks = cast.all(role).map(|number| ledger.desk(number));
        let entries = [Entry::Start, Entry::Next, Entry::Received, Entry::Lost];
        desks.map(|desk| entries.map(|entry| desk.get(entry))).map(|[s, n, r, l]| count(s, n, r, l)).sum()
    };
    // The ring was closed, and they read to its end.
    let unread = over(Role::Consumer, &|_, next, _, _| head.abs_diff(next));
    let unexplained =
        over(Role::Observer, &|start, _, received, lost| head.abs_diff(start + received + lost));
    let observed =
        |entry| -> u64 { cast.all(Role::Observer).map(|number| ledger.desk(number).get(entry)).sum() };
    Ok(Findings {
        messages: head,
        observed: observed(Entry::Received) + observed(Entry::ReceivedBefore),
        lost_by_observers: observed(Entry::Lost) + observed(Entry::LostBefore),
        times_full: sum(Entry::Full),
        torn: sum(Entry::Torn),
        duplicated: sum(Entry::Duplicated),
        reordered: sum(Entry::Reordered),
        lost_by_consumers: sum(Entry::Missed) + unread,
        uncounted_by_observers: sum(Entry::Uncounted) + unexplained,
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
