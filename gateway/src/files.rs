//! Files that a gateway writes beside its rings.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

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
    let mut draft = tempfile::Builder::new()
        .prefix(".ringway-draft.")
        .permissions(PermissionsExt::from_mode(MODE))
        .tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let error = replace(Path::new("/dev/shm/no such folder/file"), b"").unwrap_err();
        assert!(format!("{error:#}").contains("/dev/shm/no such folder/file"), "{error:#}");
    }
}
