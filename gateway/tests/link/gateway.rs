//! A gateway process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

pub use crate::port::free_port;
use crate::reader::wait_for;

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_ringway-gateway");

/// One test at a time.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder in shared memory.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("ringway-link.").tempdir_in("/dev/shm").unwrap()
}

/// A port on loopback, as Zenoh's endpoint.
pub fn endpoint(port: u16) -> String {
    format!("tcp/127.0.0.1:{port}")
}

/// A gateway process, or a keeper and its gateway.
pub struct Gateway {
    child: Child,
    arguments: Vec<String>,
    log: PathBuf,
    /// The last gateway of the keeper that was killed.
    killed: Option<u32>,
    /// The network namespace that it runs in, if it isn't this one.
    host: Option<String>,
}

impl Gateway {
    /// Starts a gateway that logs to the file `log`.
    pub fn start(log: &Path, arguments: &[&str]) -> Self {
        Self::start_on(None, log, arguments)
    }

    /// Starts a gateway in this network namespace.
    pub fn start_on(host: Option<&str>, log: &Path, arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let host = host.map(Into::into);
        let child = spawn(host.as_deref(), log, &arguments);
        Self { child, arguments, log: log.into(), killed: None, host }
    }

    /// Exports a ring as "link".
    pub fn export(log: &Path, ring: &Path, port: u16, more: &[&str]) -> Self {
        let (ring, listen) = (ring.to_str().unwrap(), endpoint(port));
        let mut arguments = vec!["export", ring, "--as", "link", "--listen", &listen];
        arguments.extend(more);
        Self::start(log, &arguments)
    }

    /// Imports "link".
    pub fn import(log: &Path, mirror: &Path, port: u16, more: &[&str]) -> Self {
        let (mirror, connect) = (mirror.to_str().unwrap(), endpoint(port));
        let mut arguments = vec!["import", "link", mirror, "--connect", &connect];
        arguments.extend(more);
        Self::start(log, &arguments)
    }

    fn is_kept(&self) -> bool {
        self.arguments.iter().any(|argument| argument == "--keeper")
    }

    /// The process that carries messages.
    pub fn pid(&self) -> u32 {
        if !self.is_kept() {
            return self.child.id();
        }
        wait_for("the keeper's gateway", || self.kept().filter(|pid| Some(*pid) != self.killed))
    }

    /// The gateway that the keeper has started last.
    fn kept(&self) -> Option<u32> {
        let log = self.log();
        let line = log.lines().rev().find_map(|line| line.strip_prefix("keeper: the gateway is process "))?;
        line.parse().ok()
    }

    /// Kills the process that carries messages. It is started again: by its keeper, or by this.
    pub fn kill(&mut self) {
        if self.is_kept() {
            let pid = self.pid();
            signal(pid, "KILL");
            self.killed = Some(pid);
        } else {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
            self.child = spawn(self.host.as_deref(), &self.log, &self.arguments);
        }
    }

    /// Ends the process as an administrator does.
    pub fn end(mut self) {
        signal(self.child.id(), "TERM");
        let status = wait_for("the end of a gateway", || self.child.try_wait().unwrap());
        assert!(status.success(), "{}", self.log());
    }

    /// Stops the gateway by SIGSTOP.
    pub fn stop(&self) {
        signal(self.pid(), "STOP");
    }

    /// Lets a stopped gateway continue.
    pub fn go_on(&self) {
        signal(self.pid(), "CONT");
    }

    /// The gateway's log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A number of bytes from /proc/PID/status, such as `VmHWM`, the peak of resident memory.
    pub fn memory(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).unwrap();
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kilobytes * 1024
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // The keeper ends first, because it would start another gateway.
        let kept = self.is_kept().then(|| self.kept()).flatten();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(pid) = kept.filter(|pid| Some(*pid) != self.killed) {
            signal(pid, "KILL");
        }
        if std::thread::panicking() {
            eprintln!("{:?}\n{}", self.arguments, self.log());
        }
    }
}

fn spawn(host: Option<&str>, log: &Path, arguments: &[String]) -> Child {
    let log = File::options().create(true).append(true).open(log).unwrap();
    let mut command = program_on(host);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// The program, in this network namespace.
pub fn program_on(host: Option<&str>) -> Command {
    let Some(host) = host else { return Command::new(PROGRAM) };
    let mut command = Command::new("ip");
    command.args(["netns", "exec", host, PROGRAM]);
    command
}

/// Sends a signal. The process may be gone.
pub fn signal(pid: u32, signal: &str) {
    let _ = Command::new("sh").arg("-c").arg(format!("kill -{signal} {pid}")).stderr(Stdio::null()).status();
}

/// The status of "link", asked over `port`.
pub fn status(port: u16) -> Option<Value> {
    let output = Command::new(PROGRAM)
        .args(["status", "link", "--json", "--connect", &endpoint(port)])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).ok()
}
