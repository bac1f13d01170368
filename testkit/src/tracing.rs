//! Forked children whose system calls a test sees, one by one: it can end the child at any, or have it fail.
//!
//! Tracing goes by registers, so it is there on x86_64 alone. A traced child is forked by the thread that
//! traces it, from a process with one thread.
//!
//! # Safety
//! The child is forked from a process with one thread, and ends by `_exit`. The marks of [`begin`] and [`end`] are
//! system calls that take no address.

#![allow(unsafe_code, reason = "forking a process is unsafe")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::sched::sched_getcpu;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, fork};

use crate::cores;
use crate::harness::{self, here};

/// Whatever still runs after so many seconds hangs.
const SECONDS: u32 = 600;

/// No system call takes these; they tell the tracer which calls are the first and the last.
const BEGIN: u64 = 991_001;
const END: u64 = 991_002;

/// A system call that the child is about to make, or has just made.
pub struct Call {
    /// Which one.
    pub number: i64,
    /// Its first arguments.
    pub arguments: [u64; 4],
    /// Whether it is about to be made.
    pub is_entry: bool,
    /// What it came to: nothing before it was made.
    pub result: i64,
}

/// What becomes of it.
pub enum Verdict {
    /// It goes on.
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

/// From here on, the tracer is asked about every call. Without a tracer, the signal ends the process.
pub fn begin() {
    // Until it comes, no call stops the child: a stop takes longer than most calls.
    raise(Signal::SIGTRAP).expect("a signal to oneself");
    // The call that sends the signal may not be the last of the library's function.
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
    let _bound = Bound::here();
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

/// Binds tracer and child to the processor that the tracer runs on, and lets the tracer go in the end. The two take
/// turns: on one processor a turn is a mere switch.
struct Bound(Vec<usize>);

impl Bound {
    fn here() -> Self {
        let before = cores::usable().expect("this process's processors");
        cores::bind(sched_getcpu().expect("a processor")).expect("a usable processor");
        Self(before)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        cores::restrict(&self.0).expect("the processors of before");
    }
}

fn follow(child: Pid, decide: &mut impl FnMut(&Call) -> Verdict) -> WaitStatus {
    let (mut stopping, mut asking, mut is_entry, mut failing) = (false, false, true, None);
    let mut signal = None;
    loop {
        let go_on = if stopping { ptrace::syscall } else { ptrace::cont };
        go_on(child, signal.take()).expect("a stopped child");
        match waitpid(child, None).expect("a child") {
            WaitStatus::PtraceSyscall(_) => {}
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {
                (stopping, is_entry) = (true, true);
                continue;
            }
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
            (libc::SYS_getpriority, END) => (stopping, asking) = (false, false),
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

/// Runs the tests on the main thread, one after the other, where children can be traced; then ends the program.
pub fn run(tests: Vec<(String, Box<dyn FnOnce() + Send>)>) -> ! {
    let trial = |(name, test): (String, Box<dyn FnOnce() + Send>)| {
        here(name, move || {
            if possible() {
                test();
            }
        })
    };
    harness::run(tests.into_iter().map(trial).collect())
}
