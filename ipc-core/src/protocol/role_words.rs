//! What a role writes of itself where it stands, and how others read it: PID, uid and name, for display.
//!
//! All of it is relaxed, since nothing goes by it. A role writes it before the word by which it counts, so that it is
//! there, most often, for a reader that has seen that word. A reader takes it only as two looks in a row have found it.
//!
//! A model has no words of names: they would multiply its states, and change nothing else.

#[cfg(not(loom))]
use crate::format::layout::{cell, producer_page};
use crate::format::name::Name;
#[cfg(not(loom))]
use crate::format::role_hint::HintWords;
use crate::format::role_hint::RoleHint;
use crate::memory::access::{Access, ReadWrite};
#[cfg(not(loom))]
use crate::memory::user::effective_uid;
use crate::memory::{Cells, ProducerPage};

/// Says of a cell's reader which process it is, of which user, and how it is called; and that it has lost nothing: all
/// that is for display.
#[cfg(not(loom))]
pub(crate) fn sign_cell(cells: &Cells<ReadWrite>, cell: usize, name: Option<Name>) {
    // First: no PID stands beside the name or the user of the reader that died here.
    unsign_cell(cells, cell);
    cells.word::<{ cell::PID }>(cell).store(u64::from(std::process::id()));
    cells.word::<{ cell::LOST }>(cell).store(0);
    cells.word::<{ cell::TIMES_LAGGED }>(cell).store(0);
    cells.word::<{ cell::UID_PLUS_1 }>(cell).store(u64::from(effective_uid()) + 1);
    let (len, [a, b, c, d]) = Name::to_words(name);
    cells.word::<{ cell::NAME }>(cell).store(a);
    cells.word::<{ cell::NAME + 1 }>(cell).store(b);
    cells.word::<{ cell::NAME + 2 }>(cell).store(c);
    cells.word::<{ cell::NAME + 3 }>(cell).store(d);
    cells.word::<{ cell::NAME_LEN }>(cell).store(len);
}

/// Takes back user and name.
#[cfg(not(loom))]
pub(crate) fn unsign_cell(cells: &Cells<ReadWrite>, cell: usize) {
    cells.word::<{ cell::NAME_LEN }>(cell).store(0);
    cells.word::<{ cell::UID_PLUS_1 }>(cell).store(0);
}

/// What a cell's reader says of itself.
#[cfg(not(loom))]
pub(crate) fn of_cell<A: Access>(cells: &Cells<A>, cell: usize) -> RoleHint {
    RoleHint::steady(|| HintWords {
        taken: cells.word::<{ cell::WORD }>(cell).load(),
        pid: cells.word::<{ cell::PID }>(cell).load(),
        uid_plus_1: cells.word::<{ cell::UID_PLUS_1 }>(cell).load(),
        name_len: cells.word::<{ cell::NAME_LEN }>(cell).load(),
        name: [
            cells.word::<{ cell::NAME }>(cell).load(),
            cells.word::<{ cell::NAME + 1 }>(cell).load(),
            cells.word::<{ cell::NAME + 2 }>(cell).load(),
            cells.word::<{ cell::NAME + 3 }>(cell).load(),
        ],
    })
}

/// As [`sign_cell`], of the producer.
#[cfg(not(loom))]
pub(crate) fn sign_page(page: &ProducerPage<ReadWrite>, name: Option<Name>) {
    page.word::<{ producer_page::NAME_LEN }>().store(0);
    page.word::<{ producer_page::UID_PLUS_1 }>().store(0);
    page.word::<{ producer_page::PRODUCER_PID }>().store(u64::from(std::process::id()));
    page.word::<{ producer_page::UID_PLUS_1 }>().store(u64::from(effective_uid()) + 1);
    let (len, [a, b, c, d]) = Name::to_words(name);
    page.word::<{ producer_page::NAME }>().store(a);
    page.word::<{ producer_page::NAME + 1 }>().store(b);
    page.word::<{ producer_page::NAME + 2 }>().store(c);
    page.word::<{ producer_page::NAME + 3 }>().store(d);
    page.word::<{ producer_page::NAME_LEN }>().store(len);
}

/// What the last producer said of itself.
#[cfg(not(loom))]
pub(crate) fn of_producer<A: Access>(page: &ProducerPage<A>) -> RoleHint {
    RoleHint::steady(|| HintWords {
        taken: page.word::<{ producer_page::EPOCH_STATE }>().load(),
        pid: page.word::<{ producer_page::PRODUCER_PID }>().load(),
        uid_plus_1: page.word::<{ producer_page::UID_PLUS_1 }>().load(),
        name_len: page.word::<{ producer_page::NAME_LEN }>().load(),
        name: [
            page.word::<{ producer_page::NAME }>().load(),
            page.word::<{ producer_page::NAME + 1 }>().load(),
            page.word::<{ producer_page::NAME + 2 }>().load(),
            page.word::<{ producer_page::NAME + 3 }>().load(),
        ],
    })
}

#[cfg(loom)]
pub(crate) use model::{of_cell, of_producer, sign_cell, sign_page, unsign_cell};

/// The same without names.
#[cfg(loom)]
mod model {
    use super::{Access, Cells, Name, ProducerPage, ReadWrite, RoleHint};
    use crate::format::layout::{cell, producer_page};

    pub(crate) fn sign_cell(cells: &Cells<ReadWrite>, cell: usize, _: Option<Name>) {
        cells.word::<{ cell::PID }>(cell).store(u64::from(std::process::id()));
    }

    pub(crate) fn unsign_cell(_: &Cells<ReadWrite>, _: usize) {}

    pub(crate) fn sign_page(page: &ProducerPage<ReadWrite>, _: Option<Name>) {
        page.word::<{ producer_page::PRODUCER_PID }>().store(u64::from(std::process::id()));
    }

    pub(crate) fn of_cell<A: Access>(cells: &Cells<A>, cell: usize) -> RoleHint {
        RoleHint { pid: cells.word::<{ cell::PID }>(cell).load(), ..RoleHint::default() }
    }

    pub(crate) fn of_producer<A: Access>(page: &ProducerPage<A>) -> RoleHint {
        RoleHint { pid: page.word::<{ producer_page::PRODUCER_PID }>().load(), ..RoleHint::default() }
    }
}
