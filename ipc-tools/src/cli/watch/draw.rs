//! The screen as characters: a function of what is known, for any size of terminal.

mod details;
mod list;
mod style;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::screen::Screen;
use crate::units::counted;
use style::Style;

/// Fewer rows than this show the list alone.
const DETAILS: u16 = 6;

const HELP: [&str; 15] = [
    "Up, k / Down, j   select a ring (Home, End: the first, the last)",
    "p                 pause, and go on",
    "q, Esc, Ctrl-C    quit",
    "",
    "rate     messages published in a second; the curve has one bar a look",
    "lag      messages that a consumer has not released, against all slots",
    "stopped? a consumer has something to read and has not moved for a second",
    "full     times a producer found the ring full (shared word times_full)",
    "wakes    times a producer rang for readers that may sleep, entered or",
    "         left (shared word doorbell); bells of single consumers, which",
    "         wake a producer, aren't counted",
    "passed over: the producer no longer waits for a best-effort reader",
    "Observers that don't show themselves can't be seen.",
    "Nothing is stored, locked or held in the watched rings between looks;",
    "pids are what the processes wrote of themselves.",
];

/// Draws the screen.
pub(super) fn draw(frame: &mut Frame<'_>, screen: &Screen) {
    let area = frame.area();
    paint(area, frame.buffer_mut(), screen);
}

fn paint(area: Rect, buffer: &mut Buffer, screen: &Screen) {
    let style = Style::new(screen.colours);
    let mut rows = Rows { area, buffer };
    // A title takes a row that the smallest terminals don't have.
    if area.height > 4 {
        rows.line(title(screen, &style, area.width));
    }
    if screen.help {
        HELP.iter().for_each(|&text| rows.line(Line::raw(text)));
        return;
    }
    let footer = area.height >= 12;
    let mut left = rows.area.height.saturating_sub(u16::from(footer));
    let count = screen.tracks.len();
    if count == 0 {
        rows.line(Line::raw("no ring yet"));
        left = left.saturating_sub(1);
    }
    let alone = left < DETAILS;
    if count > 1 || (count == 1 && alone) {
        let most = if alone { left } else { (left / 3).max(3) };
        // Names of the columns, where they take no ring's row.
        let heading = most > 4;
        let height = usize::from(most).min(count + usize::from(heading)) as u16;
        list::paint(rows.take(height), rows.buffer, screen, heading, &style);
        left = left.saturating_sub(height);
    }
    if !alone && let Some(track) = screen.tracks.get(screen.selected()) {
        details::paint(rows.take(left), rows.buffer, track, &style);
    }
    if footer {
        rows.line(Line::styled(" Up/Down ring  p pause  ? help  q quit", style.quiet));
    }
}

fn title(screen: &Screen, style: &Style, width: u16) -> Line<'static> {
    let rings = counted(screen.tracks.len() as u64, "ring");
    let interval = humantime::format_duration(screen.interval);
    let paused = if screen.paused { "  PAUSED" } else { "" };
    let long = format!(" ringway watch  {rings}, a look each {interval}{paused}");
    let fits = long.len() <= usize::from(width);
    Line::styled(if fits { long } else { format!(" {rings}{paused}") }, style.title)
}

/// The rows that are left of an area, from its top. What doesn't fit is left out.
struct Rows<'b> {
    area: Rect,
    buffer: &'b mut Buffer,
}

impl Rows<'_> {
    fn line(&mut self, line: Line<'_>) {
        if self.area.height > 0 {
            self.buffer.set_line(self.area.x, self.area.y, &line, self.area.width);
            self.take(1);
        }
    }

    /// Takes the next rows off.
    fn take(&mut self, height: u16) -> Rect {
        let height = height.min(self.area.height);
        let taken = Rect { height, ..self.area };
        self.area.y += height;
        self.area.height -= height;
        taken
    }
}
