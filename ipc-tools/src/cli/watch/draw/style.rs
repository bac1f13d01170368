//! Colours, where they are wanted, and what tells the same without them.

use ratatui::style::{Color, Modifier, Style as Look};

/// How each kind of thing looks.
pub(super) struct Style {
    pub(super) title: Look,
    pub(super) quiet: Look,
    pub(super) selected: Look,
    pub(super) curve: Look,
    pub(super) alarm: Look,
    half: Look,
    low: Look,
}

impl Style {
    pub(super) fn new(colours: bool) -> Self {
        let plain = Look::new();
        let in_colour = |colour: Color| if colours { plain.fg(colour) } else { plain };
        Self {
            title: plain.add_modifier(Modifier::BOLD),
            quiet: plain.add_modifier(Modifier::DIM),
            selected: plain.add_modifier(Modifier::REVERSED),
            curve: in_colour(Color::Cyan),
            alarm: in_colour(Color::Red).add_modifier(Modifier::BOLD),
            half: in_colour(Color::Yellow),
            low: in_colour(Color::Green),
        }
    }

    /// How a bar looks that is so full.
    pub(super) fn filled(&self, part: f64) -> Look {
        match part {
            _ if part >= 0.9 => self.alarm,
            _ if part >= 0.5 => self.half,
            _ => self.low,
        }
    }
}

/// A bar of so many columns, `part` of which is filled, by eighths of a column; spaces beyond.
pub(super) fn bar(part: f64, columns: usize) -> String {
    const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (part.clamp(0.0, 1.0) * columns as f64 * 8.0).round() as usize;
    // What is there at all shows.
    let eighths = if part > 0.0 { eighths.max(1) } else { 0 };
    let (full, rest) = (eighths / 8, eighths % 8);
    let mut bar = "█".repeat(full.min(columns));
    if full < columns {
        bar.push(if rest > 0 { EIGHTHS[rest - 1] } else { ' ' });
        bar.push_str(&" ".repeat(columns - full - 1));
    }
    bar
}
