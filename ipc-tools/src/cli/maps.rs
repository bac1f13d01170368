//! `ringway maps`: which processes map a ring.

mod mapped;

use std::path::PathBuf;

use serde::Serialize;

use super::inspect::subject::Subject;
use super::inspect::table::{self, Cut, Table};
use mapped::{Mapped, Mapping};

/// Show which processes map a ring, with what rights and how much memory (read-only)
///
/// It reads /proc/PID/maps of all processes, and smaps of those that map the ring, which takes the kernel a walk over
/// their pages. The ring itself isn't touched; this command maps it, too, and leaves itself out.
#[derive(clap::Args)]
#[command(after_help = "\
Columns:
  ROLE    by the kernel's locks: producer, consumer and its cells. With ?, by the mapping's
          rights alone, since no lock was found. An observer reads, and has no lock of its own
  GPHCS   rights on geometry, producer page, hints, cells and slots: r reads, w writes,
          p a private copy, - not mapped
  RSS     resident; PSS the same with shared pages divided by their users
  DIRTY   changed since they were written back; of a file in /dev/shm, all that were written
  HUGE    in huge pages

Exit status: 0 shown, even if nothing maps the ring; 1 the ring can't be looked
at; 2 wrong usage; 130 it was interrupted.

Examples:
  ringway maps /dev/shm/quotes
  sudo ringway maps --any-owner /dev/shm/quotes   # other users' processes, too
  ringway maps --json /proc/4242/fd/5 | jq '.processes[].roles'")]
pub(super) struct Args {
    /// The ring's file; for a ring in a memfd, `/proc/PID/fd/N` of a process that has it open
    ring: PathBuf,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// Open the ring even if another user owns its file
    #[arg(long)]
    any_owner: bool,
}

/// Fields of the JSON object.
#[derive(Serialize)]
struct Maps {
    ring: String,
    processes: Vec<Mapped>,
    /// Number of processes whose mappings couldn't be read: other users', mostly.
    unreadable: usize,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let subject = Subject::open(&args.ring, args.any_owner)?;
    let (processes, unreadable) = mapped::processes(&subject);
    let maps = Maps { ring: subject.path.display().to_string(), processes, unreadable };
    if args.json {
        return crate::answer(&(serde_json::to_string(&maps)? + "\n"));
    }
    crate::answer(&maps.text())?;
    if maps.processes.is_empty() {
        crate::say(format_args!("ringway maps: no process that may be looked at maps {}", subject.shown));
    }
    if unreadable > 0 {
        crate::say(format_args!(
            "ringway maps: processes whose mappings couldn't be read: {unreadable}; root of the machine sees them"
        ));
    }
    Ok(())
}

impl Maps {
    fn text(&self) -> String {
        if self.processes.is_empty() {
            return String::new();
        }
        let heads = [">PID", "ROLE", "GPHCS", ">RSS", ">PSS", ">DIRTY", ">HUGE", "PROCESS"];
        let mut table = Table::new(heads, Cut::End);
        for process in &self.processes {
            for mapping in &process.mappings {
                let Mapping { rights, rss_bytes, pss_bytes, dirty_bytes, huge_bytes, .. } = mapping;
                table.row([
                    process.process.pid.to_string(),
                    process.role_of(mapping),
                    rights.clone(),
                    table::bytes(*rss_bytes),
                    table::bytes(*pss_bytes),
                    table::bytes(*dirty_bytes),
                    table::bytes(*huge_bytes),
                    process.shown(),
                ]);
            }
        }
        table.text(table::columns())
    }
}
