//! Which rings are watched: those named, and those in the directories named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ringway::file::Shown;

use super::find::rings_in as found_in;
use super::sight::look;
use super::track::Track;
use crate::cli::wording::{Task, in_words_of};

/// The rings to watch. Those in directories come and go.
pub(super) struct Places {
    named: Vec<PathBuf>,
    any_owner: bool,
}

impl Places {
    pub(super) fn new(named: &[PathBuf], any_owner: bool) -> Self {
        Self { named: named.to_vec(), any_owner }
    }

    /// Looks at each ring once. What is no longer in a directory is dropped; what came is added.
    pub(super) fn look(&self, tracks: &mut Vec<Track>) {
        let paths = self.paths();
        tracks.retain(|track| paths.contains(&track.path));
        for path in &paths {
            if !tracks.iter().any(|track| track.path == *path) {
                tracks.push(Track::new(path.clone()));
            }
        }
        let place = |track: &Track| paths.iter().position(|path| *path == track.path);
        tracks.sort_by_key(place);
        for track in tracks {
            let found = look(&track.path, self.any_owner);
            track.add(Instant::now(), found.map_err(|error| reason(&track.path, error)));
        }
    }

    /// All paths, in the order of the arguments and then by name, each once.
    fn paths(&self) -> Vec<PathBuf> {
        let mut seen = BTreeSet::new();
        let each = self
            .named
            .iter()
            .flat_map(|path| if path.is_dir() { rings_in(path) } else { vec![path.clone()] });
        each.filter(|path| seen.insert(path.clone())).collect()
    }
}

/// The rings of a directory. One that can't be read now has none.
fn rings_in(directory: &Path) -> Vec<PathBuf> {
    let mut found = found_in(directory);
    found.sort();
    found
}

/// Why a ring can't be looked at, without its path, which stands beside it.
fn reason(path: &Path, error: anyhow::Error) -> String {
    let text = crate::describe(&in_words_of(Task::Look, error));
    let shown = Shown(path).to_string();
    match text.strip_prefix(&shown) {
        Some(rest) => rest.trim_start_matches(": ").trim_start_matches(' ').into(),
        None => text,
    }
}
