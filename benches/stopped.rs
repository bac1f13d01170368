//! What a stopped best-effort reader costs the others: the producer's throughput while it is stopped, beside that of the
//! same ring without it, in turns. Two consumers check every message. The reader checks what it gets, and that it is
//! told of everything that it loses.
//!
//! `cargo bench --bench stopped`: some two minutes on a machine that does nothing else. It fails if anything is lost that
//! isn't counted, or if the ratio of throughputs is below 0.95.

#[path = "stopped/crew.rs"]
mod crew;
#[path = "stopped/roles.rs"]
mod roles;

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crew::{Failure, Ring};

const USAGE: &str =
    "usage: cargo bench --bench stopped -- [--pairs N] [--window MS] [--stops N] [--seed S] [--json]
  --pairs N    windows with a stopped reader, and as many without a reader (at first: 5)
  --window MS  length of a window in milliseconds (at first: 5000)
  --stops N    after that, stop a reader at so many random moments for up to 150 ms (at first: 1000)
  --seed S     of the random moments (at first: 1)
  --json       write one JSON object";

/// The least share of throughput that is left.
const LEAST: f64 = 0.95;
/// How long a reader reads before it is stopped, and after.
const SETTLE: Duration = Duration::from_millis(100);
/// The longest stop at a random moment, and the longest time between two, in microseconds. The producer's patience is
/// 100 ms.
const LONGEST: (u64, u64) = (150_000, 20_000);

struct Plan {
    pairs: usize,
    window: Duration,
    stops: u64,
    seed: u64,
    json: bool,
}

/// A pair of windows: messages a second.
struct Pair {
    without: f64,
    stopped: f64,
    lost: u64,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["produce", path] => roles::produce(Path::new(path)),
        ["consume", path] => roles::consume(Path::new(path)),
        ["read", path] => roles::read(Path::new(path)),
        _ => {}
    }
    match plan(&args).map_err(Failure::from).and_then(|plan| measure(&plan)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn plan(args: &[&str]) -> Result<Plan, &'static str> {
    let mut plan = Plan { pairs: 5, window: Duration::from_secs(5), stops: 1000, seed: 1, json: false };
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse::<u64>().ok()).ok_or(USAGE);
        match arg {
            "--pairs" => plan.pairs = number()?.max(1) as usize,
            "--window" => plan.window = Duration::from_millis(number()?.max(10)),
            "--stops" => plan.stops = number()?,
            "--seed" => plan.seed = number()?,
            "--json" => plan.json = true,
            _ => return Err(USAGE),
        }
    }
    Ok(plan)
}

/// The numbers in a line of two.
fn two(line: &str) -> Result<(u64, u64), Failure> {
    let (received, lost) = line.split_once(' ').ok_or("expected two numbers")?;
    Ok((received.parse()?, lost.parse()?))
}

/// Measures and reports. Returns whether a stopped reader costs no more than it may. What isn't counted exactly ends the
/// process that finds it, and so is an error here.
fn measure(plan: &Plan) -> Result<bool, Failure> {
    let ring = Ring::start()?;
    let stopped = || -> Result<(f64, u64), Failure> {
        let reader = ring.reader()?;
        thread::sleep(SETTLE);
        reader.stop()?;
        let rate = ring.throughput(plan.window)?;
        reader.go_on()?;
        thread::sleep(SETTLE);
        Ok((rate, two(&reader.end()?)?.1))
    };
    let mut pairs = Vec::new();
    for number in 0..plan.pairs {
        // Whichever is first changes from pair to pair, so that a drift falls on both.
        let pair = if number % 2 == 0 {
            let without = ring.throughput(plan.window)?;
            let (stopped, lost) = stopped()?;
            Pair { without, stopped, lost }
        } else {
            let (stopped, lost) = stopped()?;
            Pair { without: ring.throughput(plan.window)?, stopped, lost }
        };
        if !plan.json {
            let Pair { without, stopped, lost } = pair;
            let ratio = stopped / without;
            println!(
                "without {without:12.0}/s  stopped {stopped:12.0}/s  ratio {ratio:.3}  the reader lost {lost}"
            );
        }
        pairs.push(pair);
    }
    let before = ring.times_passed_over()?;
    let random = at_random_moments(&ring, plan)?;
    let times = ring.times_passed_over()? - before;
    let (head, read) = ring.end()?;
    let mut ratios: Vec<f64> = pairs.iter().map(|pair| pair.stopped / pair.without).collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    let held = median >= LEAST && read == [head; 2];
    if plan.json {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|Pair { without, stopped, lost }| serde_json::json!({ "without": without, "stopped": stopped, "lost": lost }))
            .collect();
        let (received, lost) = random;
        let report = serde_json::json!({
            "window_ms": plan.window.as_millis() as u64, "pairs": pairs, "median_ratio": median, "stops": plan.stops,
            "seed": plan.seed, "received": received, "lost": lost, "times_passed_over": times, "messages": head,
            "read_by_consumers": read, "held": held,
        });
        println!("{report}");
    } else {
        let (received, lost) = random;
        println!("median ratio {median:.3} (at least {LEAST})");
        println!(
            "{} stops at random moments: passed over {times} times; received {received} + lost {lost}, each counted",
            plan.stops
        );
        println!("{head} messages; the consumers read {} and {}", read[0], read[1]);
    }
    Ok(held)
}

/// Stops a reader at random moments for random times. Returns what it received, and what it lost.
fn at_random_moments(ring: &Ring, plan: &Plan) -> Result<(u64, u64), Failure> {
    let reader = ring.reader()?;
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    for _ in 0..plan.stops {
        thread::sleep(Duration::from_micros(rng.u64(..LONGEST.1)));
        reader.stop()?;
        thread::sleep(Duration::from_micros(rng.u64(..LONGEST.0)));
        reader.go_on()?;
    }
    thread::sleep(SETTLE);
    two(&reader.end()?)
}
