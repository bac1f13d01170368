//! One row a ring.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ringway::file::Shown;

use super::super::amounts;
use super::super::screen::Screen;
use super::super::sight::words;
use super::super::track::Track;
use super::Rows;
use super::style::{Style, bar};
use crate::cli::inspect::snapshot::Standing;
use crate::cli::inspect::table::{Cut, cut};

/// Columns of a bar in the list.
const BAR: usize = 10;

/// Draws the rings that fit, the selected one among them.
pub(super) fn paint(area: Rect, buffer: &mut Buffer, screen: &Screen, heading: bool, style: &Style) {
    let columns = Columns::of(area.width);
    let mut rows = Rows { area, buffer };
    if heading {
        rows.line(Line::styled(columns.heading(), style.quiet));
    }
    let (shown, selected) = (usize::from(rows.area.height), screen.selected());
    let first = (selected + 1).saturating_sub(shown.max(1));
    for (number, track) in screen.tracks.iter().enumerate().skip(first).take(shown) {
        let marked = number == selected && screen.tracks.len() > 1;
        let line = columns.row(track, marked, style);
        rows.line(if marked { line.patch_style(style.selected) } else { line });
    }
}

/// Which columns there is room for.
struct Columns {
    name: usize,
    rate: bool,
    standing: bool,
    bar: bool,
    counts: bool,
}

impl Columns {
    fn of(width: u16) -> Self {
        let mut left = usize::from(width).saturating_sub(2);
        let mut room = |needed: usize, name: usize| {
            let fits = left >= needed + name;
            left -= if fits { needed } else { 0 };
            fits
        };
        // What says most comes first.
        let rate = room(RATE, 6);
        let standing = rate && room(STANDING, 8);
        let bar = standing && room(BAR + 6, 10);
        let counts = bar && room(2 * COUNT, 12);
        Self { name: left, rate, standing, bar, counts }
    }

    fn heading(&self) -> String {
        let mut text = format!(" {:<width$} ", "ring", width = self.name);
        if self.standing {
            text += &format!("{:<STANDING$}", "state");
        }
        if self.rate {
            text += &format!("{:>RATE$}", "rate");
        }
        if self.bar {
            text += &format!(" {:<width$}", "most lag", width = BAR + 5);
        }
        if self.counts {
            text += &format!("{:>COUNT$}{:>COUNT$}", "full", "wakes");
        }
        text
    }

    fn row(&self, track: &Track, marked: bool, style: &Style) -> Line<'static> {
        let name = cut(&Shown(&track.path).to_string(), self.name, Cut::Start);
        let mark = if marked { '>' } else { ' ' };
        let mut spans = vec![Span::raw(format!("{mark}{name:<width$} ", width = self.name))];
        let sight = match &track.sight {
            Ok(sight) => sight,
            Err(why) => {
                spans.push(Span::styled(why.clone(), style.quiet));
                return spans.into();
            }
        };
        if self.standing {
            let look =
                if sight.standing == Standing::ProducerLost { style.alarm } else { Default::default() };
            spans.push(Span::styled(format!("{:<STANDING$}", words(sight.standing)), look));
        }
        let rate = track.rates.map_or("-".into(), |rates| amounts::rate(rates.messages));
        if self.rate {
            spans.push(Span::raw(format!("{rate:>RATE$}")));
        }
        if self.bar {
            let part = track.fill();
            let percent = part.map_or("-".into(), amounts::percent);
            let mark = if track.is_stuck() { "!" } else { " " };
            spans.push(Span::styled(
                format!(" {}", bar(part.unwrap_or(0.0), BAR)),
                style.filled(part.unwrap_or(0.0)),
            ));
            spans.push(Span::styled(
                format!("{percent:>4}{mark}"),
                if track.is_stuck() { style.alarm } else { Default::default() },
            ));
        }
        if self.counts {
            let [full, wakes] = [sight.times_full, sight.doorbell.into()].map(amounts::count);
            spans.push(Span::raw(format!("{full:>COUNT$}{wakes:>COUNT$}")));
        }
        spans.into()
    }
}

/// Columns of a state, a rate and a count.
const STANDING: usize = 16;
const RATE: usize = 9;
const COUNT: usize = 7;
