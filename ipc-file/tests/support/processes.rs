//! Tests that need processes of their own: each runs in a forked child of a program without test threads,
//! since only a process with one thread can be forked safely.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{PipeReader, PipeWriter, Read, Write};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};

/// Whatever hangs, hangs no longer than this.
const SECONDS: u32 = 60;

/// Names test functions after themselves.
macro_rules! trials {
    ($($test:ident),+ $(,)?) => {
        &[$((stringify!($test), $test as fn())),+]
    };
}
pub(crate) use trials;

/// Runs the tests, one after the other, each in a child.
pub fn run(tests: &'static [(&'static str, fn())]) -> ! {
    let mut arguments = Arguments::from_args();
    // One thread: libtest-mimic runs the tests in this one then.
    arguments.test_threads = Some(1);
    let trial = |&(name, test): &(&'static str, fn())| {
        Trial::test(name, move || match child(test).join() {
            WaitStatus::Exited(_, 0) => Ok(()),
            status => Err(Failed::from(format!("{status:?}"))),
        })
    };
    libtest_mimic::run(&arguments, tests.iter().map(trial).collect()).exit()
}

/// A forked child that ends with 0, or with 101 if it panics, or by SIGALRM if it hangs.
pub struct Forked(pub Pid);

#[allow(unsafe_code)]
pub fn child(run: impl FnOnce()) -> Forked {
    // SAFETY: this process has one thread.
    match unsafe { nix::unistd::fork() }.expect("fork") {
        ForkResult::Parent { child } => Forked(child),
        ForkResult::Child => {
            nix::unistd::alarm::set(SECONDS);
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            let code = if ended.is_ok() { 0 } else { 101 };
            // SAFETY: ends the process without running the parent's destructors.
            unsafe { libc::_exit(code) }
        }
    }
}

impl Forked {
    /// How it ended.
    pub fn join(self) -> WaitStatus {
        waitpid(self.0, None).expect("a child")
    }

    pub fn succeed(self) {
        let pid = self.0;
        assert_eq!(self.join(), WaitStatus::Exited(pid, 0));
    }

    /// Makes sure that it ended by the signal.
    pub fn dies_by(self, signal: Signal) {
        match self.join() {
            WaitStatus::Signaled(_, by, _) if by == signal => {}
            other => panic!("expected death by {signal}, got {other:?}"),
        }
    }

    pub fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(self.0, signal).expect("a running child");
    }
}

pub fn tell(writer: &mut PipeWriter) {
    writer.write_all(b"!").expect("somebody listens");
}

pub fn hear(reader: &mut PipeReader) {
    reader.read_exact(&mut [0]).expect("somebody tells");
}

/// Stays until another process ends this one.
pub fn until_killed() {
    loop {
        nix::unistd::pause();
    }
}
