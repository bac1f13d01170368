"""Types: the stubs say what the module has, and programs are checked by them."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import ringway

HERE = Path(__file__).parent


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, cwd=HERE.parent)


def test_a_typed_program_passes_mypy_strict_and_runs(place: Path) -> None:
    checked = run("-m", "mypy", "--strict", "--cache-dir", place / "cache", HERE / "typed_sample.py")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    ran = run(HERE / "typed_sample.py", place / "ring")
    assert ran.returncode == 0 and ran.stdout == "14.0\n", ran.stderr


def test_mypy_sees_a_misuse(place: Path) -> None:
    (place / "misuse.py").write_text("import ringway\nringway.open('x').consumer(start='newest')\nringway.Lagged('x')\n")
    checked = run("-m", "mypy", "--strict", "--cache-dir", place / "cache", place / "misuse.py")
    assert checked.returncode == 1 and "Found 2 errors" in checked.stdout, checked.stdout


def test_the_stubs_say_what_the_module_has() -> None:
    # Before Python 3.12 the buffer protocol has no name that Python code sees.
    allowed = ("--allowlist", HERE / "stubtest_allowed.txt", "--ignore-unused-allowlist")
    checked = run("-m", "mypy.stubtest", "ringway", "--mypy-config-file", "pyproject.toml", *allowed)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_version_is_the_package_s() -> None:
    assert ringway.__version__ == importlib.metadata.version("ringway")
