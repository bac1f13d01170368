//! Ringway beside its peers and the machine's own floors: one harness, the same messages and checks for all.
//!
//! `cargo peers` prints a table; see `cargo peers -- --help`.

mod control;
mod cores;
#[path = "../../counting/mod.rs"]
mod counting;
mod crew;
mod floors;
mod machine;
mod message;
mod other_build;
mod peer;
mod peers;
mod placement;
mod plan;
mod progress;
mod report;
mod rounds;
mod work;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Parser;

use crate::machine::Machine;
use crate::placement::{Placement, Watch};
use crate::progress::Progress;
use crate::report::{json, plots, table, targets};
use crate::rounds::{Rounds, Scale};
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
    /// Measure nothing: draw what an earlier run wrote with --json into this file.
    #[arg(long, value_name = "FILE", requires = "svg", conflicts_with_all = ["quick", "json", "only", "beside"])]
    from: Option<PathBuf>,
    /// Only experiments whose name contains this; targets of the others stay without values.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Another program built from this package, whose Ringway runs beside this one's in the same rounds.
    #[arg(long, value_name = "PROGRAM")]
    beside: Option<PathBuf>,
    /// A run for another program: experiment, variant, milliseconds.
    #[arg(long, hide = true, num_args = 3)]
    one: Option<Vec<String>>,
    /// What callgrind counts in a process of its own: operation, path of a ring to be, how often.
    #[arg(long, hide = true, num_args = 3)]
    counted: Option<Vec<String>>,
}

/// About what it takes to count the instructions of an operation.
const COUNTING: Duration = Duration::from_secs(5);

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some([operation, ring, times]) = args.counted.as_deref() {
        counting::run(operation, Path::new(ring), times.parse()?);
        return Ok(());
    }
    if let Some([experiment, variant, millis]) = args.one.as_deref() {
        return other_build::answer(experiment, variant, millis);
    }
    if let (Some(file), Some(dir)) = (&args.from, &args.svg) {
        return draw_again(file, dir);
    }
    cores::choose()?;
    // Figures of a machine that has something else to do tell little.
    let machine = Machine::now();
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
    let mut experiments = all.into_iter().filter(|experiment| wanted(&experiment.id)).collect::<Vec<_>>();
    if let Some(program) = &args.beside {
        rounds::beside(&mut experiments, program)?;
    }
    let operations = if wanted("instructions") { &counting::OPERATIONS[..] } else { &[] };
    let (runs, time) = rounds::length(&experiments, scale);
    let time = time + COUNTING * operations.len() as u32;
    eprintln!("{machine}");
    eprintln!("{} experiments in {runs} runs: {}", experiments.len(), progress::about(time));
    if machine.was_busy() {
        eprintln!("this machine has something else to do: its figures will tell little");
    }
    if experiments.iter().any(|experiment| experiment.id.starts_with(waking_cost::ID)) {
        waking_cost::build();
    }
    let watch = Watch::new()?;
    eprintln!("{watch}");
    let mut progress = Progress::new(runs + operations.len() as u64, time);
    let mut rounds = Rounds { scale, watch, progress: &mut progress };
    let done = rounds.run(experiments)?;
    let watch = rounds.watch;
    let count = |operation: &(&'static str, &str)| {
        progress.say("instructions", operation.0);
        let count = counting::per_operation(*operation, &["--counted"], &mut |_| ());
        progress.step();
        (operation.0, count)
    };
    let counted: Vec<_> = operations.iter().map(count).collect();
    drop(progress);
    let told = |(name, count): (&'static str, Result<f64, String>)| match count {
        Ok(count) => (name, Some(count)),
        Err(why) => {
            eprintln!("instructions of {name} aren't counted: {why}");
            (name, None)
        }
    };
    let instructions: Vec<_> = counted.into_iter().map(told).collect();
    let targets = targets::all(&done, &instructions);
    let crates = peers::crates();
    let report = json::value(&done, &targets, &instructions, &crates, &machine, &watch, scale);
    if let Some(dir) = &args.svg {
        plots::draw(&report, dir)?;
    }
    if args.json {
        println!("{report:#}");
    } else {
        println!("machine: {machine}\n{watch}");
        if !Placement::is_one_of_all(&done) {
            println!("the experiments lie in several placements: don't compare one with another");
        }
        for (name, count) in &instructions {
            println!(
                "instructions, {name}: {}",
                count.map_or("not counted".into(), |count| format!("{count:.1}"))
            );
        }
        print!("{}", table::text(&done, &targets, &crates, &machine));
    }
    Ok(())
}

/// Draws what was measured before.
fn draw_again(file: &Path, dir: &Path) -> anyhow::Result<()> {
    let text = std::fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
    let report = serde_json::from_slice(&text).with_context(|| {
        format!("{} isn't JSON: save the output of `cargo peers -- --json`", file.display())
    })?;
    plots::draw(&report, dir)
}
