//! Traced children, each forked from the same process in the same state, so that one runs like another.
//!
//! The nursery is a process that does nothing but fork a child for each order that it gets. It allocates
//! nothing and takes no role, so a child starts with the same heap and the same descriptors each time.

#![allow(unsafe_code, reason = "forking a process is unsafe")]

use std::cell::Cell;
use std::mem::offset_of;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe2, read, write};

use testkit::TestRing;

/// What a child does. It gets the number of a message, and the descriptor on which it may tell of findings.
pub type Task = fn(&TestRing, u64, BorrowedFd<'_>);

const ORDER: usize = 16;

/// Makes children.
pub struct Nursery {
    pid: Pid,
    orders: OwnedFd,
    findings: OwnedFd,
}

impl Nursery {
    /// A nursery of children that use `ring`.
    pub fn new(ring: &TestRing) -> Self {
        let (theirs, orders) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).expect("a pipe");
        let (findings, told) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).expect("a pipe");
        // SAFETY: the process has one thread, so the child may do whatever the parent may; it never returns.
        match unsafe { fork() }.expect("a process more") {
            ForkResult::Child => {
                drop((orders, findings));
                serve(ring, &theirs, &told)
            }
            ForkResult::Parent { child } => {
                let options = Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_EXITKILL;
                ptrace::seize(child, options).expect("a child may be traced");
                Self { pid: child, orders, findings }
            }
        }
    }

    /// A child that runs `task`, stopped before it starts.
    pub fn start(&self, task: Task, seq: u64) -> Tracee {
        let mut order = [0; ORDER];
        order[..8].copy_from_slice(&(task as usize).to_ne_bytes());
        order[8..].copy_from_slice(&seq.to_ne_bytes());
        assert_eq!(write(&self.orders, &order), Ok(ORDER));
        let forked = WaitStatus::PtraceEvent(self.pid, Signal::SIGTRAP, Event::PTRACE_EVENT_FORK as i32);
        loop {
            match wait(self.pid) {
                stop if is_job_control(stop) => ptrace::cont(self.pid, None).expect("a stopped nursery"),
                other => break assert_eq!(other, forked, "the nursery forks"),
            }
        }
        let child = ptrace::getevent(self.pid).expect("a stopped nursery");
        ptrace::cont(self.pid, None).expect("a stopped nursery");
        let tracee = Tracee { pid: Pid::from_raw(child as libc::pid_t), gone: Cell::new(false) };
        let stopped = WaitStatus::PtraceEvent(tracee.pid, Signal::SIGTRAP, Event::PTRACE_EVENT_STOP as i32);
        assert_eq!(wait(tracee.pid), stopped, "a child starts stopped");
        tracee
    }

    /// What a child that has ended told.
    pub fn findings(&self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        assert_eq!(read(&self.findings, &mut bytes), Ok(length));
        bytes
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = waitpid(self.pid, None);
    }
}

/// The nursery's life.
fn serve(ring: &TestRing, orders: &OwnedFd, told: &OwnedFd) -> ! {
    // SAFETY: no handler. Children that have ended vanish.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.expect("a signal that may be ignored");
    loop {
        let mut order = [0; ORDER];
        match read(orders, &mut order) {
            Ok(ORDER) => {}
            Err(Errno::EINTR) => continue,
            // SAFETY: ends the process here and now.
            _ => unsafe { libc::_exit(0) },
        }
        // SAFETY: as above.
        if let Ok(ForkResult::Child) = unsafe { fork() } {
            let [task, seq] = [0, 8].map(|at| u64::from_ne_bytes(order[at..at + 8].try_into().unwrap()));
            // SAFETY: the parent, which is this program, sent the address of a `Task`, and this process has
            // the parent's address space.
            let task = unsafe { std::mem::transmute::<usize, Task>(task as usize) };
            let run = || task(ring, seq, told.as_fd());
            let code = i32::from(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
            // SAFETY: as above.
            unsafe { libc::_exit(code) }
        }
    }
}

/// Why a tracee stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// At a breakpoint, or after a step.
    Trap,
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Killed(Signal),
}

