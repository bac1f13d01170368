//! Every example runs, and ends by checking what it claims.
//!
//! The list is that of the folder, so that none is forgotten. `cargo test` builds the examples; for this program alone,
//! `cargo build --examples` does it.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ringway::{Config, Ring, file};

/// Bounds a hang.
const SECONDS: &str = "120";

/// The example that takes the feature `async`.
const NEEDS_ASYNC: &str = "tokio_service";

/// All files of `examples/` with this extension, by name.
fn files(extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension() == Some(OsStr::new(extension))).collect();
    files.sort();
    files
}

/// What cargo has built of an example: beside this program, which lies in `deps`.
fn built(source: &Path) -> PathBuf {
    let own = std::env::current_exe().expect("a program");
    let profile = own.ancestors().nth(2).expect("the folder above `deps`");
    let program = profile.join("examples").join(source.file_stem().expect("a name"));
    let changed = |path: &Path| fs::metadata(path).and_then(|found| found.modified());
    let is_new = changed(&program).is_ok_and(|built| built >= changed(source).expect("a source"));
    assert!(is_new, "{} isn't built as it is now: run `cargo build --examples`", source.display());
    program
}

/// Runs a program with nothing in its environment but where temporary files go, and expects it to succeed.
fn run(program_and_arguments: &[&Path]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", SECONDS]).args(program_and_arguments);
    let path = std::env::var_os("PATH");
    command.env_clear().envs(path.map(|path| ("PATH", path)));
    command.envs(std::env::var_os("TMPDIR").map(|directory| ("TMPDIR", directory)));
    let output = command.output().expect("coreutils' timeout");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program_and_arguments:?}: {}, {said}", output.status);
    output
}

#[test]
fn each_example_checks_what_it_claims() {
    let mut sources = files("rs");
    assert!(sources.len() > 15, "the examples are here");
    if !cfg!(feature = "async") {
        println!("{NEEDS_ASYNC} is skipped: it needs the feature async, which `cargo test --workspace` has");
        sources.retain(|source| source.file_stem() != Some(OsStr::new(NEEDS_ASYNC)));
    }
    for source in sources {
        let output = run(&[&built(&source)]);
        let said = String::from_utf8_lossy(&output.stdout);
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("checked: "), "{} ends with {last:?}", source.display());
    }
}

#[test]
fn each_example_of_the_tour_says_what_the_danger_is() {
    let tour = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide/mappings.md"));
    let tour = tour.expect("the tour, a page of the guide");
    let mut shown = 0;
    for source in files("rs") {
        let name = source.file_stem().and_then(OsStr::to_str).expect("a name of text");
        let text = fs::read_to_string(&source).expect("a source");
        assert!(text.contains(&format!("cargo run --example {name}")), "{name} says how it is run");
        if tour.contains(&format!("(../../examples/{name}.rs)")) {
            let head = text.lines().take_while(|line| line.starts_with("//!"));
            assert!(
                head.into_iter().any(|line| line.contains("The danger")),
                "{name} says what the danger is"
            );
            shown += 1;
        }
    }
    assert_eq!(shown, tour.matches("](../../examples/").count(), "the tour leads to examples that exist");
}

#[test]
fn each_example_in_python_reads_a_ring() {
    if let Err(error) = Command::new("python3").arg("--version").output() {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        println!("skipped: there is no python3");
        return;
    }
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory");
    let path = directory.path().join("ring");
    let mut producer = file::create(&path, &Config::new()).expect("a ring").producer().expect("its producer");
    producer.publish(b"one").expect("room");
    producer.publish(b"two").expect("room");
    producer.close().expect("an open ring");
    let sources = files("py");
    assert!(!sources.is_empty());
    for source in sources {
        let output = run(&[Path::new("python3"), &source, &path]);
        assert_eq!(output.stdout, b"one\ntwo\n", "{}", source.display());
    }
}
