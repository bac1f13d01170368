//! Processes of a test's own. Only a process with one thread can be forked safely.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};
use nix::mount::MsFlags;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};

/// Whatever hangs, hangs no longer than this.
const SECONDS: u32 = 60;

/// Runs each test in a child.
pub fn run(tests: &[(&'static str, fn())]) {
    let mut arguments = Arguments::from_args();
    // One thread: libtest-mimic runs the tests in this one then.
    arguments.test_threads = Some(1);
    let trial = |&(name, test): &(&'static str, fn())| {
        Trial::test(name, move || match child(test).join() {
            0 => Ok(()),
            code => Err(Failed::from(format!("ended with {code}"))),
        })
    };
    libtest_mimic::run(&arguments, tests.iter().map(trial).collect()).exit();
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
    /// Its exit code, or the number of the signal that ended it, negated.
    pub fn join(self) -> i32 {
        match waitpid(self.0, None).expect("a child") {
            WaitStatus::Exited(_, code) => code,
            WaitStatus::Signaled(_, signal, _) => -(signal as i32),
            other => panic!("{other:?}"),
        }
    }

    pub fn succeed(self) {
        assert_eq!(self.join(), 0);
    }

    pub fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(self.0, signal).expect("a running child");
    }

    pub fn kill(self) {
        self.signal(Signal::SIGKILL);
        assert_eq!(self.join(), -libc::SIGKILL);
    }
}

pub fn tell(writer: &mut PipeWriter) {
    writer.write_all(b"!").expect("somebody listens");
}

pub fn hear(reader: &mut PipeReader) {
    reader.read_exact(&mut [0]).expect("somebody tells");
}

/// Gives this process mounts of its own; says why if it can't.
pub fn own_mounts() -> bool {
    let none = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let done =
        unshare(CloneFlags::CLONE_NEWNS).and_then(|()| nix::mount::mount(none, "/", none, private, none));
    if let Err(error) = done {
        println!("skipped: no mount namespace ({error})");
    }
    done.is_ok()
}

/// Mounts a file system, after [`own_mounts`]; says why if it can't.
pub fn mount(kind: &str, target: &Path, flags: MsFlags, options: &str) -> bool {
    let mounted = nix::mount::mount(Some(kind), target, Some(kind), flags, Some(options));
    if let Err(error) = mounted {
        println!("skipped: {kind} can't be mounted ({error})");
    }
    mounted.is_ok()
}
