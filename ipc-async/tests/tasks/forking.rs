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

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, alarm, fork};
use ringway::{RecvError, Ring};
use testkit::Kind;

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
            // SAFETY: see above.
            match unsafe { fork() }.expect("fork") {
                ForkResult::Parent { child } => {
                    assert_eq!(waitpid(child, None).expect("a child"), WaitStatus::Exited(child, 0));
                }
                ForkResult::Child => {
                    alarm::set(60);
                    let run = catch_unwind(AssertUnwindSafe(|| in_the_child(&mut inherited)));
                    // SAFETY: ends the process without running the parent's destructors.
                    unsafe { libc::_exit(i32::from(run.is_err())) }
                }
            }
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

fn in_the_child(inherited: &mut ringway::aio::AsyncConsumer) {
    let mut cx = Context::from_waker(Waker::noop());
    let refused = pin!(inherited.recv_with(|_, _, _| ())).poll(&mut cx);
    assert!(matches!(refused, core::task::Poll::Ready(Err(RecvError::Forked(_)))), "{refused:?}");

    let own = Kind::Anonymous.ring(&config());
    let mut consumer = consumer(&own);
    let mut producer = own.producer().expect("no other producer");
    current_thread().block_on(async {
        for seq in 0..3 {
            let (outcome, published) =
                tokio::join!(biased; consumer.recv(), async { producer.publish(b"to the child") });
            assert_eq!(published, Ok(seq));
            assert_eq!(&*outcome.expect("a sound ring").into_message().expect("a message"), b"to the child");
        }
    });
}
