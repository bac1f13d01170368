//! What runs, and how long it will take: from the first second on.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on a terminal; elsewhere, as in a log, a line for each part of the work.
pub struct Progress {
    bar: Option<ProgressBar>,
    began: Instant,
    /// What all is expected to take, before anything has been measured.
    expected: Duration,
    steps: u64,
    done: u64,
    part: String,
}

impl Progress {
    /// `steps` steps, each of which takes about as long as `expected` says of all of them.
    pub fn new(steps: u64, expected: Duration) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
            ProgressBar::new(steps).with_style(style.expect("a sound template"))
        });
        if let Some(bar) = &bar {
            // Runs last longer than a glance does.
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, began: Instant::now(), expected, steps, done: 0, part: String::new() }
    }

    /// What is done now: a part of the work, and a step of it.
    pub fn say(&mut self, part: &str, step: &str) {
        let left = about(self.left());
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{left} left: {part}{}{step}", if step.is_empty() { "" } else { ": " }));
        } else if self.part != part {
            eprintln!("[{}/{}, {left} left] {part}", self.done, self.steps);
        }
        part.clone_into(&mut self.part);
    }

    /// A step is done.
    pub fn step(&mut self) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Some steps come on top: what they redo has taken its time, and counts as done.
    pub fn more(&mut self, steps: u64) {
        self.steps += steps;
        if let Some(bar) = &self.bar {
            bar.inc_length(steps);
        }
    }

    /// How many steps are done.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// By what the steps so far have taken; by what was expected, as long as they are few.
    fn left(&self) -> Duration {
        let share =
            |time: Duration, of: u64| time.mul_f64((self.steps - self.done) as f64 / of.max(1) as f64);
        if self.done < self.steps.div_ceil(50) {
            share(self.expected, self.steps)
        } else {
            share(self.began.elapsed(), self.done)
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A time, as exactly as anybody wants to know.
pub fn about(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..100 => format!("about {} s", (seconds + 5) / 5 * 5),
        seconds => format!("about {} min", (seconds + 30) / 60),
    }
}
