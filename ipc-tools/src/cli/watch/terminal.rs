//! The view on a terminal: looks, draws and listens to keys until it is to end.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::poll::PollFlags;
use nix::sys::signal::Signal;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};

use super::draw::draw;
use super::places::Places;
use super::plain::failure;
use super::screen::{Asked, Screen};
use super::{Args, Ended};
use crate::signals::Signals;

/// A terminal in the state that drawing takes. It is restored when this is dropped, and before a panic is reported.
struct Drawn(DefaultTerminal);

impl Drawn {
    fn enter() -> anyhow::Result<Self> {
        let entered = ratatui::try_init();
        if entered.is_err() {
            // It may have come half way.
            let _ = ratatui::try_restore();
        }
        entered.map(Self).context("can't draw on the terminal: use --json, or send the output through a pipe")
    }
}

impl Drop for Drawn {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = self.0.show_cursor();
        let _ = ratatui::try_restore();
    }
}

/// Shows the rings until a key or a signal ends it, or so many looks were shown.
pub(super) fn run(args: &Args, places: &Places) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    let keys = keyboard().context("can't read the terminal's keys")?;
    let mut screen =
        Screen::new(args.interval, std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
    let mut terminal = Drawn::enter()?;
    let mut looks = 0;
    let mut next = Instant::now();
    loop {
        if let Some(signal) = signals.which() {
            return Err(Ended(signal).into());
        }
        if args.count.is_some_and(|count| looks >= count) {
            return failure(&screen.tracks);
        }
        if Instant::now() >= next {
            if !screen.paused {
                places.look(&mut screen.tracks);
                looks += 1;
            }
            next = Instant::now() + args.interval;
        }
        terminal.0.draw(|frame| draw(frame, &screen)).context("can't draw on the terminal")?;
        let wait = next.saturating_duration_since(Instant::now());
        let ready = signals.wait_for(keys.as_fd(), PollFlags::POLLIN, Some(wait))?;
        if ready.intersects(PollFlags::POLLHUP | PollFlags::POLLERR) {
            // The terminal is gone, and nobody looks.
            return Ok(());
        }
        match pressed(&mut screen)? {
            Asked::Nothing => {}
            Asked::Quit => return Ok(()),
            Asked::Interrupt => return Err(Ended(Signal::SIGINT).into()),
        }
    }
}

/// Where keys come from: what the library reads them from.
fn keyboard() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stdin.is_terminal() { stdin.as_fd().try_clone_to_owned() } else { Ok(File::open("/dev/tty")?.into()) }
}

/// Does what all keys ask for that were pressed by now.
fn pressed(screen: &mut Screen) -> anyhow::Result<Asked> {
    while event::poll(Duration::ZERO).context("can't read the terminal's keys")? {
        // The next drawing finds a new size by itself.
        if let Event::Key(key) = event::read().context("can't read the terminal's keys")? {
            match screen.press(key) {
                Asked::Nothing => {}
                asked => return Ok(asked),
            }
        }
    }
    Ok(Asked::Nothing)
}
