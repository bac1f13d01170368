//! Programs in C: compiled, and spoken with.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

/// Bounds a hang, in seconds.
const LIMIT: &str = "240";
/// As a caller's own code would be compiled.
pub const C: &[&str] = &["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2"];
pub const CPP: &[&str] = &["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-O2", "-x", "c++"];
pub const CLANG: &[&str] = &["clang", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2"];
pub const CLANGXX: &[&str] = &["clang++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-O2", "-x", "c++"];
/// Every error of memory or of arithmetic ends the program.
pub const SANITIZED: &[&str] = &[
    "gcc",
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
];

/// A file of this project.
pub fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A program, and where it lies.
pub struct Program {
    path: PathBuf,
    _directory: TempDir,
}

/// Whether there is the compiler; if so, it has compiled `path`, a file of this project, without a word.
fn compile(compiler: &[&str], path: &str, to: &Path, more: &[&str]) -> bool {
    if Command::new(compiler[0]).arg("--version").output().is_err() {
        println!("skipped: there is no {}", compiler[0]);
        return false;
    }
    let mut command = Command::new(compiler[0]);
    command.args(&compiler[1..]).arg(source(path)).arg("-I").arg(source("ringway-c/include"));
    let output = command.args(more).arg("-o").arg(to).output().expect("the compiler runs");
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success()
        && ["libasan", "libubsan", "-fsanitize"].iter().any(|word| said.contains(word))
    {
        println!("skipped: {} has no sanitizers", compiler[0]);
        return false;
    }
    assert!(output.status.success() && said.is_empty(), "{compiler:?}: {said}");
    true
}

impl Program {
    /// Compiles `path`, a file of this project; `None` without the compiler.
    pub fn compiled(compiler: &[&str], path: &str) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let program = directory.path().join("program");
        compile(compiler, path, &program, &[]).then_some(Self { path: program, _directory: directory })
    }

    /// A program of two source files, each compiled in its way. The second one's `main` is the program's.
    pub fn linked(first: &[&str], part: &str, second: &[&str], path: &str) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let [object, program] = ["part.o", "program"].map(|name| directory.path().join(name));
        let name = object.to_str().expect("text");
        (compile(first, part, &object, &["-c", "-Dmain=part"])
            && compile(second, path, &program, &["-x", "none", name]))
        .then_some(Self { path: program, _directory: directory })
    }

    /// The driver, compiled so.
    pub fn driver(compiler: &[&str]) -> Option<Self> {
        Self::compiled(compiler, "tests/c_observer/driver.c")
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&OsStr]) -> Output {
        let mut command = Command::new("timeout");
        command.arg(LIMIT).arg(&self.path).args(arguments);
        command.output().expect("coreutils' timeout")
    }

    /// Starts it, behind these words.
    pub fn start_by(&self, words: &[&str]) -> Driver {
        let mut child = Command::new("timeout")
            .arg(LIMIT)
            .args(words)
            .arg(&self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("coreutils' timeout");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        Driver { child, stdin, stdout }
    }

    /// Starts it.
    pub fn start(&self) -> Driver {
        self.start_by(&[])
    }
}

/// How a ring is opened and read.
#[derive(Clone, Copy)]
pub struct Ask {
    /// 0 for the oldest message, 1 for the latest, 2 for `at`.
    pub start: i32,
    pub at: u64,
    pub offset: u64,
    /// 0 for the oldest message, 1 for the newest.
    pub resume: i32,
    pub flags: u32,
    /// Of each call, in nanoseconds.
    pub timeout: i64,
    /// Calls at most.
    pub events: u64,
    /// Of the buffer; -1 for the ring's own.
    pub capacity: i64,
    /// Whether messages are checked, and counted alone.
    pub verify: bool,
}

/// From the oldest message, without waiting.
pub const ASK: Ask = Ask {
    start: 0,
    at: 0,
    offset: 0,
    resume: 0,
    flags: 0,
    timeout: 0,
    events: 40,
    capacity: -1,
    verify: false,
};

/// The driver, running.
pub struct Driver {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Driver {
    /// Tells it to read the ring at `path`.
    pub fn ask(&mut self, path: &Path, ask: Ask) {
        let Ask { start, at, offset, resume, flags, timeout, events, capacity, verify } = ask;
        let line = format!(
            "{} {start} {at} {offset} {resume} {flags} {timeout} {events} {capacity} {}\n",
            path.display(),
            u8::from(verify)
        );
        let stdin = self.stdin.as_mut().expect("an open pipe");
        stdin.write_all(line.as_bytes()).expect("the driver listens");
    }

    /// The next line that it writes.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        let length = self.stdout.read_line(&mut line).expect("text");
        assert_ne!(length, 0, "the driver ended: {:?}", self.child.wait());
        line.truncate(length - 1);
        line
    }

    /// All that it writes on a ring that it was told to read.
    pub fn answer(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.hear();
            if line == "." {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Asserts that a signal ends it.
    pub fn die(mut self) {
        let status = self.child.wait().expect("a child");
        assert!(!status.success() && self.stdout.fill_buf().expect("a pipe").is_empty(), "{status}");
    }

    /// Asserts that it found nothing wrong.
    pub fn succeed(mut self) {
        drop(self.stdin.take());
        let status = self.child.wait().expect("a child");
        assert!(status.success(), "the driver: {status}");
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
