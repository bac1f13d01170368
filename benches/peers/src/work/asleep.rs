//! Whether the other side sleeps, as the kernel tells. So nothing that is measured begins while it still polls, or
//! is about to fall asleep.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use anyhow::Context;

/// How long the other side has been asleep, at least, when it is to be woken: enough for its core to have nothing
/// left to do. Also long enough for this side's core to have forgotten that it asked the kernel.
const PAUSE: Duration = Duration::from_micros(50);

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It sleeps, in a system call that another process's doing ends.
    Asleep,
    /// It runs, or would like to.
    Running,
}

impl State {
    /// As the kernel writes it.
    fn letter(self) -> u8 {
        match self {
            State::Asleep => b'S',
            State::Running => b'R',
        }
    }
}

/// Another process, of one thread.
pub struct Watched(File);

impl Watched {
    /// The process of this number.
    pub fn new(pid: u64) -> anyhow::Result<Self> {
        let path = format!("/proc/{pid}/stat");
        Ok(Self(File::open(&path).context(path)?))
    }

    /// Waits until the process does what `state` says, and for [`PAUSE`] more.
    pub fn pause(&self, state: State) -> anyhow::Result<()> {
        while self.letter()? != state.letter() {}
        let began = Instant::now();
        while began.elapsed() < PAUSE {
            std::hint::spin_loop();
        }
        Ok(())
    }

    /// What the kernel says of the process.
    fn letter(&self) -> anyhow::Result<u8> {
        // The number, the name in parentheses, the state: the name has 15 bytes at most.
        let mut text = [0; 64];
        let read = self.0.read_at(&mut text, 0)?;
        let name_end = text[..read].iter().rposition(|&byte| byte == b')').context("no process's state")?;
        text.get(name_end + 2).copied().context("no state after the name")
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_sleeper_is_told_from_who_runs() {
        // A shell reads until the end of its input, asleep; and then goes on for ever.
        let mut shell = Command::new("sh");
        shell.args(["-c", "read line; while :; do :; done"]).stdin(Stdio::piped());
        let mut shell = shell.spawn().expect("a shell");
        let watched = Watched::new(shell.id().into()).expect("a process");
        let asleep = watched.pause(State::Asleep);
        drop(shell.stdin.take());
        let running = watched.pause(State::Running);
        shell.kill().expect("a process of this one");
        shell.wait().expect("a process of this one");
        asleep.and(running).expect("the kernel's word");
    }
}
