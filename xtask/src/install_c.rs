//! `cargo xtask install-c`: the library for C, where C programs look for it.
//!
//! It is what `cargo cinstall` of cargo-c does with the same package, whose metadata both agree with. Building cargo-c
//! takes longer than all tests.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::{Failure, cargo, root, target};

pub const USAGE: &str = "usage: cargo xtask install-c --destdir DIRECTORY [--prefix PATH] [--libdir PATH] [--profile NAME]
  Builds libringway for C and installs it: header files, archive, shared library and ringway.pc. All files go below
  DIRECTORY, as if that were the root. --prefix is /usr/local unless it is given, --libdir is PREFIX/lib, and --profile
  is release.";

/// What native code the archive takes besides: what `rustc --print native-static-libs` says.
const PRIVATE: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

struct Plan {
    destdir: PathBuf,
    prefix: String,
    libdir: String,
    profile: String,
}

pub fn run(args: &[&str]) -> Result<(), Failure> {
    let plan = plan(args)?;
    let built = build(&plan.profile)?;
    install(&plan, &built).map_err(|error| Failure::Run(error.to_string()))
}

fn plan(args: &[&str]) -> Result<Plan, Failure> {
    let (mut destdir, mut prefix, mut libdir, mut profile) = (None, "/usr/local", None, "release");
    let mut args = args.iter();
    while let Some(&option) = args.next() {
        let needs = || Failure::Arguments(format!("{option} needs a value"));
        let value = *args.next().ok_or_else(needs)?;
        match option {
            "--destdir" => destdir = Some(value),
            "--prefix" => prefix = value,
            "--libdir" => libdir = Some(value),
            "--profile" => profile = value,
            _ => return Err(Failure::Arguments(format!("unknown argument {option:?}"))),
        }
    }
    let destdir = destdir.ok_or_else(|| Failure::Arguments("--destdir is missing".into()))?;
    let libdir = libdir.map_or_else(|| format!("{prefix}/lib"), Into::into);
    if !prefix.starts_with('/') || !libdir.starts_with('/') {
        return Err(Failure::Arguments("--prefix and --libdir are absolute paths".into()));
    }
    Ok(Plan { destdir: destdir.into(), prefix: prefix.into(), libdir, profile: profile.into() })
}

/// Builds archive and shared library alone: with a library for Rust beside them, cargo optimizes each crate by itself.
fn build(profile: &str) -> Result<PathBuf, Failure> {
    let arguments = ["rustc", "--quiet", "--locked", "--package", "ringway-c", "--lib"];
    let built =
        cargo().args(arguments).args(["--crate-type", "cdylib,staticlib", "--profile", profile]).status();
    match built {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(Failure::Run(format!("cargo ended with {status}"))),
        Err(error) => return Err(Failure::Run(format!("cargo: {error}"))),
    }
    Ok(target(if profile == "dev" { "debug" } else { profile }))
}

fn install(plan: &Plan, built: &Path) -> std::io::Result<()> {
    let below = |path: &str| plan.destdir.join(path.trim_start_matches('/'));
    let (libraries, headers) = (below(&plan.libdir), below(&format!("{}/include", plan.prefix)));
    let descriptions = libraries.join("pkgconfig");
    fs::create_dir_all(&descriptions)?;
    put_all(&root().join("ringway-c/include"), &headers)?;
    put(&built.join("libringway_c.a"), &libraries.join("libringway.a"), 0o644)?;
    let version = env!("CARGO_PKG_VERSION");
    let full = format!("libringway.so.{version}");
    put(&built.join("libringway_c.so"), &libraries.join(&full), 0o755)?;
    for link in [format!("libringway.so.{}", interface(version)), "libringway.so".into()] {
        let link = libraries.join(link);
        let _ = fs::remove_file(&link);
        symlink(&full, link)?;
    }
    fs::write(descriptions.join("ringway.pc"), description(plan, version))?;
    println!("installed Ringway {version} for C in {}", plan.destdir.display());
    Ok(())
}

/// Puts the files of a folder into another, and those of its folders.
fn put_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            put_all(&entry.path(), &to)?
        } else {
            put(&entry.path(), &to, 0o644)?
        }
    }
    Ok(())
}

fn put(from: &Path, to: &Path, mode: u32) -> std::io::Result<()> {
    // A program may have the old one mapped.
    let _ = fs::remove_file(to);
    fs::copy(from, to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
}

/// The version of the interface, as in the shared library's own name: see ringway-c/build.rs.
fn interface(version: &str) -> &str {
    let end = version.match_indices('.').nth(usize::from(version.starts_with("0."))).map(|(at, _)| at);
    &version[..end.unwrap_or(version.len())]
}

fn description(plan: &Plan, version: &str) -> String {
    let Plan { prefix, libdir, .. } = plan;
    let libdir =
        libdir.strip_prefix(prefix.as_str()).map_or(libdir.clone(), |rest| format!("${{prefix}}{rest}"));
    format!(
        "prefix={prefix}
libdir={libdir}
includedir=${{prefix}}/include

Name: ringway
Description: Lock-free single-producer/multi-consumer rings in shared memory
Version: {version}
Libs: -L${{libdir}} -lringway
Libs.private: {PRIVATE}
Cflags: -I${{includedir}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_is_the_minor_version_while_the_major_one_is_0() {
        assert_eq!(["0.1.0", "0.12.3", "1.2.3"].map(interface), ["0.1", "0.12", "1"]);
    }

    #[test]
    fn the_description_follows_the_prefix() {
        let plan = plan(&["--destdir", "x", "--prefix", "/opt/r", "--libdir", "/opt/r/lib64"]).ok().unwrap();
        let text = description(&plan, "0.1.0");
        assert!(text.contains("prefix=/opt/r\n") && text.contains("libdir=${prefix}/lib64\n"), "{text}");
    }
}
