//! Forked children whose system calls a test sees, one by one: it can end the child at any, or have it fail.
//!
//! Tracing goes by registers, so it is there on x86_64 alone. A traced child is forked by the thread that
//! traces it, from a process with one thread.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(unsafe_code, reason = "forking a process is unsafe")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, fork};
use ringway::Config;

/// Whatever still runs after so many seconds hangs.
const SECONDS: u32 = 60;

/// No system call takes these; they tell the tracer where the traced part begins and ends.
const BEGIN: u64 = 991_001;
const END: u64 = 991_002;

/// A system call that the child is about to make, or has just made.
pub struct Call {
    pub number: i64,
    pub arguments: [u64; 4],
    pub is_entry: bool,
    /// What it came to: nothing before it was made.
    pub result: i64,
}

/// What becomes of it.
pub enum Verdict {
    Go,
    /// The child is killed, before or after the call.
    Kill,
    /// Not made, and failed with this error. Only before a call.
    Fail(Errno),
}

/// Whether children can be traced here. Says why not.
pub fn possible() -> bool {
    if !cfg!(target_arch = "x86_64") {
        println!("skipped: system calls are traced on x86_64 only");
        return false;
    }
    match traced(|| {}, |_| Verdict::Go) {
        WaitStatus::Exited(_, 0) => true,
        other => {
            println!("skipped: no child can be traced here ({other:?})");
            false
        }
    }
}

/// From here on, the tracer is asked about every call.
pub fn begin() {
    mark(BEGIN);
}

/// As far as here.
pub fn end() {
    mark(END);
}

fn mark(which: u64) {
    // SAFETY: fails with EINVAL and does nothing: there is no such thing to ask the priority of.
    unsafe { libc::syscall(libc::SYS_getpriority, which, 0) };
}

/// Runs `run` in a child; asks `decide` before and after each call that it makes between [`begin`] and [`end`].
/// Returns how the child ended: with 0 if it ran to its end, 101 if it panicked, 102 if it can't be traced.
pub fn traced(run: impl FnOnce(), mut decide: impl FnMut(&Call) -> Verdict) -> WaitStatus {
    // SAFETY: this process has one thread.
    let child = match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            alarm::set(SECONDS);
            let code = match ptrace::traceme().and_then(|()| raise(Signal::SIGSTOP)) {
                Ok(()) => catch_unwind(AssertUnwindSafe(run)).map_or(101, |()| 0),
                Err(_) => 102,
            };
            // SAFETY: ends the process without running the parent's destructors.
            unsafe { libc::_exit(code) }
        }
    };
    match waitpid(child, None).expect("a child") {
        WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
        other => return other,
    }
    let options = ptrace::Options::PTRACE_O_TRACESYSGOOD | ptrace::Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(child, options).expect("a traced child");
    follow(child, &mut decide)
}

fn follow(child: Pid, decide: &mut impl FnMut(&Call) -> Verdict) -> WaitStatus {
    let (mut asking, mut is_entry, mut failing) = (false, true, None);
    let mut signal = None;
    loop {
        ptrace::syscall(child, signal.take()).expect("a stopped child");
        match waitpid(child, None).expect("a child") {
            WaitStatus::PtraceSyscall(_) => {}
            WaitStatus::Stopped(_, other) => {
                signal = Some(other);
                continue;
            }
            ended => return ended,
        }
        let call = look(child, is_entry);
        if let Some(error) = failing.take() {
            answer(child, error);
        }
        match (call.number, call.arguments[0]) {
            (libc::SYS_getpriority, BEGIN) => asking = !is_entry,
            (libc::SYS_getpriority, END) => asking = false,
            _ if asking => match decide(&call) {
                Verdict::Go => {}
                Verdict::Fail(error) => {
                    suppress(child);
                    failing = Some(error);
                }
                Verdict::Kill => {
                    kill(child, Signal::SIGKILL).expect("a stopped child");
                    return waitpid(child, None).expect("a child");
                }
            },
            _ => {}
        }
        is_entry = !is_entry;
    }
}

#[cfg(target_arch = "x86_64")]
fn look(child: Pid, is_entry: bool) -> Call {
    let registers = ptrace::getregs(child).expect("a stopped child");
    let arguments = [registers.rdi, registers.rsi, registers.rdx, registers.r10];
    Call { number: registers.orig_rax as i64, arguments, is_entry, result: registers.rax as i64 }
}

/// Has the kernel skip the call that the child is about to make.
#[cfg(target_arch = "x86_64")]
fn suppress(child: Pid) {
    let mut registers = ptrace::getregs(child).expect("a stopped child");
    registers.orig_rax = u64::MAX;
    ptrace::setregs(child, registers).expect("a stopped child");
}

/// Has the child see that its call failed.
#[cfg(target_arch = "x86_64")]
fn answer(child: Pid, error: Errno) {
    let mut registers = ptrace::getregs(child).expect("a stopped child");
    registers.rax = -i64::from(error as i32) as u64;
    ptrace::setregs(child, registers).expect("a stopped child");
}

#[cfg(not(target_arch = "x86_64"))]
fn look(_: Pid, is_entry: bool) -> Call {
    Call { number: -1, arguments: [0; 4], is_entry, result: 0 }
}

#[cfg(not(target_arch = "x86_64"))]
fn suppress(_: Pid) {}

#[cfg(not(target_arch = "x86_64"))]
fn answer(_: Pid, _: Errno) {}

/// Whether a call opens a file without a name.
pub fn opens_unnamed(call: &Call) -> bool {
    let flag = libc::O_TMPFILE as u64;
    call.number == libc::SYS_openat && call.arguments[2] & flag == flag
}

/// Runs the tests on the main thread, one after the other.
pub fn run(tests: Vec<(String, Box<dyn FnOnce() + Send>)>) {
    let mut arguments = Arguments::from_args();
    // One thread: libtest-mimic runs the tests in this one then.
    arguments.test_threads = Some(1);
    let trial = |(name, test): (String, Box<dyn FnOnce() + Send>)| {
        Trial::test(name, move || {
            if possible() {
                catch_unwind(AssertUnwindSafe(test)).map_err(|_| Failed::from("panicked, see above"))?;
            }
            Ok(())
        })
    };
    libtest_mimic::run(&arguments, tests.into_iter().map(trial).collect()).exit();
}

/// A small ring: five sections of a page each.
pub fn small() -> Config {
    Config::new().slots(8).payload_capacity(48).max_consumers(2)
}

/// The files of a directory, by name.
pub fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).expect("a readable directory");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("UTF-8");
            (name, std::fs::read(entry.path()).expect("a readable file"))
        })
        .collect()
}
