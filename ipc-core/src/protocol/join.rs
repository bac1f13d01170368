//! How a consumer joins a ring whose producer runs at full speed.
//!
//! The joiner and the producer each write one thing and read the other: the joiner stores its cell and then
//! reads head, the producer stores head and then reads the cells. With a sequentially consistent fence
//! between the two steps on either side, at least one of them sees the other. If the producer's scan at
//! head `n` saw the cell, the cursor in it holds the producer back. If not, the joiner's second read of head is at
//! least `n`, and the producer stops at `n + slots/2` to scan again: what the joiner starts at, half a lap below head,
//! isn't overwritten before that.
//!
//! A clone starts where another consumer is, which may be a whole lap below head. That consumer's cursor keeps the
//! message for it, but not against a scan that reads the clone's cell before the clone is there, and the
//! cursor after it has moved on. So the clone is counted once its cell is active, and a scan in which that
//! number has changed begins anew.
//!
//! A best-effort reader that was lapped joins anew in its own cell.
//!
//! # Orderings
//! `J1`/`G1`, `J2`/`G2` and `K1`/`G1` of [`crate::ordering::edge`]; and `P1`/`G1`, for a producer
//! that sleeps on the cell.

use crate::format::error::{AttachError, Damaged};
use crate::format::layout::{cell, cell_state};
use crate::format::seq::Seq;
use crate::memory::access::AsConsumer;
use crate::memory::region::Region;
use crate::ordering::edge::{Edge, fence};
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::events;
use crate::protocol::message::{Resume, Start};
use crate::protocol::role_words;
use crate::protocol::space_bell;

/// What a reader that holds a cell is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Consumer,
    BestEffort,
}

impl Kind {
    const fn state(self) -> u64 {
        match self {
            Kind::Consumer => cell_state::ACTIVE,
            Kind::BestEffort => cell_state::BEST_EFFORT,
        }
    }
}

/// Activates `cell`, whose lock the caller holds, and returns the cursor to start at. After an error the cell
/// may be active, and must be left.
pub(crate) fn join(
    region: &Region<AsConsumer>,
    cell: usize,
    kind: Kind,
    start: Start,
) -> Result<Seq, AttachError> {
    let head = region.producer_page.head()?;
    let provisional = match start {
        Start::Latest => head,
        _ if seeded(Fault::OldestProvisionalAtHead) => head,
        Start::Oldest | Start::Newest(_) | Start::At(_) => region.geometry.floor(head),
    };
    activate(region, cell, kind, provisional);

    // J1 pairs with G1.
    fence(Edge::J1);

    let head = if seeded(Fault::JoinWithoutSecondRead) { head } else { second_head(region, head)? };
    if seeded(Fault::HintAfterFence) {
        raise_cells_used(region, cell);
    }
    let floor = if seeded(Fault::OldestAWholeLapBack) {
        region.geometry.edge(head)
    } else {
        region.geometry.floor(head)
    };
    let first = match start {
        Start::Latest => head,
        Start::Oldest => floor,
        Start::Newest(count) => head.back(count).max(floor),
        Start::At(asked) if asked < floor.get() => {
            return Err(AttachError::Overwritten { asked, oldest: floor.get() });
        }
        Start::At(asked) => Seq::checked(asked).ok_or(AttachError::StartTooLarge { asked })?,
    };
    // Only ever forward: head only grows, so no scan has let the producer past what is asked for now.
    region.cells.word::<{ cell::CURSOR }>(cell).store(first.get());
    // The provisional cursor may have filled the ring, and the producer may sleep on this cell; so it may on a
    // dead consumer's cell that this one took over.
    if !seeded(Fault::JoinWithoutBell) {
        space_bell::released(region, cell, first);
    }
    match kind {
        Kind::Consumer => events::consumer_joined(&region.geometry, cell, first),
        Kind::BestEffort => events::best_effort_joined(&region.geometry, cell, first),
    }
    Ok(first)
}

