//! Names the shared library as the dynamic linker is to find it. While the major version is 0, each minor version is
//! another interface.
//!
//! The library stays loaded after `dlclose`: its sleeper thread and its handler of `SIGBUS` run its code.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let [Ok(major), Ok(minor)] = ["CARGO_PKG_VERSION_MAJOR", "CARGO_PKG_VERSION_MINOR"].map(var) else {
        panic!("cargo tells a build script its package's version");
    };
    let interface = if major == "0" { format!("{major}.{minor}") } else { major };
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libringway.so.{interface}");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
