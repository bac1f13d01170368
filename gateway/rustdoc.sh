#!/usr/bin/env bash
# Called by `cargo test --doc` in the place of rustdoc: runs the examples, and makes the pages from the same build.
# `cargo doc` would check all of Zenoh once more.
set -euo pipefail
pages=()
all=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    --test) ;;
    --test-run-directory | --test-args) shift ;;
    *) pages+=("$1") ;;
  esac
  shift
done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
rustdoc "${pages[@]}" --deny warnings --out-dir "$out"
rustdoc "${all[@]}"
