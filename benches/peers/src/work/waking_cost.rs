//! What it costs a sender, nobody being asleep, that it could wake somebody: one program built twice, as it is and
//! with `--cfg ringway_spin_only`, which leaves waking out. The two take turns, each time in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, anyhow, ensure};

use crate::crew::{Job, Measured};

/// What an experiment's name has if it needs the programs.
pub const ID: &str = "waking-cost";
/// The build that can wake nobody, as it is printed.
pub const SPIN_ONLY: &str = "ringway, spin-only build (floor)";

/// Where the two programs are, or why they aren't.
static BUILT: OnceLock<Result<[PathBuf; 2], String>> = OnceLock::new();

/// Which program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// As everybody has it.
    Waking,
    /// Without waking.
    SpinOnly,
}

/// Builds both programs: before anything is measured. A failure is told by the runs.
pub fn build() {
    eprintln!("building publish-cost twice, with and without waking: a minute or two, the first time");
    let built = || Ok([build_one(Build::Waking)?, build_one(Build::SpinOnly)?]);
    BUILT.get_or_init(|| built().map_err(|error: anyhow::Error| format!("{error:#}")));
}

fn build_one(build: Build) -> anyhow::Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("publish-cost");
    let this = std::env::current_exe()?;
    let target = this.ancestors().nth(2).context("this program lies in no target directory")?;
    let target = target.join("publish-cost");
    // Both builds get all of the same flags from one place, that of the environment.
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let (target, flags) = match build {
        Build::Waking => (target.join("waking"), flags),
        Build::SpinOnly => (target.join("spin-only"), format!("{flags} --cfg ringway_spin_only")),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", flags)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .stdout(Stdio::null())
        .status()
        .context("cargo isn't there")?;
    ensure!(status.success(), "publish-cost fails to build: cargo has said why at the start of this run");
    Ok(target.join("release/ringway-publish-cost"))
}

/// Time per message of what `how` says, as the program tells it: work, wake mode, trust.
pub fn run(job: &Job, build: Build, slots: usize, how: &[&str]) -> anyhow::Result<Measured> {
    let programs = BUILT.get().context("nothing was built")?.as_ref().map_err(|why| anyhow!("{why}"))?;
    let output = Command::new(&programs[usize::from(build == Build::SpinOnly)])
        .arg(job.dir.join("ring"))
        .args([slots.to_string(), job.time.as_millis().to_string()])
        .args(how)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "publish-cost failed: {}", said.trim_end());
    let nanos = String::from_utf8_lossy(&output.stdout).trim().parse().context("what publish-cost said")?;
    Ok(Measured::new([("ns", nanos)]))
}
