//! Running the tools as a user does: as processes, with pipes and signals.

// Each test program uses a part of this.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// Bounds a hang; no test waits this long for what it expects.
const HANG: Duration = Duration::from_secs(60);
/// Pause between two looks at something that another process is about to do.
const LOOK: Duration = Duration::from_millis(2);

/// A directory for rings, which must be empty in the end but for the rings that a test makes itself.
pub fn directory() -> TempDir {
    TempDir::with_prefix_in("ipc-tools-test.", "/dev/shm").expect("/dev/shm can be written")
}

/// Looks until `what` gives something.
pub fn until<T>(description: &str, mut what: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(began.elapsed() < HANG, "still waiting: {description}");
        thread::sleep(LOOK);
    }
}

/// A tool being run. It is killed if the test is done with it before it ended.
pub struct Run {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<String>>,
}

/// How a tool ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ended {
    /// Asserts the exit code.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{:?}, stderr: {}", self.status, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Asserts that stderr has all of the words.
    #[track_caller]
    pub fn saying(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "expected {word:?} in stderr: {}", self.stderr);
        }
        self
    }

    /// The JSON object on stderr.
    #[track_caller]
    pub fn summary(&self) -> Value {
        serde_json::from_str(self.stderr.lines().next().unwrap_or_default()).expect(&self.stderr)
    }
}

impl Run {
    pub fn of<A: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = A>) -> Self {
        Self::to(Stdio::piped(), program, args)
    }

    /// As [`of`](Self::of), with `stdout` for the tool's.
    fn to<A: AsRef<OsStr>>(stdout: Stdio, program: &str, args: impl IntoIterator<Item = A>) -> Self {
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdin = child.stdin.take();
        // Read all along, so that a chatty tool never blocks.
        let mut pipe = child.stderr.take().expect("stderr is a pipe");
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("stderr is text");
            text
        });
        Self { child, stdin, stdout: None, stderr: Some(stderr) }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// Writes to the tool's stdin, which stays open.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().expect("stdin is open").write_all(bytes).expect("the tool reads");
    }

    /// Writes to the tool's stdin from another thread, then closes it; the tool need not read it all.
    pub fn feed_all(&mut self, bytes: Vec<u8>) {
        let mut stdin = self.stdin.take().expect("stdin is open");
        thread::spawn(move || {
            let _ = stdin.write_all(&bytes);
        });
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Starts to read the tool's stdout, for when it ends.
    pub fn collect(&mut self) {
        if let Some(mut stdout) = self.child.stdout.take() {
            self.stdout = Some(thread::spawn(move || {
                let mut bytes = Vec::new();
                stdout.read_to_end(&mut bytes).expect("stdout can be read");
                bytes
            }));
        }
    }

    /// The tool's stdout, to be read or closed.
    pub fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("stdout is there")
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the tool runs");
    }

    /// Stops the tool, and waits until the system has done so.
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        until("the tool to be stopped", || (state(self.pid()) == 'T').then_some(()));
    }

    /// Waits for the tool to end, reading what it writes. Its stdin is closed.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        self.close_stdin();
        self.collect();
        let status = until("the tool to end", || self.child.try_wait().expect("the tool is a child"));
        Ended {
            status,
            stdout: self
                .stdout
                .take()
                .map(|reader| reader.join().expect("stdout was read"))
                .unwrap_or_default(),
            stderr: self
                .stderr
                .take()
                .map(|reader| reader.join().expect("stderr was read"))
                .unwrap_or_default(),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// State of a process, as in `ps`.
pub fn state(pid: Pid) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap_or('?')
}

/// Reads exactly as many bytes, and gives the stream back for more.
#[track_caller]
pub fn read_exactly(mut stdout: ChildStdout, n: usize) -> (Vec<u8>, ChildStdout) {
    let reader = thread::spawn(move || {
        let mut bytes = vec![0; n];
        stdout.read_exact(&mut bytes).map(|()| (bytes, stdout))
    });
    until("the tool to write", || reader.is_finished().then_some(()));
    reader.join().expect("the stream was read").expect("the tool writes")
}

/// A ring's path, and the commands on it.
pub struct Ring {
    pub path: PathBuf,
}

impl Ring {
    pub fn at(directory: &Path, name: &str) -> Self {
        Self { path: directory.join(name) }
    }

    /// Starts `ringway COMMAND RING ARGS`.
    pub fn run(&self, command: &str, args: &[&str]) -> Run {
        self.run_to(command, args, Stdio::piped())
    }

    /// As [`run`](Self::run), with `stdout` for the command's.
    pub fn run_to(&self, command: &str, args: &[&str], stdout: impl Into<Stdio>) -> Run {
        let all = [OsStr::new(command), self.path.as_os_str()].into_iter().chain(args.iter().map(OsStr::new));
        Run::to(stdout.into(), env!("CARGO_BIN_EXE_ringway"), all)
    }

    /// Starts a `sub`, and a `pub` that waits for it. Whichever is first makes the ring.
    pub fn pair(&self, shape: &[&str], publish: &[&str]) -> (Run, Run) {
        let mut sub = self.run("sub", &[shape, &["--json"]].concat());
        sub.collect();
        (sub, self.run("pub", &[shape, publish, &["--wait-for", "1", "--json"]].concat()))
    }

    pub fn info(&self) -> Option<Value> {
        let ended = self.run("info", &["--json", "--interval", "0s"]).end();
        ended.status.success().then(|| serde_json::from_slice(&ended.stdout).expect("info writes JSON"))
    }

    /// Waits until so many messages are published.
    pub fn until_head(&self, head: u64) {
        until("messages to be published", || (self.info()?["head"].as_u64()? >= head).then_some(()));
    }
}

/// Bytes without a pattern, the same each time.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
