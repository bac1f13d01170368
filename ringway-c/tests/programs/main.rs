//! Programs in C and in C++, compiled against the library as it is installed.

mod processes;
mod tools;

use std::process::Command;

use tools::*;

/// Runs a program of `tests/c`, in both languages, with either library.
fn runs(name: &str) {
    for language in LANGUAGES {
        for linked in LINKINGS {
            let program = compiled(&of_tests(name), language, linked);
            let rings = directory();
            succeeds(run(&program).arg(rings.path()));
        }
    }
}

#[test]
fn each_function_does_what_it_says() {
    runs("whole");
}

#[test]
fn misuse_is_an_error_and_never_a_crash() {
    runs("misuse");
}

#[test]
fn handles_are_refused_in_a_forked_child() {
    runs("forked");
}

#[test]
fn a_signal_ends_a_wait() {
    runs("interrupted");
}

#[test]
fn valgrind_finds_nothing_wrong() {
    if !has_valgrind() {
        return;
    }
    for name in ["whole", "misuse", "forked", "interrupted"] {
        let program = compiled(&of_tests(name), Language::C, Linked::Shared);
        let rings = directory();
        let mut valgrind = at_home(Command::new("valgrind"));
        valgrind.args([
            "--quiet",
            "--error-exitcode=1",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
        ]);
        succeeds(valgrind.args(["--trace-children=yes"]).arg(program).arg(rings.path()));
    }
}

#[test]
fn the_header_alone_compiles_and_its_lines_are_the_source_s() {
    for language in LANGUAGES {
        let header = libraries().parent().unwrap().join("include/ringway.h");
        succeeds(language.compiler().arg("-fsyntax-only").arg(header));
    }
    let mut check = Command::new(env!("CARGO"));
    check.current_dir(root()).args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "xtask",
        "--",
        "header",
        "--check",
    ]);
    succeeds(&mut check);
}

#[test]
fn the_shared_library_shows_the_functions_of_the_header_and_nothing_else() {
    let library = libraries().join("libringway.so");
    let told =
        succeeds(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(&library)).stdout;
    let told = String::from_utf8(told).unwrap();
    let mut shown: Vec<&str> = told.lines().filter_map(|line| line.split(' ').next()).collect();
    shown.sort_unstable();
    let listed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exports.txt")).unwrap();
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(shown, listed, "if that is meant, change ringway-c/tests/exports.txt");

    let header = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/include/ringway.h")).unwrap();
    for name in listed {
        assert!(header.contains(&format!("{name}(")), "the header lacks {name}");
    }
    // The name that programs look for, and what leads there.
    let told = succeeds(Command::new("readelf").arg("-d").arg(&library)).stdout;
    let (version, interface) = ("0.1.0", "0.1");
    assert!(String::from_utf8_lossy(&told).contains(&format!("Library soname: [libringway.so.{interface}]")));
    assert_eq!(env!("CARGO_PKG_VERSION"), version, "the version has changed: so has the library's name");
    for link in [format!("libringway.so.{interface}"), "libringway.so".into()] {
        let target = std::fs::read_link(libraries().join(link)).unwrap();
        assert_eq!(target.to_str(), Some("libringway.so.0.1.0"));
    }
}
