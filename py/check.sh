#!/usr/bin/env bash
# Builds the wheel in a virtual environment and runs the Python tests and mypy on it. Arguments go to pytest.
# It needs Python 3.11 or later with pip and venv, and PyPI or a mirror; where they are missing it says so
# and ends well.
set -euo pipefail
cd "$(dirname "$0")"

skip() {
  printf 'py: SKIPPED, nothing of Python was built or tested: %s\n' "$1"
  exit 0
}

python=
for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 "$HOME"/.pyenv/versions/3.1[1-9]*/bin/python; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || skip "there is no Python 3.11 or later (PYTHON names another one)"
"$python" -c 'import venv, ensurepip' 2>/dev/null || skip "$python has no venv or no pip (python3-venv on Debian)"

target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target
venv=$target/venv
if ! [ -x "$venv/bin/pip" ]; then
  mkdir -p "$target"
  "$python" -m venv "$venv"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/requirements.txt \
  || skip "pip can't install tests/requirements.txt: is there a network?"

rm -rf "$target/wheels"
"$venv/bin/maturin" build --quiet --locked --profile dev --interpreter "$venv/bin/python" --out "$target/wheels"
"$venv/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps "$target"/wheels/ringway-*.whl
"$venv/bin/mypy" --strict --cache-dir "$target/mypy" python/ringway tests/typed_sample.py examples
"$venv/bin/python" -m pytest -q "$@"
