//! Other processes that play a role: forked children, and this program started anew.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read, Write, pipe};
use std::ops::{Deref, DerefMut};
use std::os::fd::AsRawFd;
use std::process::{Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, close};
use ringway::anon::Child;

use crate::child::{apart, set_alarm};
use crate::{Kind, TestRing};

/// Tell a program that was started anew which role it plays, and where.
const ROLE: &str = "RINGWAY_TEST_ROLE";
const KIND: &str = "RINGWAY_TEST_KIND";
const PATH: &str = "RINGWAY_TEST_PATH";

/// What another process does with the ring.
pub type Role = (&'static str, fn(&TestRing, &mut Post));

/// A role, by the name of its function.
#[macro_export]
macro_rules! role {
    ($function:ident) => {
        (stringify!($function), $function as fn(&$crate::TestRing, &mut $crate::Post))
    };
}

/// Plays the role that the environment names, if it names one.
pub fn play(roles: &[Role]) -> bool {
    let Ok(name) = std::env::var(ROLE) else { return false };
    set_alarm();
    let (_, role) = roles.iter().find(|(known, _)| *known == name).expect("a role of this program");
    let kind = std::env::var(KIND).expect("a kind with the role");
    let kind = Kind::ALL.into_iter().find(|known| format!("{known:?}") == kind).expect("a kind");
    let ring = kind.open(std::env::var_os(PATH).expect("a path with the role").into());
    role(&ring, &mut Post::new(io::stdin(), io::stdout()));
    true
}

/// One end of the pipes between two processes: lines of text, each way.
pub struct Post {
    from: Box<dyn BufRead>,
    to: Box<dyn Write>,
}

impl Post {
    fn new(from: impl Read + 'static, to: impl Write + 'static) -> Self {
        Self { from: Box::new(BufReader::new(from)), to: Box::new(to) }
    }

    /// Sends a line.
    pub fn say(&mut self, what: impl Display) {
        writeln!(self.to, "{what}").and_then(|()| self.to.flush()).expect("the other process listens");
    }

    /// Waits for a line.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        let length = self.from.read_line(&mut line).expect("a line of text");
        assert_ne!(length, 0, "the other process ended");
        line.trim_end().into()
    }

    /// Waits for a line that is a number.
    pub fn hear_number(&mut self) -> u64 {
        self.hear().parse().expect("a number")
    }

    /// Waits until the other process can't say anything any more.
    pub fn hear_the_end(&mut self) {
        let mut line = String::new();
        assert_eq!(self.from.read_line(&mut line).expect("a line of text"), 0, "{line}");
    }

    /// Waits until the other process says `what`.
    pub fn expect(&mut self, what: &str) {
        assert_eq!(self.hear(), what);
    }
}

/// A process that plays a role. Dropping it kills it.
pub struct Peer {
    process: Process,
    post: Post,
}

enum Process {
    Forked(Child),
    Started(std::process::Child),
}

impl TestRing {
    /// Starts a process that plays `role` on this ring.
    pub fn start(&self, (name, role): Role) -> Peer {
        match self {
            TestRing::Anonymous(_) => fork_peer(self, role),
            TestRing::File { kind, path, .. } => {
                let mut child = Command::new(std::env::current_exe().expect("this program's path"))
                    .envs([(ROLE, name), (KIND, &format!("{kind:?}"))])
                    .env(PATH, path)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("this program starts anew");
                let (from, to) = (child.stdout.take().expect("a pipe"), child.stdin.take().expect("a pipe"));
                Peer { process: Process::Started(child), post: Post::new(from, to) }
            }
        }
    }
}

fn fork_peer(ring: &TestRing, role: fn(&TestRing, &mut Post)) -> Peer {
    let ((from, theirs_to), (theirs_from, to)) = (pipe().expect("a pipe"), pipe().expect("a pipe"));
    let ours = [from.as_raw_fd(), to.as_raw_fd()];
    let child = apart(move || {
        // Else this process would never see the end of what the other one says.
        for fd in ours {
            close(fd).expect("a copy of the parent's");
        }
        role(ring, &mut Post::new(theirs_from, theirs_to));
    });
    Peer { process: Process::Forked(child), post: Post::new(from, to) }
}

impl Peer {
    /// The process's number.
    pub fn pid(&self) -> u32 {
        match &self.process {
            Process::Forked(child) => child.id(),
            Process::Started(child) => child.id(),
        }
    }

    /// Waits until the process has ended, and asserts that it found nothing wrong.
    pub fn succeed(mut self) {
        let status = self.wait();
        assert!(status.success(), "the other process: {status}");
    }

    /// Kills the process, and waits until it is gone.
    pub fn kill(mut self) {
        self.kill_alone();
    }

    /// Does the same, and leaves its children, which share its pipes, something to hear.
    pub fn kill_alone(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait();
    }

    /// Waits until the process has killed itself.
    pub fn die(mut self) {
        let status = self.wait();
        assert!(!status.success(), "the other process lives: {status}");
    }

    /// Stops the process, and waits until it has stopped.
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        let status = waitpid(self.raw(), Some(WaitPidFlag::WUNTRACED)).expect("a child");
        assert_eq!(status, WaitStatus::Stopped(self.raw(), Signal::SIGSTOP));
    }

    /// Lets a stopped process go on.
    pub fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        kill(self.raw(), signal).expect("a child");
    }

    fn raw(&self) -> Pid {
        Pid::from_raw(self.pid().try_into().expect("a process's number"))
    }

    fn wait(&mut self) -> ExitStatus {
        match &mut self.process {
            Process::Forked(child) => child.wait(),
            Process::Started(child) => child.wait(),
        }
        .expect("a child")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A forked child's own handle does the same.
        if let Process::Started(child) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Deref for Peer {
    type Target = Post;

    fn deref(&self) -> &Post {
        &self.post
    }
}

impl DerefMut for Peer {
    fn deref_mut(&mut self) -> &mut Post {
        &mut self.post
    }
}