/// Has the best-effort reader of `cell` count again, which was lapped at message `next`; returns where it goes on: at
/// head, or as far below it as a joining reader may ask for.
///
/// To the producer it is another reader, which joins in the cell: by the word of the next incarnation, which no note of
/// the producer's is about. So it is kept from being overrun as a joiner is, until it is passed over again.
///
/// A head that goes back meanwhile is damage. By then the reader has joined, at the first head, and goes on there: the
/// damage is told beside its place. After an error it has not joined.
pub(crate) fn rejoin(
    region: &Region<AsConsumer>,
    cell: usize,
    next: Seq,
    resume: Resume,
) -> Result<(Seq, Option<Damaged>), Damaged> {
    // The message just missed is lost at least, whatever head says.
    let resumes_at = |head: Seq| {
        let start = match resume {
            Resume::Latest => head,
            Resume::OldestSafe => region.geometry.floor(head),
        };
        start.max(next.next())
    };
    let head = region.producer_page.head()?;
    // J2 pairs with G2, as when it joined. It read nothing meanwhile that it has accepted and not released.
    region.cells.word::<{ cell::CURSOR }>(cell).store_release(resumes_at(head).get(), Edge::J2);
    store_word(region, cell, Kind::BestEffort);

    // J1 pairs with G1: either a scan sees the new word, or this reader sees the scan's head.
    fence(Edge::J1);

    let second = if seeded(Fault::JoinWithoutSecondRead) { Ok(head) } else { second_head(region, head) };
    let resume = resumes_at(*second.as_ref().unwrap_or(&head));
    region.cells.word::<{ cell::CURSOR }>(cell).store(resume.get());
    // The producer may sleep on this cell, in which it has found the provisional cursor.
    if !seeded(Fault::JoinWithoutBell) {
        space_bell::released(region, cell, resume);
    }
    events::best_effort_rejoined(&region.geometry, cell, resume.since(next));
    Ok((resume, second.err()))
}

/// Activates `cell`, whose lock the caller holds, at message `next`, which the cursor of the calling thread's consumer
/// keeps.
///
/// That cursor moves on after this at the earliest. A scan that sees it moved, or its cell free, sees by the same fence
/// (C1, L1, G2) that the clone was counted. If it found the clone counted when it began, it sees its cell. If not, it
/// begins anew.
pub(crate) fn join_beside(region: &Region<AsConsumer>, cell: usize, next: Seq) {
    let count = || {
        if !seeded(Fault::CloneUncounted) {
            // K1 pairs with G1: a scan that has found the clone counted sees its cell.
            region.hints.clones().count_release(Edge::K1);
        }
    };
    if seeded(Fault::CountedBeforeActive) {
        count();
    }
    activate(region, cell, Kind::Consumer, next);
    if !seeded(Fault::CountedBeforeActive) {
        count();
    }
    // The producer may sleep on a dead consumer's cell that this one took over.
    space_bell::released(region, cell, next);
    events::consumer_joined(&region.geometry, cell, next);
}

/// Stores what makes a scan count the cell.
fn activate(region: &Region<AsConsumer>, cell: usize, kind: Kind, cursor: Seq) {
    // J2 pairs with G2: the cell's last consumer, whose lock this one took over, is done reading. Its own
    // releases end here, since later stores hide them.
    region.cells.word::<{ cell::CURSOR }>(cell).store_release(cursor.get(), Edge::J2);
    // Always: the cell may still name a reader that died in it.
    role_words::sign_cell(&region.cells, cell, region.name);
    // Ahead of J1 or K1, as the word is: a scan that doesn't see it hasn't seen the cell either.
    if !seeded(Fault::HintAfterFence) {
        raise_cells_used(region, cell);
    }
    store_word(region, cell, kind);
}

/// Stores the word of the cell's next incarnation.
fn store_word(region: &Region<AsConsumer>, cell: usize, kind: Kind) {
    let word = region.cells.word::<{ cell::WORD }>(cell);
    let before = word.load_own() >> cell_state::BITS;
    let incarnation = if seeded(Fault::RejoinAsBefore) { before.max(1) } else { before.wrapping_add(1) };
    word.store(incarnation << cell_state::BITS | kind.state());
}

fn raise_cells_used(region: &Region<AsConsumer>, cell: usize) {
    region.hints.cells_used().raise(cell as u64 + 1);
}

/// Head again. A head that went back is damage, and would let the cursor go back too.
fn second_head(region: &Region<AsConsumer>, first: Seq) -> Result<Seq, Damaged> {
    let second = region.producer_page.head()?;
    if second < first {
        let (seq, found, expected) = (first.get(), second.get(), first.get());
        return Err(Damaged { what: "head", seq, found, expected });
    }
    Ok(second)
}

/// Leaves the cell: the producer ignores it from its next scan on.
pub(crate) fn leave(region: &Region<AsConsumer>, cell: usize) {
    // Not left to the next one in the cell, which may know of no names.
    role_words::unsign_cell(&region.cells, cell);
    let word = region.cells.word::<{ cell::WORD }>(cell);
    // L1 pairs with G2: what was read of the slots is done.
    word.store_release(word.load_own() & !cell_state::MASK | cell_state::FREE, Edge::L1);
    space_bell::left(region, cell);
    events::consumer_left(&region.geometry, cell);
}
