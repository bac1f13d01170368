//! `cargo xtask header`: ringway-c's header, made of its source.

use std::fs;
use std::path::PathBuf;

use crate::{Failure, root};

pub const USAGE: &str = "usage: cargo xtask header [--check]
  Makes ringway-c/include/ringway.h of ringway-c/src. With --check it writes nothing, and fails if that would change
  the file.";

pub fn run(args: &[&str]) -> Result<(), Failure> {
    let check = match args {
        [] => false,
        ["--check"] => true,
        _ => return Err(Failure::Arguments(format!("unknown arguments {args:?}"))),
    };
    let path = path();
    let made = make()?;
    if !check {
        return fs::write(&path, made).map_err(|error| Failure::Run(format!("{}: {error}", path.display())));
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    if found == made {
        return Ok(());
    }
    let differs = found.lines().zip(made.lines()).position(|(found, made)| found != made);
    let line = differs.map_or("its length".into(), |line| format!("line {}", line + 1));
    Err(Failure::Run(format!(
        "{} isn't what its source makes ({line} differs): run `cargo xtask header`, and commit the file",
        path.display()
    )))
}

fn path() -> PathBuf {
    root().join("ringway-c/include/ringway.h")
}

fn make() -> Result<String, Failure> {
    let folder = root().join("ringway-c");
    let failed = |error: String| Failure::Run(format!("ringway-c/cbindgen.toml: {error}"));
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).map_err(failed)?;
    let bindings = cbindgen::Builder::new().with_crate(&folder).with_config(config).generate();
    let bindings = bindings.map_err(|error| Failure::Run(error.to_string()))?;
    let mut header = Vec::new();
    bindings.write(&mut header);
    let header = String::from_utf8(header).map_err(|error| Failure::Run(error.to_string()))?;
    // A heading of rustdoc means nothing in C.
    Ok(header.replace("// # Safety\n", "// What the caller sees to:\n"))
}
