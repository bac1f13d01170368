//! Another program built from this package, as of an older state of Ringway: its runs take turns with this one's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::cores;
use crate::crew::{Measured, isolated};
use crate::plan::{self, Variant};
use crate::report::stats::RINGWAY;
use crate::work::waking_cost;

/// What its variants' names end with.
pub const SUFFIX: &str = " (other build)";

/// A variant of another program.
pub struct OtherBuild {
    /// Where it is.
    pub program: PathBuf,
    /// What it calls the variant.
    pub variant: String,
}

/// Whether the program can be asked for this: it builds no programs of its own.
pub fn can_run(experiment: &str, variant: &Variant) -> bool {
    variant.name.starts_with(RINGWAY) && !experiment.starts_with(waking_cost::ID)
}

/// Whether there is such a program at all. What it can't do is told by the runs.
pub fn check(program: &Path) -> anyhow::Result<()> {
    ensure!(
        program.is_file(),
        "{} isn't there: give the path of a ringway-peers that was built elsewhere",
        program.display()
    );
    Ok(())
}

/// Has the program do a run. It starts from the same state as this one's: no core is chosen yet.
pub fn run(other: &OtherBuild, experiment: &str, time: Duration) -> anyhow::Result<Measured> {
    let OtherBuild { program, variant } = other;
    let millis = time.as_millis().to_string();
    let output = Command::new(program)
        .args(["--one", experiment, variant, &millis])
        .output()
        .with_context(|| program.display().to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the other build failed: {}", said.trim_end());
    serde_json::from_slice(&output.stdout).context("what the other build said")
}

/// Does a run for another program, and says what it came to.
pub fn answer(experiment: &str, variant: &str, millis: &str) -> anyhow::Result<()> {
    cores::choose()?;
    let time = Duration::from_millis(millis.parse()?);
    let all = plan::all();
    let found = all.iter().find(|known| known.id == experiment);
    let found = found.and_then(|known| known.variants.iter().find(|known| known.name == variant));
    let found = found.with_context(|| format!("this build has no {variant:?} in {experiment}"))?;
    println!("{}", serde_json::to_string(&isolated(time, &*found.run)?)?);
    Ok(())
}
