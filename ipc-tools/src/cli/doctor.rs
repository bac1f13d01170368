//! `ringway doctor`: whether this machine is fit for rings, and what to do where it isn't.

mod calls;
mod facts;
mod findings;
mod gather;

use std::fmt::{self, Display};
use std::path::PathBuf;

use anyhow::bail;
use ringway::file::Shown;
use serde::Serialize;

use super::columns::wrapped;
use facts::Facts;
use findings::{Finding, Level, findings};

/// Tell whether this machine is fit for rings, and what to do where it isn't
///
/// It asks the system and changes nothing. A problem keeps rings from working; a warning costs speed, or may keep some
/// from working; a note is something to know.
///
/// Exit status: 0 if there is no problem, 1 if there is.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  ringway doctor                          this machine, and /dev/shm
  ringway doctor /var/lib/app             the file system that rings are to lie on
  ringway doctor --json | jq '.findings[] | select(.level != \"ok\")'")]
pub(super) struct Args {
    /// Where rings are to lie: a directory, or a file in it
    #[arg(default_value = "/dev/shm")]
    path: PathBuf,
    /// Write one JSON object: `fit`, `findings`, and the `facts` that they follow from
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    /// Whether there is no problem.
    fit: bool,
    findings: Vec<Finding>,
    facts: Facts,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let facts = gather::facts(&args.path);
    let findings = findings(&facts);
    let problems = findings.iter().filter(|finding| finding.level == Level::Problem).count();
    let report = Report { fit: problems == 0, findings, facts };
    let text = if args.json { serde_json::to_string(&report)? + "\n" } else { report.to_string() };
    crate::answer(&text)?;
    if problems > 0 {
        bail!("rings won't work on {} here: see what is called a problem", Shown(&args.path));
    }
    Ok(())
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { check, level, found, expected, advice } in &self.findings {
            f.write_str(&wrapped(&format!("{level:<8} {check:<13}"), 23, found))?;
            if *level != Level::Ok {
                f.write_str(&wrapped("", 23, &format!("expected: {expected}")))?;
                f.write_str(&wrapped("", 23, &format!("do: {advice}")))?;
            }
        }
        let count = |level| self.findings.iter().filter(|finding| finding.level == level).count();
        let (problems, warnings, notes) = (count(Level::Problem), count(Level::Warning), count(Level::Note));
        let verdict = if self.fit { "fit for rings" } else { "not fit" };
        writeln!(f, "\n{verdict}: problems {problems}, warnings {warnings}, notes {notes}")
    }
}
