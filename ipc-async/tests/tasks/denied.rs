//! A kernel that denies what the sleeper needs.

use testkit::{Kind, denial};

use crate::{cancelling, delivering, peers};

pub fn without_futex_waitv_a_task_gets_every_message(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    delivering::a_task_gets_every_message(kind);
}

pub fn without_futex_waitv_cancelled_calls_lose_nothing(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    cancelling::cancelled_calls_lose_nothing(kind);
}

pub fn without_futex_waitv_a_waiting_task_learns_that_its_producer_was_killed(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    peers::a_waiting_task_learns_that_its_producer_was_killed(kind);
}

pub fn without_futex_waitv_a_publishing_task_waits_for_room(kind: Kind) {
    denial::deny(libc::SYS_futex_waitv);
    delivering::a_publishing_task_waits_for_room(kind);
}
