//! A ring that another program is to make, waited for until it is there or a signal comes.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use nix::poll::PollFlags;
use ringway::file::{FileRing, OpenOptions, Shown};

use super::stopped::Stopped;
use crate::signals::Signals;

/// How long a silence may last without a word.
const SILENCE: Duration = Duration::from_secs(1);

/// Which ring is waited for, how it is opened, and for how long.
pub(super) struct RingWait {
    pub(super) path: PathBuf,
    pub(super) options: OpenOptions,
    /// For observers alone.
    pub(super) read_only: bool,
    pub(super) timeout: Duration,
    /// Whether stderr may have lines for people.
    pub(super) talks: bool,
}

/// Opens the ring as soon as it is there: in a thread of its own, since no signal ends that wait.
pub(super) fn until_there(wait: RingWait, signals: &Signals) -> anyhow::Result<FileRing> {
    let RingWait { path, options, read_only, timeout, talks } = wait;
    let label = Shown(&path).to_string();
    // The other end is closed when the wait is over.
    let (over, open) = UnixStream::pair()?;
    let waiting = thread::Builder::new().spawn(move || {
        let _open = open;
        if read_only { options.wait_for_read_only(&path, timeout) } else { options.wait_for(&path, timeout) }
    })?;
    let mut silence = Some(SILENCE);
    while signals.wait_for(over.as_fd(), PollFlags::POLLIN, silence)?.is_empty() {
        if let Some(signal) = signals.which() {
            return Err(Stopped { signal, cut: None }.into());
        }
        if silence.take().is_some() && talks {
            crate::say(format_args!("ringway sub: waiting: there is no ring yet at {label}"));
        }
    }
    Ok(waiting.join().expect("a wait that doesn't panic")?)
}
