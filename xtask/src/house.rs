//! `cargo xtask house`: whether the house is as docs/design.md draws it. Arrows between floors point down only, no
//! circle of imports has more than three files, and no file has 400 lines or more.

mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Failure, root};
use imports::{Arrow, Imports};

pub const USAGE: &str = "usage: cargo xtask house
  Reads the imports of the crates that have floors, and prints each floor's files and the arrows between floors.
  Fails if an arrow points up, if more than 3 files import each other in a circle, or if a file has 400 lines or more.";

/// The most files that may import each other in a circle.
const CIRCLE: usize = 3;
/// No source file has as many lines.
const LINES: usize = 400;

/// The crates that have floors, from the top down: the folders and files of each. A file may import from its own floor
/// and from those below.
const HOUSES: [(&str, &[&str]); 5] = [
    ("ipc-async", &["tasks", "waiting", "sleeping", "system"]),
    ("ipc-core", &["roles", "protocol", "memory", "ordering", "format"]),
    (
        "ipc-file",
        &["memfd", "ring", "path", "role", "content", "map", "truncation", "locks", "error", "system"],
    ),
    (
        "gateway",
        &[
            "main simulation",
            "host keeper",
            "config",
            "export import status metrics",
            "session packet inbox acker arrivals forget",
            "source alarm mirror claim gate kept",
            "meta names origin files stop log",
        ],
    ),
    ("gateway/protocol", &["pace apply", "sink", "frame ack policy"]),
];

pub fn run(args: &[&str]) -> Result<(), Failure> {
    if let Some(arg) = args.first() {
        return Err(Failure::Arguments(format!("unknown argument {arg:?}")));
    }
    let mut faults = Vec::new();
    for (name, floors) in HOUSES {
        faults.extend(check(name, floors)?);
    }
    faults.extend(long_files()?);
    if faults.is_empty() { Ok(()) } else { Err(Failure::Run(faults.join("\n"))) }
}

/// Prints a crate's floors and returns what is wrong with them.
fn check(name: &str, floors: &[&str]) -> Result<Vec<String>, String> {
    let imports = Imports::read(&root().join(name).join("src"))?;
    let level = |file: &str| {
        floors.iter().position(|floor| floor.split(' ').any(|name| file.split('/').next() == Some(name)))
    };
    let mut faults = Vec::new();
    for file in imports.files.iter().filter(|file| level(file).is_none()) {
        faults.push(format!(
            "{name}/src/{file}.rs stands on no floor: move it into one of {}",
            floors.join(", ")
        ));
    }
    let upward: Vec<&Arrow> =
        imports.arrows.iter().filter(|arrow| level(&arrow.to) < level(&arrow.from)).collect();
    let circles = imports.circles();
    let largest = circles.first().map_or(1, Vec::len);

    println!("{name}: {} files, {} arrows", imports.files.len(), imports.arrows.len());
    for (at, floor) in floors.iter().enumerate() {
        let files = imports.files.iter().filter(|file| level(file) == Some(at)).count();
        let mut below = BTreeMap::new();
        for arrow in imports.arrows.iter().filter(|arrow| level(&arrow.from) == Some(at)) {
            *below.entry(level(&arrow.to).map_or("no floor", |to| floors[to])).or_insert(0) += 1;
        }
        let to: Vec<String> = below.iter().map(|(to, count)| format!("{to} {count}")).collect();
        println!("  {floor:<28}{files:>3} files  -> {}", to.join(", "));
    }
    println!("  upward arrows: {}; largest circle: {largest} files (at most {CIRCLE})", upward.len());

    faults.extend(
        upward.iter().map(|arrow| format!("{name}: {} imports {}, which is above it", arrow.from, arrow.to)),
    );
    let large = circles.iter().filter(|circle| circle.len() > CIRCLE);
    faults.extend(
        large.map(|circle| format!("{name}: {} files in one circle: {}", circle.len(), circle.join(", "))),
    );
    Ok(faults)
}

/// The source files of the repository that are too long.
fn long_files() -> Result<Vec<String>, String> {
    let listed = Command::new("git").args(["ls-files", "*.rs"]).current_dir(root()).output();
    let listed = listed.map_err(|error| format!("can't run git: {error}"))?;
    let mut faults = Vec::new();
    let names = String::from_utf8_lossy(&listed.stdout);
    let mut longest = (0, "");
    for name in names.lines().filter(|name| root().join(name).exists()) {
        let lines = lines_of(&root().join(name))?;
        longest = longest.max((lines, name));
        if lines >= LINES {
            faults.push(format!("{name} has {lines} lines: split it, less than {LINES} are allowed"));
        }
    }
    println!("longest file: {} ({} lines; less than {LINES})", longest.1, longest.0);
    Ok(faults)
}

fn lines_of(path: &Path) -> Result<usize, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.lines().count())
}
