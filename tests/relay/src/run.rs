//! `relay run`: builds what isn't Rust, and reports both runs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use ringway::{Config, file};
use serde_json::json;

use crate::message::LEN;
use crate::process::Chain;
use crate::{kills, whole};

/// What `relay run` takes.
#[derive(clap::Args)]
pub struct Args {
    /// How many messages are handed on undisturbed.
    #[arg(long, default_value_t = 10_000_000)]
    messages: u64,
    /// How often each of the four processes is killed in the second run.
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// Of the moments of the kills.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A Python that has the package `ringway`: `py/check.sh` makes this one.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../py/target/venv/bin/python"))]
    python: PathBuf,
    /// The folder with the C library's static archive.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release"))]
    library: PathBuf,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Slots of each ring: as many that a relay which is started again sometimes finds messages that it has handed on.
const SLOTS: u64 = 65_536;

/// The folder of both rings.
#[derive(Debug)]
pub struct Rings(tempfile::TempDir);

impl Rings {
    /// Makes both rings anew.
    pub fn create(&self, chain: &Chain) -> Result<()> {
        for path in [&chain.first, &chain.second] {
            if path.exists() {
                fs::remove_file(path)?;
            }
            file::create(path, &Config::new().slots(SLOTS).payload_capacity(LEN as u64).max_consumers(8))?;
        }
        Ok(())
    }
}

/// Runs both, and prints what was seen.
pub fn run(args: &Args) -> Result<()> {
    ensure!(
        args.python.exists(),
        "{} isn't there: run py/check.sh first, or name another Python that has ringway with --python",
        args.python.display()
    );
    let rings = Rings(tempfile::tempdir_in("/dev/shm")?);
    let directory = rings.0.path();
    let chain = Chain {
        relay: build(directory, &args.library)?,
        python: args.python.clone(),
        first: directory.join("first"),
        second: directory.join("second"),
    };
    let whole = whole::run(&rings, &chain, args.messages).context("the undisturbed run")?;
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} kills, {elapsed}")?;
    let bar = ProgressBar::new(4 * u64::from(args.kills)).with_style(style);
    let killed = kills::run(&rings, &chain, args.kills, args.seed, &bar).context("the run with kills")?;
    bar.finish_and_clear();
    if args.json {
        println!("{}", json!({ "undisturbed": whole, "killed": killed }));
        return Ok(());
    }
    let rate = whole.messages as f64 / whole.seconds / 1e6;
    println!(
        "undisturbed: {} messages in {:.1} s ({rate:.2} million a second); all five sums are {:016x}",
        whole.messages, whole.seconds, whole.sum
    );
    println!(
        "killed: each of 4 processes {} times in {:.0} s; {} messages published, {} relayed;",
        killed.kills_each, killed.seconds, killed.published, killed.relayed
    );
    println!(
        "        0 lost by a consumer that was there; {} came while no relay was there, at {} places",
        killed.missed_by_no_relay, killed.gaps
    );
    for (ring, (observed, lost)) in ["first", "second"].iter().zip(killed.observed_lost) {
        println!("        {ring} ring's observer: {observed} received + {lost} lost = all");
    }
    Ok(())
}

/// Compiles the C program, linked with the library's archive.
fn build(directory: &Path, library: &Path) -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let archive = library.join("libringway_c.a");
    ensure!(
        archive.exists(),
        "{} isn't there: run `cargo build --release -p ringway-c` first",
        archive.display()
    );
    let program = directory.join("relay");
    let status = Command::new("gcc")
        .args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
        .arg(here.join("../../ringway-c/include"))
        .args([here.join("relay.c").as_os_str(), archive.as_os_str(), OsStr::new("-lpthread")])
        .args(["-ldl", "-lm", "-o"])
        .arg(&program)
        .status()
        .context("can't run gcc")?;
    ensure!(status.success(), "gcc: {status}");
    Ok(program)
}
