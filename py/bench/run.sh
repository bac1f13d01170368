#!/usr/bin/env bash
# Builds the release wheel in a virtual environment and measures it beside its peers. Arguments go to compare.py.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
venv=$target/bench-venv
if ! [ -x "$venv/bin/pip" ]; then
  mkdir -p "$target"
  "${PYTHON:-python3}" -m venv "$venv"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check 'maturin>=1.16,<2' 'numpy>=2.0' 'pyzmq>=27' 'iceoryx2==0.10.*'
CARGO_TARGET_DIR=$target "$venv/bin/maturin" build --quiet --locked --release --interpreter "$venv/bin/python" --out "$target/release-wheels"
"$venv/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps "$target"/release-wheels/ringway-*.whl
exec "$venv/bin/python" bench/compare.py "$@"
