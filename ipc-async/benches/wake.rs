//! What waiting in tasks costs, beside its floors and its peers, all in one run:
//!
//! - how long an idle task takes to run once a message was published: for a ring; for a bare thread that sleeps in
//!   `futex_waitv` and wakes a task, the floor; for an `eventfd` that the producer signals; for
//!   tokio's `mpsc`, in one process;
//! - the instructions of a message that is there, beside those of the call that waits in its thread;
//! - messages per second in batches, beside tokio's `mpsc`.
//!
//! `cargo bench --bench wake`: ten seconds, on a machine that does nothing else.

#[path = "wake/batches.rs"]
mod batches;
#[path = "wake/ready.rs"]
mod ready;
#[path = "wake/waking.rs"]
mod waking;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo bench --bench wake -- [--no-counts] [--json]
  --no-counts  don't count instructions, which takes valgrind
  --json       write one JSON object";

/// A figure, by its name, and how many digits it is printed with.
type Figure = (&'static str, f64);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let ["count", name, path, times] = args[..] {
        ready::run(name, Path::new(path), times.parse().expect("a number of times"));
        return ExitCode::SUCCESS;
    }
    if args.iter().any(|arg| !["--no-counts", "--json"].contains(arg)) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let mut figures = waking::measure();
    figures.extend(batches::measure());
    if !args.contains(&"--no-counts") {
        match ready::count_all() {
            Ok(counted) => figures.extend(counted),
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::FAILURE;
            }
        }
    }
    if args.contains(&"--json") {
        let object: serde_json::Map<String, serde_json::Value> =
            figures.into_iter().map(|(name, figure)| (name.to_owned(), figure.into())).collect();
        println!("{}", serde_json::Value::Object(object));
    } else {
        for (name, figure) in figures {
            println!("{name:<72}{figure:>14.2}");
        }
    }
    ExitCode::SUCCESS
}