/// A traced child. Dropping it kills it.
pub struct Tracee {
    pid: Pid,
    gone: Cell<bool>,
}

impl Tracee {
    /// The address of the instruction that it stands before.
    pub fn pc(&self) -> u64 {
        let offset = offset_of!(libc::user, regs) + offset_of!(libc::user_regs_struct, rip);
        ptrace::read_user(self.pid, offset as *mut _).expect("a stopped child") as u64
    }

    /// Runs one instruction.
    pub fn step(&self) -> Stop {
        self.resume(ptrace::step)
    }

    /// Runs until it stops.
    pub fn run(&self) -> Stop {
        self.resume(ptrace::cont)
    }

    /// Runs until it has met the instruction at `address` so many times, and stands before it. False if it
    /// stopped elsewhere.
    pub fn run_to(&self, address: u64, meetings: u32) -> bool {
        // Register 7 enables the breakpoint of register 0, for instructions.
        let set = self.debug_register(0, address) && self.debug_register(7, 1);
        let met = set && (0..meetings).all(|_| self.run() == Stop::Trap && self.pc() == address);
        met && self.debug_register(7, 0)
    }

    /// Kills it, and waits until it is gone.
    pub fn kill(self) {
        drop(self);
    }

    /// The word at `address` of its memory.
    pub fn word(&self, address: usize) -> u64 {
        ptrace::read(self.pid, address as *mut _).expect("a stopped child's memory") as u64
    }

    /// Lets it run to its end. Returns how it ended.
    pub fn finish(self) -> Stop {
        loop {
            match self.run() {
                Stop::Trap => {}
                ended => return ended,
            }
        }
    }

    /// Has it go on, by `how`, until it stops.
    fn resume(&self, how: fn(Pid, Option<Signal>) -> nix::Result<()>) -> Stop {
        let stop = loop {
            how(self.pid, None).expect("a stopped child");
            match wait(self.pid) {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => break Stop::Trap,
                stop if is_job_control(stop) => {}
                WaitStatus::Exited(_, code) => break Stop::Exited(code),
                WaitStatus::Signaled(_, signal, _) => break Stop::Killed(signal),
                other => panic!("a traced child: {other:?}"),
            }
        };
        self.gone.set(stop != Stop::Trap);
        stop
    }

    fn debug_register(&self, number: usize, value: u64) -> bool {
        let offset = offset_of!(libc::user, u_debugreg) + 8 * number;
        ptrace::write_user(self.pid, offset as *mut _, value as i64).is_ok()
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        if !self.gone.get() {
            kill(self.pid, Signal::SIGKILL).expect("a child");
            let killed = WaitStatus::Signaled(self.pid, Signal::SIGKILL, false);
            assert_eq!(wait(self.pid), killed);
        }
    }
}

/// Whether a tracee stopped, or was to go on, as a user has it do with Ctrl-Z and `fg`. It goes on at once.
fn is_job_control(stop: WaitStatus) -> bool {
    matches!(
        stop,
        WaitStatus::Stopped(_, Signal::SIGSTOP | Signal::SIGTSTP | Signal::SIGCONT)
            | WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_STOP)
    )
}

fn wait(pid: Pid) -> WaitStatus {
    loop {
        match waitpid(pid, Some(WaitPidFlag::__WALL)) {
            Err(Errno::EINTR) => {}
            other => return other.expect("a child"),
        }
    }
}

/// Whether this process may trace its children.
pub fn permitted() -> nix::Result<()> {
    // SAFETY: the process has one thread, and the child does nothing but wait for its end.
    let child = match unsafe { fork() }? {
        ForkResult::Child => loop {
            nix::unistd::pause();
        },
        ForkResult::Parent { child } => child,
    };
    let seized = ptrace::seize(child, Options::empty());
    kill(child, Signal::SIGKILL)?;
    wait(child);
    seized
}
