//! Programs in C and in C++, compiled against the library as it is installed.

mod processes;
mod tools;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

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
fn descriptors_tell_of_what_comes_and_nothing_is_lost() {
    runs("polled");
}

#[test]
fn best_effort_readers_gate_and_lose_exactly_and_rings_are_waited_for() {
    runs("best_effort");
}

#[test]
fn the_guides_program_is_complete() {
    let page = std::fs::read_to_string(root().join("docs/guide/c.md")).unwrap();
    let rings = directory();
    let (_, rest) = page.split_once("```c\n").expect("a program");
    let (program, rest) = rest.split_once("```").expect("its end");
    assert!(!rest.contains("```c\n"), "one program, which this test compiles");
    let source = rings.path().join("guide.c");
    std::fs::write(&source, program).unwrap();
    for language in LANGUAGES {
        let program = compiled(&source, language, Linked::Shared);
        let said = succeeds(run(&program).arg(rings.path().join("ring"))).stdout;
        assert_eq!(String::from_utf8_lossy(&said), "hello\n");
    }
}

#[test]
fn the_examples_pass_lines_from_one_to_the_other() {
    let rings = directory();
    let ring = rings.path().join("lines");
    let example = |name: &str| {
        let source = root().join(format!("ringway-c/examples/{name}.c"));
        let lines = std::fs::read_to_string(&source).unwrap().lines().count();
        assert!(lines < 100, "{name}.c has {lines} lines");
        let mut command = run(&compiled(&source, Language::C, Linked::Shared));
        command.arg(&ring).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut consumer = example("consumer");
    let mut joined = [0; 7];
    consumer.stderr.as_mut().unwrap().read_exact(&mut joined).unwrap();
    let mut producer = example("producer");
    let lines: String = (0..5000).map(|line| format!("line {line}\n")).collect();
    producer.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let (consumed, produced) = (consumer.wait_with_output().unwrap(), producer.wait_with_output().unwrap());
    assert!(consumed.status.success() && produced.status.success(), "{consumed:?}, {produced:?}");
    assert_eq!(String::from_utf8(consumed.stdout).unwrap(), lines);
}

#[test]
fn valgrind_finds_nothing_wrong() {
    if !has_valgrind() {
        return;
    }
    for name in ["whole", "misuse", "forked", "interrupted", "polled", "best_effort"] {
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
        succeeds(language.compiler().arg("-fsyntax-only").arg(&header));
        // Later standards have words of their own; a program may ask for more warnings than these.
        let latest = if language == Language::C { "-std=c2x" } else { "-std=c++20" };
        let strict = [latest, "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wcast-qual"];
        succeeds(language.compiler().args(strict).arg("-fsyntax-only").arg(&header));
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
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains(&format!("Library soname: [libringway.so.{interface}]")), "{told}");
    // Threads and a handler of signals run its code: dlclose must not take it away.
    assert!(told.contains("NODELETE"), "{told}");
    assert_eq!(env!("CARGO_PKG_VERSION"), version, "the version has changed: so has the library's name");
    for link in [format!("libringway.so.{interface}"), "libringway.so".into()] {
        let target = std::fs::read_link(libraries().join(link)).unwrap();
        assert_eq!(target.to_str(), Some("libringway.so.0.1.0"));
    }
}
