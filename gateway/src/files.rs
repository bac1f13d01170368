//! Files that a gateway writes beside its rings.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Permissions of a written file, which the process's umask narrows.
const MODE: u32 = 0o644;

/// Replaces a file in one step: a reader finds the old content or the new one. The draft has a random name and is opened
/// exclusively, because folders such as `/dev/shm` belong to everybody: no link planted there is followed.
///
/// # Errors
/// If the file can't be written.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("gateway.prom");
/// ringway_gateway::files::replace(&path, b"one")?;
/// ringway_gateway::files::replace(&path, b"two")?;
/// assert_eq!(std::fs::read(&path)?, b"two");
/// # Ok::<(), anyhow::Error>(())
/// ```
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Else the error would name the draft, another one each time.
    ensure!(folder.is_dir(), "there is no directory {}: make it, or give another path", folder.display());
    let mut draft = tempfile::Builder::new()
        .prefix(".ringway-draft.")
        .permissions(PermissionsExt::from_mode(MODE))
        .tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.persist(path)?;
    Ok(())
}

/// Path of the file beside the ring at `ring`: the ring's path with `suffix`.
pub fn beside(ring: &Path, suffix: &str) -> PathBuf {
    let mut name = ring.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The first `most` bytes of the file at `path`, beside the ring at `ring`; `None` if there is none. In a folder that
/// everybody writes, any user may put something there: a pipe isn't waited for, and a link isn't followed.
///
/// # Errors
/// If the file can't be read, isn't a file, or belongs neither to the ring's user nor to this process's.
pub fn read_beside(path: &Path, ring: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    read(path, ring, most).with_context(|| format!("reading {}", path.display()))
}

fn read(path: &Path, ring: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let owner = match ring.metadata() {
        Ok(ring) => Some(ring.uid()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).context("looking at the ring"),
    };
    // A gateway may serve the ring of another user.
    let own = own_user()?;
    let is_ours =
        |found: &Metadata| found.is_file() && owner.is_none_or(|owner| [owner, own].contains(&found.uid()));
    let refused = || match owner {
        Some(owner) => format!(
            "it isn't a file of user {owner}, to whom the ring belongs, or of user {own}, as whom this gateway runs: \
             remove it, or have root do so where the folder lets only a file's owner remove it"
        ),
        None => "it isn't a file: remove it".into(),
    };
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    ensure!(is_ours(&found), refused());
    // Something else may lie there by now.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path)?;
    ensure!(is_ours(&file.metadata()?), refused());
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// The user as whom this process runs.
fn own_user() -> Result<u32> {
    Ok(Path::new("/proc/self").metadata().context("looking at this process")?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_this_processs_user_is_read_beside_a_ring_of_another() {
        // Only root can give files away.
        if own_user().unwrap() != 0 {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let [path, ring] = ["file", "ring"].map(|name| folder.path().join(name));
        let give = |path: &Path, to| std::os::unix::fs::chown(path, Some(to), None).unwrap();
        [&path, &ring].into_iter().for_each(|path| replace(path, b"ours").unwrap());
        give(&ring, 1);
        for owner in [0, 1] {
            give(&path, owner);
            assert_eq!(read_beside(&path, &ring, 10).unwrap().unwrap(), b"ours");
        }
        give(&path, 2);
        let error = format!("{:#}", read_beside(&path, &ring, 10).unwrap_err());
        assert!(error.contains("of user 1, to whom the ring belongs, or of user 0"), "{error}");
        assert!(error.contains("have root do so"), "{error}");
    }

    #[test]
    fn no_planted_link_is_followed_and_no_draft_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["file", "other"].map(|name| folder.path().join(name));
        std::fs::write(&other, "theirs").unwrap();
        // The file itself, and the name that a draft with the process id would have.
        let guessed = folder.path().join(format!("file.{}", std::process::id()));
        for planted in [&path, &guessed] {
            std::os::unix::fs::symlink(&other, planted).unwrap();
        }
        replace(&path, b"ours").unwrap();
        assert_eq!(
            (std::fs::read(&path).unwrap(), std::fs::read(&other).unwrap()),
            (b"ours".to_vec(), b"theirs".to_vec())
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_folder_that_isnt_there_is_named() {
        let attempt =
            || format!("{:#}", replace(Path::new("/dev/shm/no such folder/file"), b"").unwrap_err());
        assert_eq!(
            attempt(),
            "writing /dev/shm/no such folder/file: there is no directory /dev/shm/no such folder: make it, or give \
             another path"
        );
        // What says the same is told once.
        assert_eq!(attempt(), attempt());
    }
}
