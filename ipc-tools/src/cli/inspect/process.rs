//! A process by its number, as `/proc` shows it. Any of it may change or vanish at any time, and other users' may be
//! hidden: what can't be read is `None`.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Uid, User};
use serde::Serialize;

use super::table::clean;

/// A command line is kept up to so many characters.
const COMMAND_MAX: usize = 4096;

/// A process of this PID namespace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// What the kernel calls it: up to 15 bytes, which the process can change.
    pub(crate) name: Option<String>,
    /// Its command line, arguments parted by spaces, which the process can change.
    pub(crate) command: Option<String>,
    /// Its effective user.
    pub(crate) uid: Option<u32>,
    pub(crate) user: Option<String>,
    /// As `ps` has it: R running, S or D asleep, T stopped, t traced, Z dead and not yet waited for.
    pub(crate) run_state: Option<char>,
}

impl Process {
    /// The process of a number that a ring holds: any number at all.
    pub(crate) fn hinted(pid: u64) -> Option<Self> {
        i32::try_from(pid).ok().filter(|&pid| pid > 0).and_then(Self::of)
    }

    /// The process of this number, if there is one.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let directory = format!("/proc/{pid}");
        let uid = fs::metadata(&directory).ok()?.uid();
        let stat = fs::read(format!("{directory}/stat")).ok();
        let stat = stat.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let run_state = stat.as_deref().and_then(|stat| stat.rsplit_once(") ")?.1.chars().next());
        // The directory of a process that can't be dumped belongs to root.
        let uid = effective_uid(&directory).unwrap_or(uid);
        Some(Self {
            pid,
            name: text(&format!("{directory}/comm")),
            command: text(&format!("{directory}/cmdline")),
            uid: Some(uid),
            user: user(uid),
            run_state,
        })
    }

    /// Whether a signal or a debugger holds it.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.run_state, Some('T' | 't'))
    }

    /// The name, or what stands for one.
    pub(crate) fn shown_name(&self) -> &str {
        self.name.as_deref().unwrap_or("?")
    }
}

/// The name of a user, if the system knows one.
pub(crate) fn user(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| clean(&user.name))
}

fn effective_uid(directory: &str) -> Option<u32> {
    let status = fs::read(format!("{directory}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// A file of `/proc` in one line of text; `None` if it is empty, as a kernel thread's command line is.
fn text(path: &str) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\0', '\n']).replace('\0', " ");
    (!text.is_empty()).then(|| clean(&text).chars().take(COMMAND_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_and_no_number_that_none_can_have() {
        let own = Process::hinted(u64::from(std::process::id())).unwrap();
        assert_eq!(own.uid, Some(nix::unistd::geteuid().as_raw()));
        assert!(own.name.is_some() && own.command.is_some() && !own.is_stopped());
        for pid in [0, 1 << 31, (1 << 32) + 1, u64::MAX] {
            assert_eq!(Process::hinted(pid), None, "{pid}");
        }
    }
}
