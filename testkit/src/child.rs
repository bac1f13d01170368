//! Forked children of a test's own.
//!
//! # Safety
//! Only a process with one thread forks: the test programs that use this have no test threads
//! ([`harness`](crate::harness)). A child may therefore do whatever its parent may. It ends by `_exit`, so that none of
//! the parent's destructors runs twice. No guard, claim or batch that the parent has borrowed is used in the child.

#![allow(unsafe_code, reason = "forking a process is unsafe")]

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, pause};
use ringway::anon;

/// A process that still runs after so many seconds hangs, and is ended by `SIGALRM`.
const SECONDS: u32 = 600;

/// The exit code of a test that ran to its end: no accident ends with it.
const DONE: i32 = 77;

/// A child that was forked by `fork(2)` alone.
pub struct Child(Pid);

/// Forks a child that ends with 0 once it has run, or with 101 if it panics, or by `SIGALRM` if it hangs.
pub fn child(run: impl FnOnce()) -> Child {
    forked(run, 0)
}

/// Forks a child by [`ringway::anon::fork`], which ends with the code that it returns, or by `SIGALRM` if it hangs.
/// Dropping the handle kills it.
pub fn fork(run: impl FnOnce() -> i32) -> anon::Child {
    // SAFETY: see `# Safety` above.
    let child = unsafe {
        anon::fork(|| {
            set_alarm();
            run()
        })
    };
    child.expect("a process with one thread")
}

/// The same, of a child that ends with 0 once it has run.
pub fn apart(run: impl FnOnce()) -> anon::Child {
    fork(|| {
        run();
        0
    })
}

/// Has this process ended if it hangs.
pub(crate) fn set_alarm() {
    alarm::set(SECONDS);
}

/// Runs a test in a child. Says how the child ended, if it didn't run to the test's end.
pub(crate) fn runs_to_its_end(test: impl FnOnce()) -> Result<(), String> {
    // Else the child would print what this process has not printed yet.
    std::io::stdout().flush().expect("an open standard output");
    match forked(test, DONE).join() {
        WaitStatus::Exited(_, DONE) => Ok(()),
        WaitStatus::Exited(_, code) => Err(format!("ended with {code}, not with {DONE}")),
        status => Err(format!("ended by {status:?}")),
    }
}

fn forked(run: impl FnOnce(), code: i32) -> Child {
    // SAFETY: see `# Safety` above.
    match unsafe { nix::unistd::fork() }.expect("fork") {
        ForkResult::Parent { child } => Child(child),
        ForkResult::Child => {
            set_alarm();
            let code = catch_unwind(AssertUnwindSafe(run)).map_or(101, |()| code);
            // SAFETY: ends the process without running the parent's destructors.
            unsafe { libc::_exit(code) }
        }
    }
}

impl Child {
    /// The process's number.
    pub fn pid(&self) -> Pid {
        self.0
    }

    /// Waits until it has ended. Returns how it ended.
    pub fn join(self) -> WaitStatus {
        waitpid(self.0, None).expect("a child")
    }

    /// Waits until it has ended, and asserts that it found nothing wrong.
    pub fn succeed(self) {
        let pid = self.0;
        assert_eq!(self.join(), WaitStatus::Exited(pid, 0));
    }

    /// Waits until it has ended, and asserts that this signal ended it.
    pub fn dies_by(self, signal: Signal) {
        match self.join() {
            WaitStatus::Signaled(_, by, _) if by == signal => {}
            other => panic!("expected death by {signal}, got {other:?}"),
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.0, signal).expect("a running child");
    }

    /// Kills it, and waits until it is gone.
    pub fn kill(self) {
        self.signal(Signal::SIGKILL);
        self.dies_by(Signal::SIGKILL);
    }
}

/// Tells the process at the other end to go on.
pub fn tell(writer: &mut PipeWriter) {
    writer.write_all(b"!").expect("a process that listens");
}

/// Waits until a process at the other end tells this one to go on.
pub fn hear(reader: &mut PipeReader) {
    reader.read_exact(&mut [0]).expect("a process that tells");
}

/// Stays until another process ends this one.
pub fn until_killed() -> ! {
    loop {
        pause();
    }
}
