//! The screen on terminals of all sizes.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::screen::Screen;
use super::super::sight::{Reader, Sight};
use super::super::track::Track;
use super::draw;
use crate::cli::inspect::kind::Kind;
use crate::cli::inspect::snapshot::Standing;

/// Head at the first look.
const FIRST: u64 = 1 << 45;

/// A ring of 64 slots with consumers that lag so far, looked at `looks` times in seconds.
fn track(name: &str, standing: Standing, lags: &[u64], looks: u64) -> Track {
    let mut track = Track::new(format!("/dev/shm/{name}").into());
    let start = Instant::now();
    for look in 0..looks {
        // The first consumer moves; the others stay where they are.
        let head = 8 * look + FIRST;
        let readers = lags.iter().enumerate().map(|(cell, &lag)| {
            let next = if cell == 0 { head - lag } else { FIRST - lag };
            Reader {
                cell,
                pid: 4000 + cell as u64,
                next,
                lag: if cell == 0 { lag } else { head - next },
                uid: None,
                name: None,
                kind: Kind::Consumer,
                lost: 0,
                times_lagged: 0,
            }
        });
        let sight = Sight {
            ring_id: [1; 16],
            standing,
            epoch: 3,
            head,
            producer_pid: 1234,
            producer_uid: None,
            producer_name: None,
            producer_alive: standing == Standing::Open,
            slots: 64,
            can_skip: false,
            max_consumers: 8,
            times_full: 7 * look,
            times_passed_over: 0,
            doorbell: 5 * look as u32,
            readers: readers.collect(),
            observers: Vec::new(),
        };
        track.add(start + Duration::from_secs(look), Ok(sight));
    }
    track
}

fn screen(tracks: Vec<Track>) -> Screen {
    let mut screen = Screen::new(Duration::from_millis(500), true);
    screen.tracks = tracks;
    screen
}

/// The rows that a terminal of this size shows, without the spaces at their ends.
fn shown(screen: &Screen, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, screen)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect()
}

#[track_caller]
fn has(rows: &[String], words: &[&str]) {
    for word in words {
        assert!(rows.iter().any(|row| row.contains(word)), "no {word:?} in\n{}", rows.join("\n"));
    }
}

fn many() -> Screen {
    let mut tracks: Vec<Track> =
        (0..30).map(|n| track(&format!("ring-{n:02}"), Standing::Open, &[n], 3)).collect();
    tracks[1] = track("died", Standing::ProducerLost, &[3, 9], 4);
    tracks[2].add(Instant::now(), Err("no such file or directory".into()));
    screen(tracks)
}

#[test]
fn one_ring_fills_a_terminal_of_80_columns() {
    let screen = screen(vec![track("orders", Standing::Open, &[0, 32], 3)]);
    let rows = shown(&screen, 80, 24);
    has(&rows, &["1 ring, a look each 500ms", "/dev/shm/orders", "open, epoch 3, producer pid 1234"]);
    has(&rows, &["head 35184372088848, 64 slots", "rate 8.0/s", "full 14 (+7.0/s), wakes 10 (+5.0/s)"]);
    has(
        &rows,
        &["2 consumers of up to 8", "cell 0    pid 4000", "cell 1    pid 4001", "observers that don't show"],
    );
    has(&rows, &["stopped?", "q quit"]);
}

#[test]
fn a_list_of_many_rings_keeps_the_selected_one_in_sight() {
    let mut screen = many();
    has(
        &shown(&screen, 80, 24),
        &["ring-00", "died", "producer died", "no such file or directory", "most lag"],
    );
    for _ in 0..29 {
        let down = ratatui::crossterm::event::KeyCode::Down;
        screen.press(down.into());
    }
    let rows = shown(&screen, 80, 24);
    has(&rows, &[">/dev/shm/ring-29", " /dev/shm/ring-28"]);
    assert!(!rows.iter().any(|row| row.contains("ring-00")), "{}", rows.join("\n"));
}

#[test]
fn a_dead_producer_is_told_from_an_open_ring() {
    let screen = screen(vec![track("ring", Standing::ProducerLost, &[1], 2)]);
    has(&shown(&screen, 80, 24), &["producer died, epoch 3, it was pid 1234"]);
}

#[test]
fn a_lag_beyond_the_ring_is_marked_and_stays_in_its_row() {
    let screen = screen(vec![track("ring", Standing::Open, &[1 << 40, 0], 2)]);
    for (width, height) in [(80, 24), (60, 20), (40, 12)] {
        let rows = shown(&screen, width, height);
        has(&rows, &["beyond the ring"]);
        assert!(rows.iter().any(|row| row.contains(">999%")), "{}", rows.join("\n"));
    }
}

#[test]
fn a_best_effort_reader_that_was_passed_over_is_told_by_what_it_lost_and_no_alarm() {
    let mut track = track("ring", Standing::Open, &[1000, 16], 2);
    let sight = track.sight.as_mut().unwrap();
    sight.times_passed_over = 4;
    let reader = &mut sight.readers[0];
    (reader.kind, reader.lost, reader.times_lagged) = (Kind::BestEffort, 992, 3);
    track.paces[0].reader = *reader;
    assert!(track.fill().unwrap() < 1.0);
    let rows = shown(&screen(vec![track]), 80, 24);
    has(&rows, &["passed over 4", "best-effort: cell 0 lost 992 (3 times)"]);
    let row = rows.iter().find(|row| row.contains("pid 4000")).unwrap();
    assert!(row.ends_with(" passed over") && !row.contains('%'), "{row}");
}

#[test]
fn a_lag_that_a_skip_may_leave_is_no_alarm() {
    let mut track = track("ring", Standing::Open, &[1 << 40, 1 << 40], 3);
    track.sight.as_mut().unwrap().can_skip = true;
    let rows = shown(&screen(vec![track]), 80, 24);
    has(&rows, &["stopped?", ">999%"]);
    assert!(!rows.iter().any(|row| row.contains("beyond the ring")), "{}", rows.join("\n"));
}

#[test]
fn of_more_consumers_than_fit_those_furthest_behind_are_shown() {
    let lags: Vec<u64> = (0..40).collect();
    let screen = screen(vec![track("ring", Standing::Open, &lags, 1)]);
    let rows = shown(&screen, 80, 24);
    has(&rows, &["pid 4039", "more consumers, less far behind", "observers that don't"]);
    assert!(!rows.iter().any(|row| row.contains("pid 4001")), "{}", rows.join("\n"));
}

#[test]
fn every_size_of_terminal_shows_the_selected_ring_and_none_panics() {
    let mut help = many();
    help.help = true;
    let one = screen(vec![track("orders", Standing::Open, &[64, 1 << 41, 3], 5)]);
    for screen in [many(), help, one, screen(Vec::new())] {
        for width in (0..45).chain([79, 80, 200, 500]) {
            for height in (0..14).chain([24, 60]) {
                shown(&screen, width, height);
            }
        }
    }
    has(&shown(&many(), 40, 10), &["ring-00", "8.0/s"]);
    has(&shown(&many(), 20, 3), &["ring-00", "8.0/s"]);
    has(&shown(&many(), 10, 3), &["ring-00"]);
}

#[test]
fn without_colours_nothing_has_one() {
    let mut screen = many();
    screen.colours = false;
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| draw(frame, &screen)).unwrap();
    let none = ratatui::style::Color::Reset;
    assert!(terminal.backend().buffer().content().iter().all(|cell| cell.fg == none && cell.bg == none));
}
