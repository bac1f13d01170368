//! Bars of long runs.

use std::io::{IsTerminal, stderr};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressState, ProgressStyle};

/// What a bar shows: it leaves room for itself on a terminal of 80 columns.
const TEMPLATE: &str = "{bar:14} {human_pos}/{human_len} {msg}, {rate}/s, {eta} left";

/// A bar of `length` things with rate and time left, on a terminal; nothing elsewhere.
pub(crate) fn bar(length: u64, things: &'static str) -> ProgressBar {
    let target =
        if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    ProgressBar::with_draw_target(Some(length), target)
        .with_style(style())
        .with_message(things)
        .with_finish(ProgressFinish::AndClear)
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template(TEMPLATE).expect("a sound template");
    style.with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        // A line that can't be written isn't shown.
        let _ = write!(text, "{}", HumanCount(state.per_sec() as u64));
    })
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    #[test]
    fn a_bar_says_rate_and_time_left_in_eighty_columns() {
        let terminal = InMemoryTerm::new(24, 80);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bar = ProgressBar::with_draw_target(Some(1_000), target).with_style(style());
        bar.set_message("round trips");
        bar.set_position(250);
        bar.force_draw();
        let line = terminal.contents();
        assert_eq!(line.lines().count(), 1, "{line}");
        for words in ["250/1,000 round trips", "/s", "left"] {
            assert!(line.contains(words), "{words:?}: {line}");
        }
    }

    #[test]
    fn a_pipe_gets_no_bar() {
        assert!(stderr().is_terminal() || bar(10, "things").is_hidden());
    }
}
