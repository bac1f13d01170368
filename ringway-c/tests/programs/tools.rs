//! The library as it is installed, and programs in C that are compiled against it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Where the library is installed, as if that were the root of a file system, and under which prefix.
const DESTDIR: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/ringway-c-installed");
const PREFIX: &str = "/opt/ringway";

/// The directory with the libraries. Whatever asks first installs them.
pub fn libraries() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let _ = std::fs::remove_dir_all(DESTDIR);
        let mut install = Command::new(env!("CARGO"));
        install.current_dir(root()).args([
            "run",
            "--quiet",
            "--locked",
            "--package",
            "xtask",
            "--",
            "install-c",
        ]);
        succeeds(install.args(["--profile", "dev", "--destdir", DESTDIR, "--prefix", PREFIX]));
        PathBuf::from(format!("{DESTDIR}{PREFIX}/lib"))
    })
}

/// A language, and how strictly it is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    C,
    Cpp,
}

/// How a program gets the library.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Linked {
    Static,
    Shared,
}

pub const LANGUAGES: [Language; 2] = [Language::C, Language::Cpp];
pub const LINKINGS: [Linked; 2] = [Linked::Static, Linked::Shared];

impl Language {
    /// Its compiler, with all warnings as errors.
    pub fn compiler(self) -> Command {
        let (program, language, standard) = match self {
            Language::C => ("gcc", "c", "c11"),
            Language::Cpp => ("g++", "c++", "c++17"),
        };
        let mut compiler = Command::new(program);
        compiler.args(["-x", language, &format!("-std={standard}")]);
        compiler.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"]);
        compiler
    }
}

impl Linked {
    /// What the compiler is told, by `pkg-config` if there is one.
    pub fn flags(self) -> Vec<String> {
        let libraries = libraries();
        let mut ask = Command::new("pkg-config");
        ask.args(["--cflags", "--libs", "ringway"]).args((self == Linked::Static).then_some("--static"));
        ask.env("PKG_CONFIG_LIBDIR", libraries.join("pkgconfig")).env("PKG_CONFIG_SYSROOT_DIR", DESTDIR);
        let mut flags: Vec<String> = match ask.output() {
            Ok(told) => {
                assert!(told.status.success(), "{told:?}");
                String::from_utf8(told.stdout).unwrap().split_whitespace().map(Into::into).collect()
            }
            Err(error) => {
                eprintln!("pkg-config isn't asked ({error}): the flags are written out");
                let include = libraries.parent().unwrap().join("include");
                let more = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc".split(' ').map(Into::into);
                let own = ["-I", "-L", "-lringway"].map(String::from);
                let [i, l, name] = own;
                [i + include.to_str().unwrap(), l + libraries.to_str().unwrap(), name]
                    .into_iter()
                    .chain(more)
                    .collect()
            }
        };
        if self == Linked::Static {
            // Both libraries lie there, and the linker would take the shared one.
            let at = flags.iter().position(|flag| flag == "-lringway").expect("the library's name");
            flags[at] = "-l:libringway.a".into();
        }
        flags
    }
}

/// Compiles a program, once.
pub fn compiled(source: &Path, language: Language, linked: Linked) -> PathBuf {
    static DONE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let name = source.file_stem().unwrap().to_str().unwrap();
    let program = libraries().join(format!("{name}-{language:?}-{linked:?}"));
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if done.contains(&program) {
        return program;
    }
    let flags = linked.flags();
    let mut compiler = language.compiler();
    compiler
        .arg("-I")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/c"))
        .arg("-o")
        .arg(&program)
        .arg(source);
    // What follows is no source.
    succeeds(compiler.args(["-x", "none"]).args(flags));
    done.insert(program.clone());
    program
}

/// A program of this folder.
pub fn of_tests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/c/{name}.c"))
}

/// A compiled program, to be run.
pub fn run(program: &Path) -> Command {
    at_home(Command::new(program))
}

/// A command that finds the shared library.
pub fn at_home(mut command: Command) -> Command {
    command.env("LD_LIBRARY_PATH", libraries());
    command
}

/// Runs a command that must succeed.
pub fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A directory for rings.
pub fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Whether there is valgrind. Says so if there isn't.
pub fn has_valgrind() -> bool {
    let there = Command::new("valgrind").arg("--version").output().is_ok_and(|told| told.status.success());
    if !there {
        eprintln!(
            "SKIPPED: valgrind isn't installed, under which the programs in C would run (apt-get install valgrind)"
        );
    }
    there
}
