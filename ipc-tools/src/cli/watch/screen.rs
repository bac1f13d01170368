//! What is shown, and what keys do to it. It knows neither rings nor a terminal.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::track::Track;

/// All that the terminal shows.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) tracks: Vec<Track>,
    /// The ring whose details are shown.
    selected: Option<PathBuf>,
    pub(super) interval: Duration,
    pub(super) paused: bool,
    pub(super) help: bool,
    pub(super) colours: bool,
}

/// What a key asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    Nothing,
    Quit,
    /// What Ctrl-C sends where the terminal makes a signal of it.
    Interrupt,
}

impl Screen {
    pub(super) fn new(interval: Duration, colours: bool) -> Self {
        Self { tracks: Vec::new(), selected: None, interval, paused: false, help: false, colours }
    }

    /// Number of the ring whose details are shown: the first, if the selected one is gone.
    pub(super) fn selected(&self) -> usize {
        let selected = self.selected.as_ref();
        selected.and_then(|path| self.tracks.iter().position(|track| track.path == *path)).unwrap_or(0)
    }

    pub(super) fn press(&mut self, key: KeyEvent) -> Asked {
        if key.kind == KeyEventKind::Release {
            return Asked::Nothing;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let (here, last) = (self.selected(), self.tracks.len().saturating_sub(1));
        match key.code {
            KeyCode::Char('c') if control => return Asked::Interrupt,
            KeyCode::Char('q') => return Asked::Quit,
            // Any other key ends the help first.
            _ if self.help => self.help = false,
            KeyCode::Esc => return Asked::Quit,
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char('p' | ' ') => self.pause(),
            KeyCode::Up | KeyCode::Char('k') => self.select(here.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.select((here + 1).min(last)),
            KeyCode::Home | KeyCode::Char('g') => self.select(0),
            KeyCode::End | KeyCode::Char('G') => self.select(last),
            _ => {}
        }
        Asked::Nothing
    }

    fn select(&mut self, number: usize) {
        self.selected = self.tracks.get(number).map(|track| track.path.clone());
    }

    fn pause(&mut self) {
        self.paused = !self.paused;
        if !self.paused {
            self.tracks.iter_mut().for_each(Track::forget_time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(names: &[&str]) -> Screen {
        let mut screen = Screen::new(Duration::from_millis(500), false);
        screen.tracks = names.iter().map(|name| Track::new(name.into())).collect();
        screen
    }

    fn press(screen: &mut Screen, code: KeyCode) -> Asked {
        screen.press(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn keys_select_pause_help_and_quit() {
        let mut screen = screen(&["a", "b", "c"]);
        for (code, selected) in [
            (KeyCode::Up, 0),
            (KeyCode::Char('j'), 1),
            (KeyCode::Down, 2),
            (KeyCode::Down, 2),
            (KeyCode::Char('k'), 1),
            (KeyCode::Home, 0),
            (KeyCode::End, 2),
        ] {
            assert_eq!(press(&mut screen, code), Asked::Nothing);
            assert_eq!(screen.selected(), selected, "{code:?}");
        }
        press(&mut screen, KeyCode::Char('p'));
        assert!(screen.paused);
        press(&mut screen, KeyCode::Char('?'));
        assert!(screen.help);
        assert_eq!(press(&mut screen, KeyCode::Esc), Asked::Nothing, "it ends the help");
        assert!(!screen.help);
        assert_eq!(press(&mut screen, KeyCode::Esc), Asked::Quit);
        assert_eq!(press(&mut screen, KeyCode::Char('q')), Asked::Quit);
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(screen.press(control_c), Asked::Interrupt);
    }

    #[test]
    fn the_selection_stays_with_its_ring_while_others_come_and_go() {
        let mut screen = screen(&["a", "b"]);
        press(&mut screen, KeyCode::Down);
        screen.tracks.remove(0);
        assert_eq!(screen.selected(), 0);
        screen.tracks.insert(0, Track::new("0".into()));
        screen.tracks.insert(0, Track::new("1".into()));
        assert_eq!(screen.selected(), 2);
        screen.tracks.pop();
        assert_eq!(screen.selected(), 0, "it is gone");
        let mut none = Screen { tracks: Vec::new(), ..screen };
        press(&mut none, KeyCode::Down);
        assert_eq!(none.selected(), 0);
    }
}
