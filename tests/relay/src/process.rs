//! The processes of the relay, and the lines of JSON that they print.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Bounds every wait for a line, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a process does in the relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The Rust producer of the first ring.
    Producer,
    /// The C program that consumes the first ring and publishes into the second.
    Relay,
    /// The Python consumer of the second ring.
    Python,
    /// The tokio consumer of the second ring.
    Tokio,
}

impl Role {
    /// All of them, the last readers first.
    pub const ALL: [Role; 4] = [Role::Python, Role::Tokio, Role::Relay, Role::Producer];

    /// As it is called in the report.
    pub fn name(self) -> &'static str {
        match self {
            Role::Producer => "Rust producer",
            Role::Relay => "C relay",
            Role::Python => "Python consumer",
            Role::Tokio => "tokio consumer",
        }
    }
}

/// The programs, and the rings between them.
#[derive(Debug)]
pub struct Chain {
    /// The C program.
    pub relay: PathBuf,
    /// A Python that has the package `ringway`.
    pub python: PathBuf,
    /// The ring that the producer publishes to.
    pub first: PathBuf,
    /// The ring that the relay publishes to.
    pub second: PathBuf,
}

impl Chain {
    /// Starts the process of `role`; the producer ends after `messages`, if there's such a number.
    pub fn start(&self, role: Role, messages: Option<u64>) -> Result<Process> {
        let itself = std::env::current_exe()?;
        let mut command = match role {
            Role::Producer => {
                let mut command = Command::new(itself);
                command.arg("produce").arg(&self.first);
                command.args(messages.map(|messages| format!("--messages={messages}")));
                command
            }
            Role::Relay => {
                let mut command = Command::new(&self.relay);
                command.arg(&self.first).arg(&self.second);
                command
            }
            Role::Python => {
                let mut command = Command::new(&self.python);
                command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("consume.py")).arg(&self.second);
                command
            }
            Role::Tokio => {
                let mut command = Command::new(itself);
                command.arg("consume").arg(&self.second);
                command
            }
        };
        Process::start(role, &mut command)
    }
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    role: Role,
    child: Child,
    lines: Receiver<Value>,
}

impl Process {
    fn start(role: Role, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't start the {}: {command:?}", role.name()))?;
        let stdout = child.stdout.take().expect("it was asked for");
        let (sender, lines) = channel();
        thread::spawn(move || read_lines(stdout, |line| sender.send(line).is_ok()));
        Ok(Self { role, child, lines })
    }

    /// The next line with `key`, and those before it.
    ///
    /// # Errors
    /// If the process ends without one.
    pub fn until(&mut self, key: &str) -> Result<Vec<Value>> {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    let found = line.get(key).is_some();
                    lines.push(line);
                    if found {
                        return Ok(lines);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("the {} says nothing for {PATIENCE:?}, expected {key:?}", self.role.name())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    bail!("the {} ended with {status}, expected a line with {key:?}", self.role.name())
                }
            }
        }
    }

    /// Kills the process, which must be running, and returns the lines that weren't asked for.
    pub fn kill(mut self) -> Result<Vec<Value>> {
        ensure!(self.child.try_wait()?.is_none(), "the {} ended by itself", self.role.name());
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.lines.iter().collect())
    }

    /// Asks the process to end.
    pub fn ask_to_end(&self) -> Result<()> {
        Ok(kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?)
    }

    /// Waits until the process ends by itself, and returns its lines; the last one is its report.
    pub fn finish(mut self) -> Result<Vec<Value>> {
        let mut lines = self.until("sum")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the {} ended with {status}", self.role.name());
        lines.extend(self.lines.iter());
        Ok(lines)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A run that failed leaves nothing behind. Of a process that has ended there's nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(stdout: ChildStdout, mut each: impl FnMut(Value) -> bool) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        // A process that is killed may leave half a line.
        let Ok(line) = serde_json::from_str(&line) else { continue };
        if !each(line) {
            return;
        }
    }
}
