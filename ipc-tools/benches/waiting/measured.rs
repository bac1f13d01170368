//! The figures: a table, a JSON object, plots, and whether the adaptive policy costs no more than it may.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use ringway_tools::floor::machine;
use ringway_tools::plot::{Axis, Head, Kind, Lines, Series, write};
use serde::Serialize;

use super::{PACES, POLICIES};

/// The most that the adaptive policy may cost, beside the better fixed one.
const MOST: f64 = 2.0;

/// Of one policy at one pace, in nanoseconds.
#[derive(Clone, Copy, Serialize)]
pub struct Figures {
    /// From a message's time stamp to its receipt.
    pub p50: f64,
    pub p99: f64,
    /// Processor time of each message: all of the reader's, and the producer's in its calls.
    pub reader: f64,
    pub producer: f64,
}

impl Figures {
    fn both(self) -> f64 {
        self.reader + self.producer
    }
}

/// What one round gave.
pub struct Round {
    pub pace: Duration,
    pub policy: usize,
    pub figures: Figures,
}

/// A line of the table.
#[derive(Serialize)]
struct Line {
    pace_us: u64,
    policy: &'static str,
    #[serde(flatten)]
    figures: Figures,
    both: f64,
    /// Processor time beside that of the fixed policy that takes the least.
    ratio: f64,
}

/// The name of a plot's file, its title, and what it shows.
type Plot = (&'static str, &'static str, fn(&Line) -> f64);

#[derive(Serialize)]
pub struct Report {
    machine: String,
    rounds: usize,
    /// Whether the adaptive policy costs no more than it may at any pace.
    held: bool,
    lines: Vec<Line>,
}

/// The value below which that share of sorted values lies.
pub fn percentile(sorted: &[u64], share: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Report {
    pub fn new(cores: usize, count: usize, rounds: &[Round]) -> Self {
        let of = |pace: Duration, policy: usize| {
            let these = rounds.iter().filter(|round| (round.pace, round.policy) == (pace, policy));
            let these: Vec<Figures> = these.map(|round| round.figures).collect();
            let middle = |figure: fn(&Figures) -> f64| median(these.iter().map(figure).collect());
            Figures {
                p50: middle(|figures| figures.p50),
                p99: middle(|figures| figures.p99),
                reader: middle(|figures| figures.reader),
                producer: middle(|figures| figures.producer),
            }
        };
        let mut lines = Vec::new();
        for pace in PACES {
            let all: Vec<Figures> = (0..POLICIES.len()).map(|policy| of(pace, policy)).collect();
            let fixed =
                all[..all.len() - 1].iter().map(|figures| figures.both()).fold(f64::INFINITY, f64::min);
            lines.extend(POLICIES.iter().zip(all).map(|(policy, figures)| Line {
                pace_us: pace.as_micros() as u64,
                policy: policy.name,
                figures,
                both: figures.both(),
                ratio: figures.both() / fixed,
            }));
        }
        let held = adaptive(&lines).all(|line| line.ratio <= MOST);
        Self { machine: machine::kind(cores), rounds: count, held, lines }
    }

    pub fn print(&self) {
        println!("{}, medians of {} rounds; microseconds, of one message", self.machine, self.rounds);
        println!(
            "{:>8}  {:14}{:>9}{:>9}{:>9}{:>10}{:>9}{:>14}",
            "pace", "policy", "p50", "p99", "reader", "producer", "both", "÷ best fixed"
        );
        for Line { pace_us, policy, figures, both, ratio } in &self.lines {
            let [p50, p99, reader, producer, both] =
                [figures.p50, figures.p99, figures.reader, figures.producer, *both].map(|time| time / 1e3);
            println!(
                "{pace_us:>8}  {policy:14}{p50:>9.2}{p99:>9.2}{reader:>9.2}{producer:>10.2}{both:>9.2}{ratio:>13.2}"
            );
        }
        for line in adaptive(&self.lines).filter(|line| line.ratio > MOST) {
            println!("adaptive costs {:.2} times the best fixed policy at {} µs", line.ratio, line.pace_us);
        }
        if self.held {
            println!("adaptive costs at most twice as much as the best fixed policy, at each pace");
        }
    }

    /// A line for each policy, in a plot of latencies and one of processor time.
    pub fn draw(&self, directory: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("can't make the directory {}", directory.display()))?;
        let plots: [Plot; 2] = [
            ("waiting-latency", "Latency of a message by the way its reader waits, median", |line| {
                line.figures.p50 / 1e3
            }),
            ("waiting-time", "Processor time of a message, of reader and publish together", |line| {
                line.both / 1e3
            }),
        ];
        for (name, title, figure) in plots {
            let series = POLICIES.iter().map(|policy| Series {
                name: policy.name.to_owned(),
                kind: if policy.name == "adaptive" { Kind::Ours } else { Kind::Peer },
                points: self
                    .lines
                    .iter()
                    .filter(|line| line.policy == policy.name)
                    .map(|line| (line.pace_us as f64, figure(line)))
                    .collect(),
            });
            let ticks = [(1.0, "1 µs"), (10.0, "10 µs"), (100.0, "100 µs"), (1e3, "1 ms"), (1e4, "10 ms")];
            let plot = Lines {
                head: Head {
                    title: title.to_owned(),
                    note: format!("{}; medians of {} rounds", self.machine, self.rounds),
                },
                across: Axis::log_at("pace: time between two messages (logarithmic)", &ticks),
                up: Axis::log("microseconds", self.lines.iter().map(figure)),
                series: series.collect(),
            };
            write(&directory.join(format!("{name}.svg")), &plot.svg()?)?;
        }
        Ok(())
    }
}

fn adaptive(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.policy == "adaptive")
}
