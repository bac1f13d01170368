//! Ringway beside its peers and the machine's own floors: one harness, the same messages and checks for all.
//!
//! `cargo peers` prints a table; see `cargo peers -- --help`.

mod control;
mod cores;
#[path = "../../counting/mod.rs"]
mod counting;
mod crew;
mod floors;
mod message;
mod peer;
mod peers;
mod plan;
mod report;
mod rounds;
mod work;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

use crate::report::{json, plots, table, targets};
use crate::rounds::Scale;
use crate::work::waking_cost;

/// Measures Ringway, its peers and the machine's floors in one run, all in turn.
#[derive(Parser)]
#[command(name = "cargo peers")]
struct Args {
    /// Fewer and shorter rounds: about a minute instead of several.
    #[arg(long)]
    quick: bool,
    /// Everything as JSON on standard output, instead of the table.
    #[arg(long)]
    json: bool,
    /// Draw plots into files in this directory.
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    /// Only experiments whose name contains this; targets of the others stay without values.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// What callgrind counts in a process of its own: operation, path of a ring to be, how often.
    #[arg(long, hide = true, num_args = 3)]
    counted: Option<Vec<String>>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some([operation, ring, times]) = args.counted.as_deref() {
        counting::run(operation, Path::new(ring), times.parse()?);
        return Ok(());
    }
    cores::choose()?;
    // One, five and fifteen minutes: figures of a machine that has something else to do tell little.
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let scale = if args.quick {
        Scale { rounds: 3, time: Duration::from_millis(20) }
    } else {
        Scale { rounds: 7, time: Duration::from_millis(120) }
    };
    let wanted = |id: &str| args.only.as_ref().is_none_or(|text| id.contains(text.as_str()));
    let all = plan::all();
    if let Some(text) = args.only.as_ref().filter(|_| !wanted("instructions"))
        && !all.iter().any(|experiment| wanted(&experiment.id))
    {
        let ids: Vec<_> = all.iter().map(|experiment| experiment.id.as_str()).collect();
        anyhow::bail!("no experiment's name contains {text:?}: they are {}, instructions", ids.join(", "));
    }
    let experiments = all.into_iter().filter(|experiment| wanted(&experiment.id)).collect::<Vec<_>>();
    if experiments.iter().any(|experiment| experiment.id.starts_with(waking_cost::ID)) {
        waking_cost::build();
    }
    let done = rounds::run(experiments, scale);
    let count = |operation: &(&'static str, &str)| match counting::per_operation(*operation, &["--counted"]) {
        Ok(count) => (operation.0, Some(count)),
        Err(why) => {
            eprintln!("instructions of {} aren't counted: {why}", operation.0);
            (operation.0, None)
        }
    };
    let instructions: Vec<_> =
        if wanted("instructions") { counting::OPERATIONS.iter().map(count).collect() } else { Vec::new() };
    let targets = targets::all(&done, &instructions);
    let crates = peers::crates();
    if let Some(dir) = &args.svg {
        plots::draw(&done, dir)?;
    }
    if args.json {
        println!("{:#}", json::value(&done, &targets, &instructions, &crates, &load));
    } else {
        println!("load average before this run: {load}");
        for (name, count) in &instructions {
            println!(
                "instructions, {name}: {}",
                count.map_or("not counted".into(), |count| format!("{count:.1}"))
            );
        }
        print!("{}", table::text(&done, &targets, &crates));
    }
    Ok(())
}
