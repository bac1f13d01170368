//! Tests across processes: they run on each placement, and play roles in other processes.
//!
//! A test gets a [`Kind`] and makes its ring with it. What another process does is a function, too, a role;
//! [`TestRing::start`](crate::TestRing::start) runs it in a forked child if the ring is anonymous, else in this program
//! started anew, which finds the ring by its path. Test and role talk through pipes: [`Post`](crate::Post).

use ringway::{Consumer, Outcome, Wait};

use crate::harness::{self, alone};
use crate::peer::{Role, play};
use crate::{Kind, PATIENCE};

/// A test: it panics if the promise that it is named for doesn't hold.
pub type Test = (&'static str, fn(Kind));

/// Runs each test on each placement; or a role, if this is a process that a test started.
pub fn run(tests: &[Test], roles: &[Role]) {
    run_on(&Kind::ALL, tests, roles);
}

/// Runs each test on these placements; or a role, if this is a process that a test started.
pub fn run_on(kinds: &[Kind], tests: &[Test], roles: &[Role]) {
    if play(roles) {
        return;
    }
    let trial = |&(name, test): &Test, kind: Kind| alone(format!("{name}::{kind:?}"), move || test(kind));
    harness::run(tests.iter().flat_map(|test| kinds.iter().map(|&kind| trial(test, kind))).collect())
}

/// Receives the next message and gives it to `look`. Any other outcome is a failure.
pub fn next<R>(consumer: &mut Consumer, look: impl FnOnce(u64, u32, &[u8]) -> R) -> R {
    consumer.set_wait(Wait::Yield);
    let expected = consumer.next_seq();
    match consumer.recv_timeout(PATIENCE).expect("a sound ring") {
        Outcome::Message(message) => look(message.seq(), message.tag(), &message),
        other => panic!("expected message {expected}, got {other:?}"),
    }
}
