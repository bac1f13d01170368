//! Processes that fork while tasks wait.
//!
//! # Safety
//! The child of a process with threads uses nothing that was borrowed before the fork, and ends by `_exit`.

#![allow(unsafe_code, reason = "a process with threads forks")]

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, alarm, fork, getpid};
use ringway::aio::AsyncConsumer;
use ringway::{RecvError, Ring};
use testkit::{Kind, PATIENCE};
use tokio::time::timeout;

use crate::{config, consumer, current_thread};

/// How often the parent forks, while another thread takes and gives up the locks that a child inherits.
const FORKS: u32 = 50;

pub fn a_forked_child_waits_with_threads_of_its_own(kind: Kind) {
    let (ring, busy) = (kind.ring(&config()), kind.ring(&config()));
    let mut inherited = consumer(&ring);
    let mut producer = ring.producer().expect("no other producer");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(inherited.recv()).poll(&mut cx).is_pending());
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                let mut short = consumer(&busy);
                assert!(pin!(short.recv()).poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
        });
        for _ in 0..FORKS {
            in_a_child(|| refuses_and_waits(&mut inherited));
        }
        ends.store(true, Ordering::Relaxed);
    });
    // The parent's wait has not been touched.
    current_thread().block_on(async {
        let (outcome, published) =
            tokio::join!(biased; inherited.recv(), async { producer.publish(b"to the parent") });
        assert_eq!(published, Ok(0));
        assert_eq!(&*outcome.expect("a sound ring").into_message().expect("a message"), b"to the parent");
    });
}

/// The first process of a PID namespace has number 1, like the first one of the namespace around it.
pub fn a_child_with_its_parents_number_waits_with_threads_of_its_own(kind: Kind) {
    let permitted = testkit::child::child(|| unshare(CloneFlags::CLONE_NEWPID).expect("permission")).join();
    if !matches!(permitted, WaitStatus::Exited(_, 0)) {
        println!("skipped: no PID namespace");
        return;
    }
    unshare(CloneFlags::CLONE_NEWPID).expect("permission");
    in_a_child(|| {
        // It ignores its own SIGALRM.
        set_pdeathsig(Signal::SIGKILL).expect("a signal");
        let ring = kind.ring(&config());
        let mut inherited = consumer(&ring);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(pin!(inherited.recv()).poll(&mut cx).is_pending());
        unshare(CloneFlags::CLONE_NEWPID).expect("permission");
        let number = getpid();
        in_a_child(|| {
            set_pdeathsig(Signal::SIGKILL).expect("a signal");
            assert_eq!(getpid(), number);
            refuses_and_waits(&mut inherited);
        });
    });
}

/// Has a forked child run to its end.
fn in_a_child(run: impl FnOnce()) {
    // SAFETY: see above.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).expect("a child"), WaitStatus::Exited(child, 0));
        }
        ForkResult::Child => {
            alarm::set(60);
            let run = catch_unwind(AssertUnwindSafe(run));
            // SAFETY: ends the process without running the parent's destructors.
            unsafe { libc::_exit(i32::from(run.is_err())) }
        }
    }
}

fn refuses_and_waits(inherited: &mut AsyncConsumer) {
    let mut cx = Context::from_waker(Waker::noop());
    let refused = pin!(inherited.recv_with(|_, _, _| ())).poll(&mut cx);
    assert!(matches!(refused, core::task::Poll::Ready(Err(RecvError::Forked(_)))), "{refused:?}");

    let own = Kind::Anonymous.ring(&config());
    let mut consumer = consumer(&own);
    let mut producer = own.producer().expect("no other producer");
    current_thread().block_on(async {
        for seq in 0..3 {
            let receives = timeout(PATIENCE, consumer.recv());
            let (outcome, published) =
                tokio::join!(biased; receives, async { producer.publish(b"to the child") });
            let outcome = outcome.expect("a wake");
            assert_eq!(published, Ok(seq));
            assert_eq!(&*outcome.expect("a sound ring").into_message().expect("a message"), b"to the child");
        }
    });
}
