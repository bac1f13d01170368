//! Instructions of a process that uses a ring, alone and while it is watched.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::counting;

/// Instructions of an operation.
pub struct Counted {
    operation: &'static str,
    alone: f64,
    watched: f64,
    /// Looks that found the ring open meanwhile.
    looks: u64,
}

impl Counted {
    /// Whether they are the same, and were watched. What a process does once may differ by some instructions.
    pub fn is_equal(&self) -> bool {
        (self.alone - self.watched).abs() < 0.005 && self.looks > 0
    }

    pub fn json(&self) -> Value {
        json!({ "operation": self.operation, "alone": self.alone, "watched": self.watched, "looks": self.looks })
    }
}

pub fn all(ringway: &Path) -> Result<Vec<Counted>, String> {
    counting::OPERATIONS.into_iter().map(|operation| counted(operation, ringway)).collect()
}

fn counted(operation: (&'static str, &str), ringway: &Path) -> Result<Counted, String> {
    let alone = counting::per_operation(operation, &["count"], &mut |_| ())?;
    let (mut watch, mut looks): (Option<Watch>, _) = (None, 0);
    let mut beside = |ring: &Path| {
        looks += watch.take().map_or(0, Watch::looks);
        watch = Some(Watch::start(ringway, ring).expect("ringway watch starts"));
    };
    let watched = counting::per_operation(operation, &["count"], &mut beside)?;
    looks += watch.take().map_or(0, Watch::looks);
    Ok(Counted { operation: operation.0, alone, watched, looks })
}

pub fn print(counted: &[Counted]) {
    if counted.is_empty() {
        return;
    }
    println!("{:<38}{:>11}{:>11}{:>8}", "instructions", "alone", "watched", "looks");
    for Counted { operation, alone, watched, looks } in counted {
        println!("{operation:<38}{alone:>11.3}{watched:>11.3}{looks:>8}");
    }
}

/// `ringway watch`, which looks as often as it can.
struct Watch(Child);

impl Watch {
    fn start(ringway: &Path, ring: &Path) -> Result<Self, String> {
        let mut command = Command::new(ringway);
        command.args(["watch", "--json", "--interval", "10ms"]).arg(ring).stdout(Stdio::piped());
        let child = command.spawn().map_err(|error| format!("ringway watch: {error}"))?;
        Ok(Self(child))
    }

    /// Ends it. Returns how many looks found the ring open.
    fn looks(mut self) -> u64 {
        let _ = self.0.kill();
        let lines = self.0.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let open = lines.into_iter().flatten().map_while(Result::ok);
        let open = open.filter(|line| line.contains("\"state\":\"open\"")).count() as u64;
        let _ = self.0.wait();
        open
    }
}
