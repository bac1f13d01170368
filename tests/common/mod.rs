//! What the tests across processes have in common: they run on each placement, and play roles in other
//! processes.
//!
//! A test gets a [`Kind`] and makes its ring with it. What another process does is a function, too, a role;
//! [`Place::start`] runs it in a forked child if the ring is anonymous, else in this program started anew,
//! which finds the ring by its path. Test and role talk through pipes: [`Post`].
//!
//! Each test runs in a forked child, so that a test that hangs is ended by `SIGALRM`, and that no test
//! inherits anything from another. Only a process with one thread may be forked, so there are no test
//! threads: with one, libtest-mimic runs the tests on the main thread.

#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

pub mod payload;
mod peer;
mod place;
pub mod roles;

use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use ringway::{Consumer, Outcome, Wait};

pub use peer::{Peer, Post, apart};
pub use place::{Kind, Place};

/// Bounds every wait, so that what hangs fails. Nothing else depends on it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A test: it panics if the promise that it is named for doesn't hold.
pub type Test = (&'static str, fn(Kind));

/// What some other process does with the ring.
pub type Role = (&'static str, fn(&Place, &mut Post));

/// Functions with their names.
#[macro_export]
macro_rules! named {
    ($($function:ident),+ $(,)?) => { &[$((stringify!($function), $function)),+] };
}

/// A role, by the name of its function.
#[macro_export]
macro_rules! role {
    ($function:ident) => {
        (stringify!($function), $function as fn(&$crate::common::Place, &mut $crate::common::Post))
    };
}

/// Runs each test on each placement; or a role, if this is a process that a test started.
pub fn run(tests: &[Test], roles: &[Role]) {
    run_on(&Kind::ALL, tests, roles);
}

/// Runs each test on these placements; or a role, if this is a process that a test started.
pub fn run_on(kinds: &[Kind], tests: &[Test], roles: &[Role]) {
    if peer::play(roles) {
        return;
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let trial = |&(name, test): &Test, kind: Kind| {
        Trial::test(format!("{name}::{kind:?}"), move || {
            let status = peer::apart(|| test(kind)).wait()?;
            if status.success() { Ok(()) } else { Err(Failed::from(status.to_string())) }
        })
    };
    let trials = tests.iter().flat_map(|test| kinds.iter().map(|&kind| trial(test, kind))).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// Receives the next message and gives it to `look`. Any other outcome is a failure.
pub fn next<R>(consumer: &mut Consumer, look: impl FnOnce(u64, u32, &[u8]) -> R) -> R {
    let expected = consumer.next_seq();
    match consumer.recv(Wait::Yield, PATIENCE).expect("a sound ring") {
        Outcome::Message(message) => look(message.seq(), message.tag(), &message),
        other => panic!("expected message {expected}, got {other:?}"),
    }
}
