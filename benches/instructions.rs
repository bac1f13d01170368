//! Instructions per operation, counted by valgrind's callgrind: the same in every run, whatever else the machine
//! does, and less those of the loop around it. Compared with the committed figures;
//! `-- --update` commits new ones.

mod counting;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// The committed figures.
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.json");
/// How far from them a figure may be, in either direction.
const TOLERANCE: f64 = 0.02;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match &args[..] {
        [name, path, times] if name != "--update" => {
            counting::run(name, Path::new(path), times.parse().expect("a number of times"));
            ExitCode::SUCCESS
        }
        [] => report(false),
        [update] if update == "--update" => report(true),
        _ => {
            eprintln!("unknown arguments {args:?}: expected none, or --update");
            ExitCode::from(2)
        }
    }
}

/// The figures, beside the committed ones.
fn report(update: bool) -> ExitCode {
    let committed: BTreeMap<String, f64> = std::fs::read_to_string(FIGURES)
        .map(|text| serde_json::from_str(&text).expect("benches/instructions.json holds figures"))
        .unwrap_or_default();
    let mut counted = BTreeMap::new();
    let mut within = true;
    println!("{:<32}{:>14}{:>14}", format!("instructions, {} bytes", counting::SIZE), "counted", "committed");
    for operation @ (name, _) in counting::OPERATIONS {
        let figure =
            counting::per_operation(operation, &[], &mut |_| ()).unwrap_or_else(|why| panic!("{why}"));
        let before = committed.get(name).copied();
        let near = before.is_some_and(|before| (figure - before).abs() <= TOLERANCE * before);
        within &= near;
        let (before, verdict) =
            (before.map_or("none".into(), |before| before.to_string()), if near { "" } else { "  differs" });
        println!("{name:<32}{figure:>14.2}{before:>14}{verdict}");
        counted.insert(name.to_owned(), (figure * 100.0).round() / 100.0);
    }
    if update {
        let text = serde_json::to_string_pretty(&counted).expect("figures are JSON");
        std::fs::write(FIGURES, text + "\n").expect("benches/instructions.json can be written");
        return ExitCode::SUCCESS;
    }
    if !within {
        eprintln!(
            "more than {}% from benches/instructions.json: find out why, or `cargo bench --bench instructions -- --update`",
            TOLERANCE * 100.0
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
