//! Text that fits a terminal.

use std::io::{self, IsTerminal};

/// Columns that a person sees at once: `COLUMNS` if it says so, else the terminal's. `None` where nothing
/// bounds a line, as in a pipe.
pub(crate) fn columns() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.filter(|&columns| columns > 0).or_else(|| {
        let terminal = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
        terminal.map(|(width, _)| usize::from(width.0))
    })
}

/// The text in one line without what would reach the terminal as a command, or turn the line around.
pub(crate) fn clean(text: &str) -> String {
    let escape = |c: char| !matches!(c, '"' | '\'' | '\\') && c.escape_debug().len() > 1;
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if escape(c) {
            line.extend(c.escape_debug());
        } else {
            line.push(c);
        }
    }
    line
}

/// Bytes for people: `4.0 KiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().iec().to_string()
}

/// What is cut from a text that is too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// The start, as of a path.
    Start,
    /// The end, as of a command line.
    End,
}

/// Cuts a text to so many columns.
pub(crate) fn cut(text: &str, columns: usize, what: Cut) -> String {
    let length = text.chars().count();
    if length <= columns {
        return text.into();
    }
    let kept = columns.saturating_sub(1);
    match what {
        Cut::Start => format!("…{}", text.chars().skip(length - kept).collect::<String>()),
        Cut::End => format!("{}…", text.chars().take(kept).collect::<String>()),
    }
}

/// Rows of cells, numbers to the right. The last column takes what room is left.
pub(crate) struct Table<const N: usize> {
    heads: [&'static str; N],
    /// Whether a column's cells stand to the right.
    right: [bool; N],
    rows: Vec<[String; N]>,
    cut: Cut,
}

impl<const N: usize> Table<N> {
    /// A table of these columns. Those whose name starts with `>` hold numbers.
    pub(crate) fn new(heads: [&'static str; N], cut: Cut) -> Self {
        Self {
            right: heads.map(|head| head.starts_with('>')),
            heads: heads.map(|head| head.trim_start_matches('>')),
            rows: Vec::new(),
            cut,
        }
    }

    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// The lines, none longer than `columns` unless all but the last column alone are.
    pub(crate) fn text(&self, columns: Option<usize>) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.heads[column].len()]).max().unwrap_or(0)
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let before: usize = widths[..N - 1].iter().map(|width| width + 2).sum();
        let last = columns.map(|columns| columns.saturating_sub(before).max(8));
        let heads = self.heads.map(String::from);
        let mut text = String::new();
        for row in [&heads].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                match column == N - 1 {
                    true => line += &last.map_or(cell.clone(), |last| cut(cell, last, self.cut)),
                    false if self.right[column] => line += &format!("{cell:>width$}  "),
                    false => line += &format!("{cell:<width$}  "),
                }
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_to_its_columns_and_says_what_it_cut() {
        let mut table = Table::new(["STATE", ">HEAD", "RING"], Cut::Start);
        table.row(["live".into(), "12".into(), "/dev/shm/quotes".into()]);
        assert_eq!(table.text(None), "STATE  HEAD  RING\nlive     12  /dev/shm/quotes\n");
        assert_eq!(table.text(Some(25)), "STATE  HEAD  RING\nlive     12  …/shm/quotes\n");
        assert_eq!(cut("ringway pub x", 8, Cut::End), "ringway…");
    }

    #[test]
    fn no_text_of_another_process_reaches_the_terminal_as_a_command() {
        assert_eq!(clean("a\x1b[31m\nb \u{202e}\u{9b} \"q\" é"), "a\\u{1b}[31m\\nb \\u{202e}\\u{9b} \"q\" é");
    }
}
