//! What watching costs a ring that is never idle: its throughput with and without `ringway watch` on a terminal, and
//! `ringway info` in a loop, beside it; and the instructions of its processes, which must be the same.
//!
//! `cargo bench --bench watching`: two minutes on a machine that does nothing else. It fails if throughput changes by
//! 2 % or more, as far as the interval tells, or if an instruction is added.

#[path = "watching/beside.rs"]
mod beside;
#[path = "watching/compare.rs"]
mod compare;
#[path = "watching/counted.rs"]
mod counted;
mod counting;
#[path = "watching/saturated.rs"]
mod saturated;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use beside::{Beside, Nothing, Repeated, Shown};
use compare::Compared;

const USAGE: &str = "usage: cargo bench --bench watching -- [--pairs N] [--window MS] [--no-counts] [--json]
  --pairs N    windows with each watcher, and as many without (at first: 200, at least 30)
  --window MS  length of a window in milliseconds (at first: 100)
  --no-counts  don't count instructions, which takes valgrind
  --json       write one JSON object";

/// Change of throughput that is allowed.
const MOST: f64 = 0.02;
/// Time between two looks: what `ringway watch` does by itself. A watcher looks more often in its windows, since time
/// goes on while it is stopped.
const INTERVAL: &str = "500ms";

struct Plan {
    pairs: usize,
    window: Duration,
    counts: bool,
    json: bool,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["produce", path] => saturated::produce(Path::new(path)),
        ["consume", path] => saturated::consume(Path::new(path)),
        ["count", name, path, times] => {
            counting::run(name, Path::new(path), times.parse().expect("a number of times"));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    match plan(&args).and_then(|plan| measure(&plan)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn plan(args: &[&str]) -> Result<Plan, String> {
    let mut plan = Plan { pairs: 200, window: Duration::from_millis(100), counts: true, json: false };
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse::<usize>().ok()).ok_or(USAGE);
        match arg {
            "--pairs" => plan.pairs = number()?.max(30),
            "--window" => plan.window = Duration::from_millis(number()?.max(10) as u64),
            "--no-counts" => plan.counts = false,
            "--json" => plan.json = true,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(plan)
}

/// Measures and reports. Returns whether watching costs no more than it may.
fn measure(plan: &Plan) -> Result<bool, String> {
    let ringway = beside::built()?;
    let ring = saturated::Ring::start()?;
    let mut watchers: [Box<dyn Beside>; 2] = [
        Box::new(Shown::start(&ringway, ring.path(), INTERVAL)?),
        Box::new(Repeated::start(&ringway, ring.path(), INTERVAL)?),
    ];
    let mut without: [Vec<f64>; 2] = Default::default();
    let mut with: [Vec<f64>; 2] = Default::default();
    let mut busy = [Duration::ZERO; 2];
    // One window to warm up.
    ring.throughput(plan.window, &mut Nothing)?;
    for pair in 0..plan.pairs {
        for (which, watcher) in watchers.iter_mut().enumerate() {
            // Whichever is first changes from pair to pair, so that a drift falls on both.
            for beside in [pair % 2 == 0, pair % 2 != 0] {
                if beside {
                    let (rate, time) = ring.throughput(plan.window, &mut **watcher)?;
                    with[which].push(rate);
                    busy[which] += time;
                } else {
                    without[which].push(ring.throughput(plan.window, &mut Nothing)?.0);
                }
            }
        }
    }
    let names = watchers.each_ref().map(|watcher| watcher.name());
    drop((watchers, ring));
    let time = plan.window * plan.pairs as u32;
    let compared: Vec<Compared> = (0..2)
        .map(|which| {
            Compared::new(
                &names[which],
                &without[which],
                &with[which],
                busy[which].as_secs_f64() / time.as_secs_f64(),
            )
        })
        .collect();
    let counted = if plan.counts { counted::all(&ringway)? } else { Vec::new() };
    let held = compared.iter().all(|compared| compared.is_within(MOST))
        && counted.iter().all(counted::Counted::is_equal);
    if plan.json {
        let compared: Vec<_> = compared.iter().map(Compared::json).collect();
        let counted: Vec<_> = counted.iter().map(counted::Counted::json).collect();
        let report = serde_json::json!({
            "pairs": plan.pairs, "window_ms": plan.window.as_millis() as u64, "interval": INTERVAL,
            "throughput": compared, "instructions": counted, "held": held,
        });
        println!("{report}");
    } else {
        let window = plan.window.as_millis();
        println!(
            "A saturated ring, messages of {} bytes, {} pairs of windows of {window} ms:",
            saturated::SIZE,
            plan.pairs
        );
        compare::print(&compared);
        counted::print(&counted);
        println!(
            "{}",
            if held {
                "watching costs less than 2 %, and no instruction"
            } else {
                "that isn't shown to be less than 2 %, and no instruction"
            }
        );
    }
    Ok(held)
}
