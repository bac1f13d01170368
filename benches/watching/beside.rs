//! What runs beside a ring: nothing, `ringway watch` on a terminal, or `ringway info` again and again.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// Something that runs in some windows, and rests in the others.
pub trait Beside {
    fn name(&self) -> String;
    fn go(&mut self) -> Result<(), String>;
    fn rest(&mut self) -> Result<(), String>;
    /// Processor time that it has taken by now.
    fn busy(&self) -> Result<Duration, String>;
}

pub struct Nothing;

impl Beside for Nothing {
    fn name(&self) -> String {
        "nothing".into()
    }

    fn go(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn rest(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn busy(&self) -> Result<Duration, String> {
        Ok(Duration::ZERO)
    }
}

/// Builds the command `ringway` as it is installed, beside this program.
pub fn built() -> Result<PathBuf, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args([
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "ringway-tools",
        "--bin",
        "ringway",
    ]);
    let status = cargo.status().map_err(|error| format!("can't run cargo: {error}"))?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let built = program.parent().and_then(Path::parent).map(|folder| folder.join("ringway"));
    built.filter(|path| status.success() && path.exists()).ok_or("`ringway` doesn't build".into())
}

/// `ringway watch` on a terminal of 80 columns and 24 rows, stopped between windows.
pub struct Shown {
    child: Child,
    terminal: Option<JoinHandle<()>>,
    interval: String,
}

impl Shown {
    pub fn start(ringway: &Path, ring: PathBuf, interval: &str) -> Result<Self, String> {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).map_err(|error| format!("a pseudo-terminal: {error}"))?;
        let end = || pty.slave.try_clone().map_err(|error| error.to_string());
        let mut command = Command::new(ringway);
        command.args(["watch", "--interval", interval]).arg(ring).env("TERM", "xterm-256color");
        command.stdin(end()?).stdout(end()?).stderr(end()?);
        let child = command.spawn().map_err(|error| error.to_string())?;
        let drawn = Arc::new(AtomicUsize::new(0));
        let (mut from, counted) = (File::from(pty.master), Arc::clone(&drawn));
        let terminal = thread::spawn(move || {
            let mut bytes = [0; 1 << 14];
            while let Ok(n @ 1..) = from.read(&mut bytes) {
                counted.fetch_add(n, Relaxed);
            }
        });
        let mut started = Self { child, terminal: Some(terminal), interval: interval.into() };
        // A whole screen, of one ring.
        until("the screen to be drawn", || drawn.load(Relaxed) > 400)?;
        started.rest()?;
        Ok(started)
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        kill(Pid::from_raw(self.child.id() as i32), signal).map_err(|error| format!("ringway watch: {error}"))
    }
}

impl Beside for Shown {
    fn name(&self) -> String {
        format!("watch --interval {}", self.interval)
    }

    fn go(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => self.signal(Signal::SIGCONT),
            ended => Err(format!("ringway watch ended: {ended:?}")),
        }
    }

    fn rest(&mut self) -> Result<(), String> {
        self.signal(Signal::SIGSTOP)
    }

    fn busy(&self) -> Result<Duration, String> {
        let path = format!("/proc/{}/schedstat", self.child.id());
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let nanoseconds = text.split(' ').next().and_then(|word| word.parse().ok());
        nanoseconds.map(Duration::from_nanos).ok_or(format!("{path}: {text}"))
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(terminal) = self.terminal.take() {
            let _ = terminal.join();
        }
    }
}

/// `ringway info` again and again, by a shell, all stopped between windows.
pub struct Repeated {
    shell: Child,
    name: String,
}

impl Repeated {
    pub fn start(ringway: &Path, ring: PathBuf, interval: &str) -> Result<Self, String> {
        let name = format!("info --interval {interval}, repeated");
        let mut command = Command::new("sh");
        command.args(["-c", "while \"$0\" info --interval \"$1\" \"$2\" >/dev/null; do :; done"]);
        command.arg(ringway).arg(interval).arg(ring).process_group(0);
        let shell = command.spawn().map_err(|error| format!("sh: {error}"))?;
        let mut started = Self { shell, name };
        // Once: the program is in memory, and says no error.
        until("a first look", || started.busy().is_ok_and(|busy| busy > Duration::ZERO))?;
        started.rest()?;
        Ok(started)
    }

    /// To the shell and what it runs.
    fn signal(&self, signal: Signal) -> Result<(), String> {
        killpg(Pid::from_raw(self.shell.id() as i32), signal)
            .map_err(|error| format!("{}: {error}", self.name))
    }
}

impl Beside for Repeated {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn go(&mut self) -> Result<(), String> {
        match self.shell.try_wait() {
            Ok(None) => self.signal(Signal::SIGCONT),
            ended => Err(format!("{} ended: {ended:?}", self.name)),
        }
    }

    fn rest(&mut self) -> Result<(), String> {
        self.signal(Signal::SIGSTOP)
    }

    /// Of those that have ended by now, and the shell: in hundredths of a second.
    fn busy(&self) -> Result<Duration, String> {
        let path = format!("/proc/{}/stat", self.shell.id());
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let fields = text.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(4);
        let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Repeated {
    fn drop(&mut self) {
        let _ = self.signal(Signal::SIGKILL);
        let _ = self.shell.wait();
    }
}

/// Waits until it is so, for some seconds.
pub fn until(what: &str, mut is: impl FnMut() -> bool) -> Result<(), String> {
    let began = Instant::now();
    while !is() {
        if began.elapsed() > Duration::from_secs(20) {
            return Err(format!("waited in vain for {what}"));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
