#!/usr/bin/env bash
# What must hold for the gateway: bash gateway/check.sh
# Four minutes on two cores if nothing is built yet; Zenoh takes half of it.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR=never

cargo fmt --all --check

# The program of the walk-through. `cargo test --workspace` has built it already, where that ran.
cargo build --quiet --locked --manifest-path ../Cargo.toml --workspace --bin ringway

export CARGO_INCREMENTAL=0
# Clippy's lints come from the build of the tests: `cargo clippy` would check 210 crates once more.
# Debug information is only for backtraces of the gateway itself.
gateway=(
  env RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__
  cargo --config 'profile.dev.debug="line-tables-only"' --config 'profile.dev.package."*".debug=false'
)
"${gateway[@]}" test --locked --workspace --all-targets
# The pages come from the same build, too: see rustdoc.sh.
RUSTDOC=$PWD/rustdoc.sh "${gateway[@]}" test --locked --workspace --doc --quiet

# The fuzz targets, without libFuzzer, which only linking needs.
empty=$(mktemp)
trap 'rm -f "$empty"' EXIT
CUSTOM_LIBFUZZER_PATH=$empty cargo check --quiet --locked --manifest-path fuzz/Cargo.toml
