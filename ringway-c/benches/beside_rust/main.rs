//! What it costs to use Ringway from C, beside Rust: instructions of a message that is published and received, counted
//! by valgrind's callgrind, and round trips between two processes, C and Rust in turn.
//!
//! `-- --json` prints the figures as JSON. `-- --rounds N` measures N rounds of each.

#[path = "../../../benches/counting/mod.rs"]
mod counting;
mod round_trip;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::json;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Where the library is installed for this.
const DESTDIR: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/ringway-c-bench");
/// Operations in the shorter of the two runs whose difference is taken, and in the longer one.
const RUNS: [u64; 2] = [10_000, 110_000];
/// At most so many times what Rust takes.
const MOST_INSTRUCTIONS: f64 = 1.4;
const MOST_TIME: f64 = 1.05;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().expect("a number");
    match args[..] {
        [role @ ("echo" | "measure"), path, times, core] => {
            round_trip::play(role == "measure", Path::new(path), number(times), number(core) as usize);
        }
        ["--rounds", rounds] => report(false, number(rounds)),
        ["--rounds", rounds, "--json"] => report(true, number(rounds)),
        [name, path, times] => counting::run(name, Path::new(path), number(times)),
        ["--json"] => report(true, 11),
        [] => report(false, 11),
        _ => {
            eprintln!("unknown arguments {args:?}: expected --rounds N, --json, or both in this order");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Measures everything, and prints it.
fn report(as_json: bool, rounds: u64) {
    let side = side();
    let instructions =
        [("in place", "publish and receive", "pair"), ("copied", "publish and receive a copy", "copy")].map(
            |(what, rust, c)| {
                let around = counting::OPERATIONS[0].1;
                let rust = counting::per_operation((rust, around), &[], &mut |_| ())
                    .unwrap_or_else(|why| panic!("{why}"));
                (what, rust, instructions(&side, c) - instructions(&side, "loop"))
            },
        );
    let (rust, c) = round_trip::measure(&side, rounds);
    if as_json {
        let counted = instructions
            .map(|(what, rust, c)| json!({"what": what, "rust": rust, "c": c, "ratio": c / rust}));
        let trips = json!({"rust_ns": rust, "c_ns": c, "ratio": c / rust, "rounds": rounds});
        println!("{}", json!({"bytes": counting::SIZE, "instructions": counted, "round_trip": trips}));
        return;
    }
    println!(
        "{:<44}{:>10}{:>10}{:>8}{:>8}",
        format!("a message of {} bytes", counting::SIZE),
        "Rust",
        "C",
        "ratio",
        "target"
    );
    for (what, rust, c) in instructions {
        let what = format!("instructions to publish and receive, {what}");
        println!("{what:<44}{rust:>10.2}{c:>10.2}{:>8.2}{MOST_INSTRUCTIONS:>8}", c / rust);
    }
    println!(
        "{:<44}{rust:>10.1}{c:>10.1}{:>8.3}{MOST_TIME:>8}",
        "ns for a round trip, median of rounds",
        c / rust
    );
}

/// The program in C, compiled against the library as it is installed.
fn side() -> PathBuf {
    let mut install = Command::new(env!("CARGO"));
    install.current_dir(ROOT).args(["run", "--quiet", "--locked", "--package", "xtask", "--", "install-c"]);
    succeeds(install.args(["--destdir", DESTDIR, "--prefix", "/opt/ringway"]));
    let (program, installed) = (Path::new(DESTDIR).join("side"), format!("{DESTDIR}/opt/ringway"));
    let mut compiler = Command::new("gcc");
    compiler.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program);
    compiler
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/c/side.c"))
        .arg(format!("-I{installed}/include"));
    succeeds(compiler.args([
        &format!("-L{installed}/lib"),
        "-lringway",
        &format!("-Wl,-rpath,{installed}/lib"),
    ]));
    program
}

/// Instructions of one operation in C, and of the loop around it.
fn instructions(side: &Path, name: &str) -> f64 {
    let [fewer, more] = RUNS.map(|times| {
        let rings = tempfile::tempdir_in("/dev/shm").expect("a directory for a ring");
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(side).args(["count", name]);
        let said = succeeds(valgrind.arg(rings.path().join("ring")).arg(times.to_string()));
        let counted =
            said.lines().find_map(|line| line.split_once("Collected :")).expect("callgrind counts").1;
        counted.trim().parse::<f64>().expect("a number")
    });
    (more - fewer) / (RUNS[1] - RUNS[0]) as f64
}

/// Runs a command that must succeed. What it said on its standard error.
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?} ended with {}:\n{said}", output.status);
    said
}
